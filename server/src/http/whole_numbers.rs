//! Whole numbers in JSON: `2.0` and `2e0` are the integer 2, as JSON Schema has it.

use serde_json::Value;

/// Largest whole number that a float holds exactly, 2⁵³.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes whole numbers as integers in a JSON value, whatever their form. Returns `true` when one was written otherwise. The
/// recursion is bounded by serde's limit on nesting.
pub(crate) fn normalize(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            let whole =
                number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() <= MAX_EXACT);
            #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within the range of i64")]
            let integer = whole.map(|float| float as i64);
            if let Some(integer) = integer {
                *value = integer.into();
            }
            integer.is_some()
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| normalize(item) | changed),
        Value::Object(fields) => fields.values_mut().fold(false, |changed, field| normalize(field) | changed),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_become_integers_and_others_stay() {
        let mut value: Value =
            serde_json::from_str(r#"{"a":[2.0,2e0,-0.0,5.5],"b":{"c":1e3},"d":"2.0","e":1e300,"f":3}"#).unwrap();
        assert!(normalize(&mut value));
        assert_eq!(value, json!({"a": [2, 2, 0, 5.5], "b": {"c": 1000}, "d": "2.0", "e": 1e300, "f": 3}));
        assert!(!normalize(&mut value));
    }
}
