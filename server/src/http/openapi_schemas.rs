//! What the schemas of the description say beside their types: patterns of texts, countries, and bodies of bytes.

use storefront_api::{Address, Country, text};
use utoipa::ToSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, RefOr, Schema};

/// Media types of bodies that are bytes.
const BINARY: [&str; 2] = ["image/png", "application/pdf"];

/// Maximum number of attributes of a product.
const MAX_ATTRIBUTES: usize = 20;

/// Adds to the schemas of types what their attributes cannot say.
pub(super) fn complete(document: &mut OpenApi) {
    let (line, lines) = (text::line_pattern(), text::lines_pattern());
    for (name, schema) in document.components.iter_mut().flat_map(|components| &mut components.schemas) {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        for (field, property) in &mut object.properties {
            let RefOr::T(Schema::Object(property)) = property else { continue };
            if field == "attributes" {
                property.max_properties = Some(MAX_ATTRIBUTES);
            }
            if *name == Address::name() && field == "country" {
                property.enum_values = Some(Country::all().map(|country| country.code.into()).collect());
            }
            // Texts that people enter have a maximum length; those of one line are not empty.
            if property.max_length.is_some() && property.pattern.is_none() && property.format.is_none() {
                property.pattern = Some(if property.min_length.is_some() { line.clone() } else { lines.clone() });
            }
        }
    }
}

/// Makes bodies of bytes strings in binary format, as generators of clients know them.
pub(super) fn complete_bodies(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content.iter_mut().for_each(|(media_type, content)| complete_body(media_type, content));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.content.iter_mut().for_each(|(media_type, content)| complete_body(media_type, content));
        }
    }
}

fn complete_body(media_type: &str, content: &mut RefOr<Content>) {
    if BINARY.contains(&media_type) {
        let format = Some(SchemaFormat::Custom("binary".to_owned()));
        let bytes = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).format(format);
        *content = RefOr::T(Content::new(Some(Schema::Object(bytes.build()))));
    }
}

#[cfg(test)]
mod tests {
    use boon::{Compiler, Schemas};
    use serde_json::{Value, json};

    use super::*;

    /// Whether a schema with a pattern takes each of the texts.
    fn takes(pattern: &str, texts: impl Iterator<Item = String>) -> Vec<(String, bool)> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("https://schemas.example/text", json!({ "pattern": pattern })).unwrap();
        let index = compiler.compile("https://schemas.example/text", &mut schemas).unwrap();
        texts
            .map(|text| (schemas.validate(&Value::String(text.clone()), index).is_ok(), text))
            .map(|(is, text)| (text, is))
            .collect()
    }

    #[test]
    fn the_patterns_of_texts_take_what_the_shop_takes() {
        let characters =
            || (0..=0xffff_u32).filter_map(char::from_u32).filter(|char| !matches!(char, '\u{200c}' | '\u{200d}'));
        for (text, is_taken) in takes(&text::line_pattern(), characters().map(|char| format!("a{char}b"))) {
            assert_eq!(is_taken, text::check_line(&text, 3).is_ok(), "{text:?}");
        }
        for (text, is_taken) in takes(&text::line_pattern(), characters().map(String::from)) {
            assert!(!is_taken || text::check_line(&text, 3).is_ok(), "{text:?}");
        }
        for (text, is_taken) in takes(&text::lines_pattern(), characters().map(|char| format!("a{char}b"))) {
            assert_eq!(is_taken, text::check_lines(&text, 3).is_ok(), "{text:?}");
        }
        assert_eq!(
            takes(&text::line_pattern(), [String::new(), " ".to_owned()].into_iter())
                .iter()
                .filter(|(_, is)| *is)
                .count(),
            0
        );
    }

    #[test]
    fn bodies_of_bytes_are_binary() {
        let document = serde_json::to_value(crate::http::document()).unwrap();
        let binary = json!({ "type": "string", "format": "binary" });
        let picture = &document["paths"]["/v1/products/{id}/picture"];
        assert_eq!(picture["get"]["responses"]["200"]["content"]["image/png"]["schema"], binary);
        assert_eq!(picture["put"]["requestBody"]["content"]["image/png"]["schema"], binary);
        let invoice = &document["paths"]["/v1/invoices/{number}"]["get"]["responses"]["200"]["content"];
        assert_eq!(invoice["application/pdf"]["schema"], binary);
    }
}
