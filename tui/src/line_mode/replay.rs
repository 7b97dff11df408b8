//! `storefront replay`: reads an exported timeline, checks it whole before anything is shown, and prints it as lines.

use std::fs;
use std::path::Path;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, eyre};
use serde_json::Value;
use storefront_api::{Event, Timestamp};

use crate::line_mode::lines::{line, print, since};
use crate::state::{MAX_TIMELINE_EVENTS, pause_ms};

/// Maximum file size in bytes: room for the maximum number of the longest events.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Reads events from a file of JSON lines, as `storefront events --json` and `GET /v1/export` print them.
///
/// # Errors
/// When the file cannot be read, a line is no event, the events are out of order, or there are none or too many.
pub(crate) fn read(path: &Path) -> Result<Vec<Event>> {
    let name = path.display();
    let size = fs::metadata(path).wrap_err_with(|| format!("{name} cannot be read"))?.len();
    if size > MAX_FILE_BYTES {
        return Err(too_much(path));
    }
    let text = fs::read_to_string(path).wrap_err_with(|| format!("{name} cannot be read"))?;
    let mut events: Vec<Event> = Vec::new();
    for (at, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let event: Event = event(text).map_err(|error| eyre!("{name}, line {at}: this is no event: {error}"))?;
        if events.last().is_some_and(|before| before.position >= event.position) {
            return Err(eyre!("{name}, line {at}: position {} does not follow the one before", event.position));
        }
        events.push(event);
        if events.len() > MAX_TIMELINE_EVENTS {
            return Err(too_much(path));
        }
    }
    if events.is_empty() {
        return Err(eyre!("{name} has no events in it. `storefront events --json --order ID` prints some"));
    }
    Ok(events)
}

/// Parses an event as the API returns it, or as the export of a log has it, with times in milliseconds.
fn event(text: &str) -> serde_json::Result<Event> {
    let mut value: Value = serde_json::from_str(text)?;
    if let Some(fields) = value.as_object_mut()
        && let Some(time_ms) = fields.get("time_ms").and_then(Value::as_i64)
    {
        fields.insert("time".to_owned(), serde_json::to_value(Timestamp::from_unix_ms(time_ms))?);
    }
    serde_json::from_value(value)
}

fn too_much(path: &Path) -> color_eyre::Report {
    let name = path.display();
    eyre!(
        "{name} has more than {MAX_TIMELINE_EVENTS} events. `storefront events --json --order ID` prints those of one order"
    )
}

/// Prints the events with the pauses between them, at a speed in thousandths of real time.
///
/// # Errors
/// When the output is closed.
pub(crate) async fn replay(events: &[Event], speed: u32) -> Result<()> {
    let mut before_ms = None;
    for event in events {
        let at = event.time.unix_ms();
        if let Some(before) = before_ms {
            let pause = pause_ms(at.saturating_sub(before), speed);
            tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())).await;
        }
        print(&line(event, &since(before_ms.unwrap_or(at), event))).await?;
        before_ms = Some(at);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::tests::world::an_event;

    fn read_text(text: &str) -> Result<Vec<Event>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("order.jsonl");
        fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    fn json(position: u64) -> String {
        serde_json::to_string(&an_event(position, "order.started", "7")).unwrap()
    }

    #[test]
    fn events_are_read_line_by_line_and_blank_lines_do_not_matter() {
        let events = read_text(&format!("{}\n\n{}\n", json(3), json(9))).unwrap();
        assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [3, 9]);
    }

    #[test]
    fn the_export_of_a_log_is_read_too() {
        let exported = r#"{"position":4,"id":"00000000-0000-0000-0000-000000000004","stream":"order-7","version":1,
            "type":"order.started","schema_version":1,"time_ms":1772366400123,"correlation_id":"7","causation_id":null,
            "actor":"guest","data":{}}"#;
        let events = read_text(&exported.replace('\n', "")).unwrap();
        assert_eq!(events[0].time, Timestamp::from_unix_ms(1_772_366_400_123));
    }

    #[test]
    fn a_file_that_is_no_timeline_is_refused_with_the_line() {
        assert!(read_text("").unwrap_err().contains("has no events in it"));
        assert!(read_text(&format!("{}\n{{half", json(1))).unwrap_err().contains(", line 2: this is no event"));
        assert!(read_text(&format!("{}\n{}", json(2), json(2))).unwrap_err().contains("line 2: position 2 does not"));
        let long: String = (1..=10_001).map(|at| json(at) + "\n").collect();
        assert!(read_text(&long).unwrap_err().contains("more than 10000 events"));
        assert!(read(Path::new("/nowhere/at all")).unwrap_err().to_string().contains("cannot be read"));
    }
}
