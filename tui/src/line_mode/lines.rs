//! Events as lines of text.

use std::io::{self, Write};

use storefront_api::Event;

use crate::event_text;
use crate::plain;
use crate::view::when;

/// Prints a line and flushes it, without characters that a terminal interprets.
///
/// # Errors
/// When the output is closed or cannot be written.
pub(super) async fn print(line: &str) -> io::Result<()> {
    print_raw(plain::line(line)).await
}

/// Prints a line of JSON and flushes it, with characters that a terminal interprets escaped.
///
/// # Errors
/// As [`print()`].
pub(super) async fn print_json(line: &str) -> io::Result<()> {
    print_raw(plain::json(line)).await
}

/// Writes beside the runtime: a reader that takes nothing must not keep a signal from ending the command.
async fn print_raw(line: String) -> io::Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    });
    written.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}

/// Formats an event in columns: position, time or span, stream, event, description.
pub(super) fn line(event: &Event, time: &str) -> String {
    let kind = event_text::stream_kind(event);
    let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what);
    let line = format!("{:>6}  {time:>9}  {kind:<8}  {what:<22}  {}", event.position, event_text::describe(event));
    line.trim_end().to_owned()
}

/// Formats the time since `before_ms`, as `+12 ms`.
pub(super) fn since(before_ms: i64, event: &Event) -> String {
    format!("+{}", when::span(event.time.unix_ms() - before_ms))
}
