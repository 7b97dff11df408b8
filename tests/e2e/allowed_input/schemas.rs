//! Validates values with the schemas of a description.

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// The address under which the description is known here.
const DOCUMENT_URL: &str = "https://shop.example/openapi.json";

/// The schemas of a description, compiled as far as they were needed.
pub(super) struct DocumentSchemas {
    compiler: Compiler,
    schemas: Schemas,
    compiled: BTreeMap<String, SchemaIndex>,
}

impl DocumentSchemas {
    pub(super) fn new(document: &Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource(DOCUMENT_URL, document.clone()).unwrap();
        Self { compiler, schemas: Schemas::new(), compiled: BTreeMap::new() }
    }

    /// What is wrong with a value of the schema at a place of the description; `None` when nothing is.
    pub(super) fn error_at(&mut self, keys: &[&str], value: &Value) -> Option<String> {
        let keys = keys.iter().map(|key| key.replace('~', "~0").replace('/', "~1"));
        let url = keys.fold(format!("{DOCUMENT_URL}#"), |url, key| format!("{url}/{}", percent_encoded(&key)));
        self.error(url, value)
    }

    /// Whether a value is of a schema without references.
    pub(super) fn allows(&mut self, schema: &Value, value: &Value) -> bool {
        let text = schema.to_string();
        let number = self.compiled.len();
        let url = self.compiled.keys().find(|known| **known == text).cloned();
        if url.is_none() {
            let url = format!("https://shop.example/schemas/{number}");
            self.compiler.add_resource(&url, schema.clone()).unwrap();
            let index = self.compiler.compile(&url, &mut self.schemas).unwrap();
            self.compiled.insert(text.clone(), index);
        }
        self.error(text, value).is_none()
    }

    fn error(&mut self, url: String, value: &Value) -> Option<String> {
        let index = match self.compiled.get(&url) {
            Some(index) => *index,
            None => {
                let index = self.compiler.compile(&url, &mut self.schemas).unwrap();
                self.compiled.insert(url, index);
                index
            }
        };
        self.schemas.validate(value, index).err().map(|error| format!("{error:#}"))
    }
}

/// A key as a part of the fragment of an address.
fn percent_encoded(key: &str) -> String {
    key.replace('%', "%25").replace('{', "%7B").replace('}', "%7D").replace('+', "%2B")
}
