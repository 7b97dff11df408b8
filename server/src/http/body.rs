//! Reads request bodies within limits of size and time, and parses them as JSON. Each kind of failure has its own error code.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use storefront_api::FieldError;

use super::card_numbers::{has_card_number, is_phone_number};
use super::extract::header_text;
use super::whole_numbers;
use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;

/// Default maximum size of a request body.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// JSON pointers of the telephone number in a checkout, and in the address book.
const PHONE_POINTERS: [&str; 2] = ["/shipping_address/phone", "/address/phone"];

/// Maximum time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a whole body.
///
/// # Errors
/// When it is longer than [`MAX_BODY_BYTES`], is incomplete, or takes too long.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ApiError> {
    read_within(BODY_TIMEOUT, MAX_BODY_BYTES, headers, body).await
}

/// Reads a whole body of at most `max_bytes`.
///
/// # Errors
/// See [`read`].
pub(crate) async fn read_up_to(max_bytes: usize, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ApiError> {
    read_within(BODY_TIMEOUT, max_bytes, headers, body).await
}

async fn read_within(limit: Duration, max_bytes: usize, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(too_large(max_bytes));
    }
    match tokio::time::timeout(limit, collect(max_bytes, body)).await {
        Ok(bytes) => bytes,
        Err(_) => Err(ApiError::new(ErrorCode::IncompleteBody, "The body did not arrive in time. Send it again.")),
    }
}

async fn collect(max_bytes: usize, body: Body) -> Result<Vec<u8>, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            ApiError::new(
                ErrorCode::IncompleteBody,
                "The body broke off, or is not as long as announced. Send it again.",
            )
        })?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Parses a body as JSON. An empty body reads as `null` and needs no content type.
///
/// # Errors
/// When it is not declared as plain JSON, is not JSON, contains a card number, or does not match `T`; the error names the
/// field.
pub(crate) fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, ApiError> {
    if !bytes.is_empty() && !is_plain_json(headers) {
        let detail = "Send the body as Content-Type: application/json, without a Content-Encoding.";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
    }
    let bytes = if bytes.is_empty() { b"null" } else { bytes };
    refuse_card_numbers(bytes)?;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json);
    if parsed.is_err()
        && let Some(value) = with_whole_numbers(bytes)
    {
        return serde_path_to_error::deserialize(value).map_err(shape_error);
    }
    let value = parsed.map_err(shape_error)?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// The body with whole numbers such as `2.0` as integers; `None` when it has none, or is not JSON.
fn with_whole_numbers(bytes: &[u8]) -> Option<Value> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    whole_numbers::normalize(&mut value).then_some(value)
}

fn shape_error(error: serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let pointer = pointer(error.path());
    let cause = error.into_inner();
    if cause.is_data() {
        ApiError::invalid_fields(vec![FieldError { pointer, detail: describe_shape_error(&cause) }])
    } else {
        malformed(&cause)
    }
}

/// Parses a body that must be a JSON object. Without this check, serde would accept an array of the object's values.
///
/// # Errors
/// See [`parse`].
pub(crate) fn parse_object<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        parse::<IgnoredAny>(headers, bytes)?;
        let detail =
            if bytes.is_empty() { "a body is needed, a JSON object" } else { "the body must be a JSON object" };
        return Err(ApiError::invalid("", sentence(&detail)));
    }
    parse(headers, bytes)
}

/// Refuses a JSON body with a card number in any of its strings or field names, whatever the route does with them. Fields
/// whose name contains `password` are skipped; they are never stored. A body that is not JSON passes here.
///
/// # Errors
/// Names the fields with a card number.
fn refuse_card_numbers(bytes: &[u8]) -> Result<(), ApiError> {
    // A card number has at least 12 digits, which may be non-ASCII characters.
    if bytes.iter().filter(|byte| byte.is_ascii_digit() || !byte.is_ascii()).take(12).count() < 12 {
        return Ok(());
    }
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return Ok(()) };
    let mut errors = Vec::new();
    find_card_numbers(&body, "", &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(errors)) }
}

