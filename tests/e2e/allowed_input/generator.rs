//! Makes values of schemas: at random, often at a limit, and often such as the shop knows.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas::DocumentSchemas;
use crate::histories::seeded_rng::SeededRng;

/// Characters of texts that people enter.
const WRITTEN: &str = "abcZ 09-'.,/&%+#<é茶Ωя😀";
/// Characters of names that programs use, and of headers.
const PLAIN: &str = "abcxyz0189-._";
const UPPER: &str = "ABCXYZ";
const ALPHANUMERIC: &str = "abcXYZ0189";
const HEADER: &str = "abcXYZ 0189-_.!#$%/()@é茶";

/// Number of texts that are made to find one of a pattern.
const MAX_TRIES: u32 = 2000;

/// Maximum length of texts whose schema has none.
const USUAL_MAX_LENGTH: u64 = 64;

/// Entity tags, whose pattern no random text has.
const ETAGS: [&str; 4] = ["*", "\"1\"", "W/\"2-0f\"", "\"3\", W/\"4\""];

const TIMES: [&str; 5] = [
    "2026-05-01T12:00:00Z",
    "2026-02-28T23:59:59.999999Z",
    "2030-01-01T00:00:00.5+05:30",
    "1970-01-01T00:00:00-00:00",
    "9999-12-31T23:59:59Z",
];

/// Makes values of the schemas of a description.
pub(super) struct Generator {
    pub(super) rng: SeededRng,
    pub(super) document: Value,
    pub(super) schemas: DocumentSchemas,
    /// Values that the shop knows, by the name of their schema.
    pub(super) known: BTreeMap<&'static str, Vec<String>>,
}

impl Generator {
    pub(super) fn value(&mut self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.referenced(reference);
        }
        for name in ["oneOf", "anyOf"] {
            if let Some(schemas) = schema[name].as_array() {
                let chosen = self.pick(schemas);
                return self.value(&chosen);
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.pick(values);
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        match self.pick(&kinds).as_str().unwrap_or("any") {
            "null" => Value::Null,
            "boolean" => self.rng.one_in(2).into(),
            "integer" => self.integer(schema),
            "number" => self.number(schema),
            "string" => self.text(schema, false).into(),
            "array" => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                (0..least.max(self.rng.below(3))).map(|_| self.value(&schema["items"])).collect()
            }
            "object" => self.object(schema),
            other => panic!("a schema of type {other}: {schema}"),
        }
    }

    fn pick(&mut self, values: &[Value]) -> Value {
        values[self.rng.index(values.len())].clone()
    }

    fn referenced(&mut self, reference: &str) -> Value {
        let name = reference.rsplit('/').next().unwrap_or_default();
        if let Some(known) = self.known.get(name).filter(|known| !known.is_empty()) {
            let chosen = known[self.rng.index(known.len())].clone();
            if self.rng.one_in(2) {
                return chosen.into();
            }
        }
        let schema = self.document.pointer(reference.trim_start_matches('#'));
        let schema = schema.expect("a reference leads somewhere").clone();
        self.value(&schema)
    }

    fn object(&mut self, schema: &Value) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut fields = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&json!(name)) || self.rng.one_in(2) {
                // A shop has one currency, which the description does not know.
                let value = if name == "currency" { json!("EUR") } else { self.value(property) };
                fields.insert(name.clone(), value);
            }
        }
        match &schema["additionalProperties"] {
            Value::Bool(false) => {}
            Value::Object(of) => {
                for _ in 0..self.rng.below(schema["maxProperties"].as_u64().unwrap_or(3) + 1) {
                    let name = self.value(&schema["propertyNames"]);
                    let value = self.value(&Value::Object(of.clone()));
                    fields.insert(name.as_str().unwrap().to_owned(), value);
                }
            }
            _ if self.rng.one_in(6) => {
                fields.insert("something_else".to_owned(), json!({ "of": [1, null] }));
            }
            _ => {}
        }
        Value::Object(fields)
    }

    /// A whole number, often at a limit; sometimes written as `2.0`, which is an integer too.
    fn integer(&mut self, schema: &Value) -> Value {
        let (first, last) = match schema["format"].as_str() {
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let least = schema["minimum"].as_f64().map_or(first, |least| least as i64);
        let most = schema["maximum"].as_f64().map_or(last, |most| most as i64);
        let number = match self.rng.below(4) {
            0 => least,
            1 => most,
            _ => 0_i64.max(least).saturating_add(i64::try_from(self.rng.below(1000)).unwrap()).min(most),
        };
        if (-1000..1000).contains(&number) && self.rng.one_in(8) { json!(number as f64) } else { json!(number) }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_f64().unwrap_or(-1e6);
        let most = schema["maximum"].as_f64().unwrap_or(1e6);
        loop {
            let number = match self.rng.below(4) {
                0 => json!(least),
                1 => json!(most),
                _ => json!(least.ceil() + self.rng.below((most - least) as u64 * 8) as f64 / 8.0),
            };
            // Binary fractions are not always multiples of decimal ones.
            if self.schemas.allows(schema, &number) {
                return number;
            }
        }
    }

    /// A text of a schema; one for a header has no spaces around it.
    pub(super) fn text(&mut self, schema: &Value, in_header: bool) -> String {
        match schema["format"].as_str() {
            Some("uuid") => return self.uuid(),
            Some("date-time") => return TIMES[self.rng.index(TIMES.len())].to_owned(),
            Some("email") => {
                let number = self.rng.below(1000);
                let long = "a".repeat(40);
                let forms = [format!("Ada.{number}@example.com"), format!("o'neil+{number}@{long}.{long}.example")];
                return forms[self.rng.index(2)].clone();
            }
            _ => {}
        }
        let least = schema["minLength"].as_u64().unwrap_or(0);
        let most = schema["maxLength"].as_u64().unwrap_or(least.max(USUAL_MAX_LENGTH));
        let alphabets: &[&str] = match (in_header, schema["pattern"].is_string()) {
            (true, _) => &[HEADER, PLAIN],
            (false, true) => &[WRITTEN, PLAIN, UPPER, ALPHANUMERIC],
            (false, false) => &[WRITTEN],
        };
        for _ in 0..MAX_TRIES {
            let letters: Vec<char> = alphabets[self.rng.index(alphabets.len())].chars().collect();
            let length = match self.rng.below(4) {
                0 => least,
                1 => most,
                2 => least + self.rng.below((most - least).min(6) + 1),
                _ => least + self.rng.below(most - least + 1),
            };
            let text: String = (0..length).map(|_| letters[self.rng.index(letters.len())]).collect();
            // Spaces around a header are not part of it.
            let text = if in_header { text.trim().to_owned() } else { text };
            if self.schemas.allows(schema, &json!(text)) {
                return text;
            }
        }
        let tag = ETAGS[self.rng.index(ETAGS.len())];
        assert!(self.schemas.allows(schema, &json!(tag)), "no text of {schema} was found");
        tag.to_owned()
    }

    fn uuid(&mut self) -> String {
        let uuid = uuid::Uuid::from_u64_pair(self.rng.below(u64::MAX), self.rng.below(u64::MAX)).to_string();
        if self.rng.one_in(4) { uuid.to_uppercase() } else { uuid }
    }
}
