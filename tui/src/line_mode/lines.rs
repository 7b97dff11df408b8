//! Events as lines of text.

use std::io::{self, Write};

use storefront_api::Event;

use crate::event_text;
use crate::plain;
use crate::view::when;

/// Prints a line at once, without anything a terminal would act on.
///
/// # Errors
/// When nobody reads any more, or the output cannot be written.
pub(super) fn print(line: &str) -> io::Result<()> {
    print_raw(&plain::line(line))
}

/// Prints a line of JSON at once, with what a terminal would act on escaped.
///
/// # Errors
/// As [`print()`].
pub(super) fn print_json(line: &str) -> io::Result<()> {
    print_raw(&plain::json(line))
}

fn print_raw(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Position, a span or a time, stream, event, meaning: aligned.
pub(super) fn line(event: &Event, time: &str) -> String {
    let kind = event_text::stream_kind(event);
    let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what);
    let line = format!("{:>6}  {time:>9}  {kind:<8}  {what:<22}  {}", event.position, event_text::of(event));
    line.trim_end().to_owned()
}

/// A span since `before`, as `+12 ms`.
pub(super) fn since(before_ms: i64, event: &Event) -> String {
    format!("+{}", when::span(event.time.unix_ms() - before_ms))
}