/// Collects an error for each string with a card number. The recursion is bounded by serde's limit on nesting.
fn find_card_numbers(value: &Value, pointer: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::String(text) if PHONE_POINTERS.contains(&pointer) && is_phone_number(text) => {}
        Value::String(text) if has_card_number(text) => {
            let detail = "looks like the number of a card, which must not come here: pay with the card gateway's token; \
                          a tracking number that looks so needs a letter in its middle";
            errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_card_numbers(item, &format!("{pointer}/{index}"), errors);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| !name.contains("password")) {
                // A field name with a card number is not repeated in the error.
                if has_card_number(name) {
                    find_card_numbers(&Value::String(name.clone()), &format!("{pointer}/…"), errors);
                } else {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    find_card_numbers(field, &format!("{pointer}/{name}"), errors);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_plain_json(headers: &HeaderMap) -> bool {
    let media_type = header_text(headers, &CONTENT_TYPE).and_then(|text| text.split(';').next()).map(str::trim);
    let json = media_type.is_some_and(|media_type| {
        media_type.eq_ignore_ascii_case("application/json") || media_type.to_ascii_lowercase().ends_with("+json")
    });
    let encoding = headers.get(CONTENT_ENCODING);
    json && encoding.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn too_large(max_bytes: usize) -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("A body has at most {max_bytes} bytes here."))
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::MalformedJson, sentence(error))
}

/// Returns serde's message without line and column (the pointer gives the place) and without names of Rust types.
fn describe_shape_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let Some((found, expected)) = text.split_once("expected ") else { return text.to_owned() };
    let expected = match expected.split_once(' ').unwrap_or((expected, "")) {
        ("u8" | "u16" | "u32" | "u64", "") => "a whole number, not negative",
        ("i64", "") => "a whole number",
        ("struct", _) => "an object",
        _ => expected,
    };
    format!("{found}expected {expected}")
}

