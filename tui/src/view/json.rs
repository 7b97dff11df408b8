//! Formats JSON for reading: what fits on a line stays on it, everything else is split, one part per line.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::view::text::fold;

/// Maximum depth that is split; deeper parts stay on their line, which is wrapped at the edge.
const MAX_DEPTH: usize = 16;

/// Formats a value in lines of at most `room` cells.
pub(super) fn lines(value: &Value, room: u16) -> Vec<String> {
    let mut out = Vec::new();
    open("", value, "", 0, usize::from(room), &mut out);
    out.iter().flat_map(|line| fold(line, room)).collect()
}

/// Writes a part between its prefix and its suffix.
fn open(before: &str, value: &Value, after: &str, depth: usize, room: usize, out: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let flat = format!("{indent}{before}{}{after}", flat(value));
    let small = match value {
        Value::Object(fields) => fields.is_empty() || depth > 0,
        Value::Array(items) => items.is_empty() || depth > 0,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    if depth >= MAX_DEPTH || (small && flat.width() <= room) {
        out.push(flat);
        return;
    }
    match value {
        Value::Object(fields) => {
            out.push(format!("{indent}{before}{{"));
            for (place, (name, part)) in fields.iter().enumerate() {
                let comma = if place + 1 < fields.len() { "," } else { "" };
                open(&format!("{}: ", Value::from(name.as_str())), part, comma, depth + 1, room, out);
            }
            out.push(format!("{indent}}}{after}"));
        }
        Value::Array(items) => {
            out.push(format!("{indent}{before}["));
            for (place, part) in items.iter().enumerate() {
                let comma = if place + 1 < items.len() { "," } else { "" };
                open("", part, comma, depth + 1, room, out);
            }
            out.push(format!("{indent}]{after}"));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push(flat),
    }
}

/// Formats a value on one line, with spaces for reading.
fn flat(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let parts: Vec<String> =
                fields.iter().map(|(name, part)| format!("{}: {}", Value::from(name.as_str()), flat(part))).collect();
            format!("{{ {} }}", parts.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stays_on_its_line_and_the_rest_is_opened() {
        let value = json!({"total": {"amount": 2499, "currency": "EUR"}, "ids": ["mug", "pot"], "none": {}});
        assert_eq!(
            lines(&value, 60),
            [
                "{",
                "  \"total\": { \"amount\": 2499, \"currency\": \"EUR\" },",
                "  \"ids\": [\"mug\", \"pot\"],",
                "  \"none\": {}",
                "}"
            ]
        );
        let narrow = lines(&value, 22);
        assert!(narrow.contains(&"    \"amount\": 2499,".to_owned()), "{narrow:?}");
        assert!(narrow.iter().all(|line| line.width() <= 22), "{narrow:?}");
        assert_eq!(lines(&json!(null), 10), ["null"]);
    }
}
