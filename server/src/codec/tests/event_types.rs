//! The catalogue of event types says what is so: each schema is that of its struct, and each recorded example matches it.

use std::collections::{BTreeMap, BTreeSet};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use super::super::event_type::{EventType, Shape, remove_secrets};
use super::super::upcast;
use crate::store::aggregate_list::{CONTEXTS, event_types};

/// What of a schema is its structure. Descriptions and limits may change without another version.
const STRUCTURE: [&str; 8] =
    ["type", "required", "enum", "format", "minimum", "oneOf", "items", "additionalProperties"];

/// The structure of a derived schema, with the types in it in their places, and without fields that the schema does not name.
fn structure(kind: &str, (schema, parts): Shape) -> Value {
    let parts: BTreeMap<String, Value> = parts.into_iter().map(|(name, part)| (name, as_json(&part))).collect();
    let mut structure = reduced(&as_json(&schema), &parts);
    if let Some(properties) = structure.get_mut("properties") {
        remove_secrets(kind, properties);
    }
    if let Some(required) = structure.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != super::super::customer::PASSWORD_HASH);
    }
    if structure["required"] == json!([])
        && let Some(fields) = structure.as_object_mut()
    {
        fields.remove("required");
    }
    structure
}

fn as_json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap()
}

fn reduced(schema: &Value, parts: &BTreeMap<String, Value>) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return reduced(parts.get(name).unwrap_or_else(|| panic!("{name} is not among the parts")), parts);
    }
    let Value::Object(fields) = schema else { return schema.clone() };
    let is_object = schema["type"] == "object";
    let mut kept = serde_json::Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.iter().map(|(name, property)| (name.clone(), reduced(property, parts))).collect()
            }
            ("oneOf", Value::Array(schemas)) => schemas.iter().map(|schema| reduced(schema, parts)).collect(),
            ("items" | "additionalProperties", nested) => reduced(nested, parts),
            (name, value) if STRUCTURE.contains(&name) => value.clone(),
            // Where utoipa means all of several, the structure of the event is no longer to be seen.
            (name, _) => {
                assert!(!["allOf", "anyOf", "not"].contains(&name), "{schema}");
                continue;
            }
        };
        kept.insert(name.clone(), value);
    }
    if is_object {
        kept.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    Value::Object(kept)
}

/// A compiled schema.
struct Checker {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Checker {
    fn of(schema: &Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("https://schemas.example/event", schema.clone()).unwrap();
        let index = compiler.compile("https://schemas.example/event", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn check(&self, data: &Value) -> Result<(), String> {
        self.schemas.validate(data, self.index).map_err(|error| error.to_string())
    }
}

/// Every type with its versions, their schemas and examples as they are read over HTTP.
fn versions() -> impl Iterator<Item = (&'static EventType, u16, Value, Value)> {
    event_types().flat_map(|event_type| {
        event_type.versions.iter().map(move |version| {
            let mut example = serde_json::from_str(version.example).unwrap();
            remove_secrets(event_type.kind, &mut example);
            (event_type, version.schema_version, serde_json::from_str(version.schema).unwrap(), example)
        })
    })
}

#[test]
fn the_schema_of_a_present_version_is_that_of_its_struct() {
    for event_type in event_types() {
        let kind = event_type.kind;
        let present = event_type.versions.last().unwrap();
        let derived = structure(kind, (event_type.shape)());
        assert_eq!(
            derived,
            serde_json::from_str::<Value>(present.schema).unwrap(),
            "{kind} has another shape than its version {}. Another shape needs another version. The schema of a version that is \
             not released yet is recorded as schemas/{kind}.v{}.json:\n{derived:#}",
            present.schema_version,
            present.schema_version
        );
    }
}

#[test]
fn there_is_a_schema_of_every_version_and_of_nothing_else() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/codec/schemas");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.collect();
    assert_eq!(
        files,
        versions().map(|(event_type, version, ..)| format!("{}.v{version}.json", event_type.kind)).collect()
    );
}

#[test]
fn every_recorded_example_matches_its_schema() {
    for (event_type, version, schema, example) in versions() {
        let checked = Checker::of(&schema).check(&example);
        assert_eq!(checked, Ok(()), "{} version {version}", event_type.kind);
    }
}

#[test]
fn a_schema_refuses_a_field_that_it_does_not_name_and_misses_one_that_is_needed() {
    for (event_type, version, schema, example) in versions() {
        let (kind, checker) = (event_type.kind, Checker::of(&schema));
        let with = |name: &str| {
            let mut more = example.clone();
            more[name] = json!(1);
            more
        };
        assert!(checker.check(&with("added")).is_err(), "{kind} version {version} takes any field");
        for name in schema["required"].as_array().into_iter().flatten() {
            let mut less = example.clone();
            less.as_object_mut().unwrap().remove(name.as_str().unwrap());
            assert!(checker.check(&less).is_err(), "{kind} version {version} does not miss {name}");
        }
    }
}

#[test]
fn the_catalogue_has_every_version_of_every_type_and_names_its_streams() {
    for context in CONTEXTS {
        for event_type in context.types {
            let versions: Vec<u16> = event_type.versions.iter().map(|version| version.schema_version).collect();
            let present = upcast::present_version(event_type.kind);
            assert_eq!(versions, (1..=present).collect::<Vec<_>>(), "{}", event_type.kind);
            let prefix = event_type.kind.split_once('.').unwrap().0;
            assert_eq!((prefix, event_type.stream.split_once('-').unwrap().0), (context.name, context.name));
            assert!(!event_type.meaning.ends_with('.'), "{}", event_type.kind);
        }
    }
}