/// Converts serde's path to a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    });
    segments.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::http::HeaderValue;
    use storefront_api::{AddItem, Checkout, Problem};

    use super::*;

    fn headers(list: &[(axum::http::HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn json() -> HeaderMap {
        headers(&[(CONTENT_TYPE, "application/json; charset=utf-8")])
    }

    fn refused<T: DeserializeOwned>(headers: &HeaderMap, body: &str) -> Problem {
        parse_object::<T>(headers, body.as_bytes()).err().expect("it is refused").into_problem()
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
        let none = HeaderMap::new();
        assert_eq!(read(&none, Body::from(vec![b' '; MAX_BODY_BYTES])).await.unwrap().len(), MAX_BODY_BYTES);
        for headers in [none, headers(&[(CONTENT_LENGTH, "65537")])] {
            let problem = read(&headers, Body::from(vec![b' '; MAX_BODY_BYTES + 1])).await.unwrap_err().into_problem();
            assert_eq!(problem.code, "body_too_large");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_one_that_is_too_large() {
        let broken = futures_util::stream::iter([Ok("{\"qua"), Err(std::io::Error::other("gone"))]);
        let problem = read(&HeaderMap::new(), Body::from_stream(broken)).await.unwrap_err().into_problem();
        assert_eq!((problem.status, problem.code.as_str()), (400, "incomplete_body"));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for_for_ever() {
        let silent = futures_util::stream::pending::<Result<&[u8], std::io::Error>>();
        let limit = Duration::from_millis(1);
        let problem =
            read_within(limit, MAX_BODY_BYTES, &HeaderMap::new(), Body::from_stream(silent)).await.unwrap_err();
        assert_eq!(problem.into_problem().code, "incomplete_body");
    }

    #[test]
    fn the_wrong_field_is_reported_with_its_pointer_and_in_plain_words() {
        let item = refused::<AddItem>(&json(), r#"{"product_id":"mug","quantity":-5}"#);
        assert_eq!(item.errors[0].pointer, "/quantity");
        assert_eq!(item.errors[0].detail, "invalid value: integer `-5`, expected a whole number, not negative");
        assert_eq!(item.detail, "/quantity: invalid value: integer `-5`, expected a whole number, not negative.");
        let checkout = refused::<Checkout>(
            &json(),
            r#"{"expected_total":{"amount":1,"currency":"EUR"},"email":"a@b.example","shipping_address":7}"#,
        );
        assert_eq!((checkout.errors[0].pointer.as_str(), checkout.status), ("/shipping_address", 422));
        assert_eq!(checkout.errors[0].detail, "invalid type: integer `7`, expected an object");
        let odd = refused::<BTreeMap<String, u8>>(&json(), r#"{"a/b~c":true}"#);
        assert_eq!(odd.errors[0].pointer, "/a~1b~0c");
    }

    #[test]
    fn the_number_of_a_card_is_refused_in_every_text_of_every_body() {
        let body = r#"{"a":"4242 4242 4242 4242","b":[{"c/d":"tok_4000.0000.0000.0002"}],"e":"\u0034242424242424242",
            "5555555555554444":1,"password":"4242424242424242","f":"4242424242424241","g":4242424242424242}"#;
        let problem = refused::<IgnoredAny>(&json(), body);
        assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_values"));
        let mut pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/a", "/b/0/c~1d", "/e", "/…"]);
        assert!(!format!("{problem:?}").contains("4242"), "{problem:?}");
    }

    #[test]
    fn a_telephone_number_is_none_of_a_card_where_one_belongs() {
        let body = |field: &str, text: &str| format!(r#"{{"shipping_address":{{"{field}":"{text}"}}}}"#);
        assert!(parse::<IgnoredAny>(&json(), body("phone", "+62 812 3456 780").as_bytes()).is_ok());
        for (field, text) in
            [("street", "+62 812 3456 780"), ("phone", "4242 4242 4242 4242"), ("phone", "628123456780")]
        {
            let problem = refused::<IgnoredAny>(&json(), &body(field, text));
            assert_eq!(problem.errors[0].pointer, format!("/shipping_address/{field}"), "{text}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_as_another() {
        let item: AddItem = parse(&json(), br#"{"product_id":"mug","quantity":2.0}"#).unwrap();
        assert_eq!(item.quantity, 2);
        for quantity in ["2.5", "-1.0", "1e300", "\"2.0\""] {
            let problem = refused::<AddItem>(&json(), &format!(r#"{{"product_id":"mug","quantity":{quantity}}}"#));
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/quantity"), "{quantity}");
        }
    }

    #[test]
    fn only_an_object_is_an_object() {
        for body in ["", "null", r#"["mug",1]"#, "\"mug\"", " 7 "] {
            let problem = refused::<AddItem>(&json(), body);
            assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_values"), "{body}");
            assert!(problem.detail.contains("JSON object"), "{}", problem.detail);
        }
        for body in ["{", "[1", "{} {}", "nonsense", "{\"a\":1,}"] {
            let problem = refused::<BTreeMap<String, u8>>(&json(), body);
            assert_eq!((problem.status, problem.code.as_str()), (400, "malformed_json"), "{body}");
        }
    }

    #[test]
    fn a_body_is_declared_as_plain_json() {
        let gzip = headers(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")]);
        for headers in [HeaderMap::new(), headers(&[(CONTENT_TYPE, "text/json-ish")]), gzip] {
            assert_eq!(refused::<AddItem>(&headers, "{}").code, "unsupported_media_type", "{headers:?}");
        }
        for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            let headers = headers(&[(CONTENT_TYPE, content_type)]);
            assert!(parse_object::<BTreeMap<String, u8>>(&headers, b"{}").is_ok(), "{content_type}");
        }
        assert!(parse::<IgnoredAny>(&HeaderMap::new(), b"").is_ok(), "nothing needs no type");
    }
}
