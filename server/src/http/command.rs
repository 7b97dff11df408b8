//! Extractors for commands: the body, and the headers for the caller, the condition and the idempotency key.

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::{Digest, Sha256};
use storefront_api::{IDEMPOTENCY_KEY_HEADER, OrderId};

use super::body;
use super::card_numbers::has_card_number;
use super::extract::version_in_etag;
use super::request_id::RequestId;
use super::whole_numbers;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::identity::Caller;
use crate::http::state::Shop;
use crate::store::aggregates::Cause;
use crate::store::commands::{Condition, Context, Idempotency};

/// A command with a JSON object as body.
pub(crate) struct Command<T> {
    pub(crate) body: T,
    pub(crate) context: Context,
}

/// A command without a body. A body that is sent anyway must be JSON and is ignored.
pub(crate) struct EmptyCommand {
    context: Context,
}

impl<T> Command<T> {
    /// Sets the correlation id to an order's id.
    pub(crate) fn correlated_with(mut self, order: OrderId) -> Self {
        self.context.cause.correlation_id = order.to_string();
        self
    }

    /// For commands whose body has a password: what is kept under the idempotency key cannot be compared with guesses.
    pub(crate) fn with_secrets(mut self, shop: &Shop) -> Self {
        if let Some(idempotency) = &mut self.context.idempotency {
            for fingerprint in [&mut idempotency.fingerprint, &mut idempotency.fingerprint_of_bytes] {
                let code = shop.identity.keys.sign(format!("fingerprint {fingerprint}").as_bytes());
                *fingerprint = code.iter().map(|byte| format!("{byte:02x}")).collect();
            }
        }
        self
    }

    /// Requires an idempotency key, for commands whose accidental repetition would cost money.
    ///
    /// # Errors
    /// When the request has no key.
    pub(crate) fn with_key(self) -> Result<Self, ApiError> {
        require_key(&self.context)?;
        Ok(self)
    }
}

fn require_key(context: &Context) -> Result<(), ApiError> {
    if context.idempotency.is_some() {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::IdempotencyKeyRequired,
        "Send an Idempotency-Key (1 to 255 characters, such as a random UUID), and the same again when you repeat.",
    ))
}

impl EmptyCommand {
    /// Requires an idempotency key; see [`Command::with_key`].
    pub(crate) fn with_key(self) -> Result<Self, ApiError> {
        require_key(&self.context)?;
        Ok(self)
    }

    /// Returns the context with the request id as correlation id.
    pub(crate) fn into_context(self) -> Context {
        self.context
    }

    /// Returns the context with a sequence (usually an order id) as correlation id.
    pub(crate) fn correlated_with_sequence(mut self, sequence: &str) -> Context {
        sequence.clone_into(&mut self.context.cause.correlation_id);
        self.context
    }

    /// Returns the context with an order's id as correlation id.
    pub(crate) fn correlated_with(mut self, order: OrderId) -> Context {
        self.context.cause.correlation_id = order.to_string();
        self.context
    }
}

impl<T: DeserializeOwned> FromRequest<Shop> for Command<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, ApiError> {
        let (parts, bytes, context) = split_request(request, shop).await?;
        Ok(Self { body: body::parse_object(&parts.headers, &bytes)?, context })
    }
}

impl FromRequest<Shop> for EmptyCommand {
    type Rejection = ApiError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, ApiError> {
        let (parts, bytes, context) = split_request(request, shop).await?;
        body::parse::<IgnoredAny>(&parts.headers, &bytes)?;
        Ok(Self { context })
    }
}

/// Reads a request: its head, its body, and the command context from its headers.
pub(crate) async fn split_request(request: Request, shop: &Shop) -> Result<(Parts, Vec<u8>, Context), ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = body::read(&parts.headers, body).await?;
    let request_id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::generate);
    let caller = Caller::of(&parts, shop.secured)?;
    let (scope, actor) = caller.scope_and_actor(&parts, shop.secured)?;
    let idempotency = idempotency(&scope, &parts, &bytes)?;
    // Clients choose the id of a request. As it is, it could be the id of somebody else's order, whose timeline then showed this.
    let correlation_id = if shop.secured { format!("request:{request_id}") } else { request_id.to_string() };
    let cause = Cause { correlation_id, causation_id: Some(request_id.to_string()), actor };
    let condition = condition(&parts.headers)?;
    Ok((parts, bytes, Context { cause, customer_id: caller.customer_id(), idempotency, condition }))
}

/// Reads the idempotency key, scoped to the caller, with a fingerprint of the request.
fn idempotency(scope: &str, parts: &Parts, bytes: &[u8]) -> Result<Option<Idempotency>, ApiError> {
    let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY_HEADER).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let fits = |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = key.to_str().ok().filter(fits).filter(|_| keys.next().is_none());
    // The current draft of the header uses a structured-field string (RFC 8941): the same key in quotes.
    let bare = key.map(|key| key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key));
    let key = bare.filter(|key| !key.is_empty()).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidIdempotencyKey,
            "Send one Idempotency-Key of 1 to 255 visible ASCII characters.",
        )
    })?;
    if has_card_number(key) {
        let detail =
            "The Idempotency-Key looks like the number of a card, which must not come here. A random UUID never does.";
        return Err(ApiError::new(ErrorCode::InvalidIdempotencyKey, detail));
    }
    Ok(Some(Idempotency {
        key: format!("{scope}:{key}"),
        fingerprint: fingerprint(parts, &canonical(bytes)),
        fingerprint_of_bytes: fingerprint(parts, bytes),
    }))
}

fn fingerprint(parts: &Parts, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a canonical form of a JSON body: without whitespace, with sorted members, and whole numbers as integers. Other bodies stay as they are.
fn canonical(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return Cow::Borrowed(bytes) };
    value.sort_all_objects();
    whole_numbers::normalize(&mut value);
    serde_json::to_vec(&value).map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// Parses `If-Match` (RFC 9110, 13.1.1). An unreadable value is an error: ignoring it would run the command unconditionally.
fn condition(headers: &HeaderMap) -> Result<Condition, ApiError> {
    let mut versions = Vec::new();
    for value in headers.get_all(IF_MATCH) {
        for tag in value.to_str().unwrap_or("?").split(',').map(str::trim) {
            match version_in_etag(tag) {
                Some(version) => versions.push(version),
                None if tag == "*" => return Ok(Condition::Exists),
                None => {
                    let detail = "Send the ETag of what is to be changed as it is, such as If-Match: \"3\".";
                    return Err(ApiError::new(ErrorCode::InvalidIfMatch, detail));
                }
            }
        }
    }
    Ok(if versions.is_empty() { Condition::Any } else { Condition::OneOf(versions) })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::almost;

    fn parts(method: &str, path: &str, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).unwrap().into_parts().0
    }

    fn condition_of(values: &[&'static str]) -> Result<Condition, String> {
        let headers = values.iter().map(|value| (IF_MATCH, HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        condition(&headers.collect()).map_err(|error| error.into_problem().code)
    }

    #[test]
    fn if_match_names_one_version_or_several_or_any() {
        assert_eq!(condition_of(&[]), Ok(Condition::Any));
        assert_eq!(condition_of(&["*"]), Ok(Condition::Exists));
        assert_eq!(condition_of(&["\"3\""]), Ok(Condition::OneOf(vec![3])));
        assert_eq!(condition_of(&["\"3\", W/\"4\"", "\"5\""]), Ok(Condition::OneOf(vec![3, 4, 5])));
    }

    #[test]
    fn an_if_match_that_cannot_be_read_is_never_taken_for_none() {
        for value in ["", "3", "\"x\"", "\"3\",", "\"-1\"", "\u{e9}", "\"3"] {
            assert_eq!(condition_of(&[value]), Err("invalid_if_match".to_owned()), "{value:?}");
        }
    }

    fn key_of(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, String> {
        let found = idempotency("guest", &parts("POST", "/a", headers), b"{}");
        found.map(|found| found.map(|found| found.key)).map_err(|error| error.into_problem().code)
    }

    #[test]
    fn a_key_is_one_visible_word() {
        let name = IDEMPOTENCY_KEY_HEADER;
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&[(name, "7f-a_b")]), Ok(Some("guest:7f-a_b".to_owned())));
        let long: &'static str = Box::leak("k".repeat(256).into_boxed_str());
        assert_eq!(key_of(&[(name, "\"7f-a_b\"")]), key_of(&[(name, "7f-a_b")]), "the same key in quotes");
        for headers in
            [&[(name, "")][..], &[(name, "\"\"")], &[(name, "two words")], &[(name, long)], &[(name, "a"), (name, "b")]]
        {
            assert_eq!(key_of(headers), Err("invalid_idempotency_key".to_owned()), "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn any_idempotency_key_is_taken_as_it_is_or_refused(
            sent in prop_oneof![almost("7f-a_b"), almost("\"7f-a_b\""), proptest::collection::vec(0x21..0x7f_u8, 200..300)],
        ) {
            let Ok(value) = HeaderValue::from_bytes(&sent) else { return Ok(()) };
            let mut parts = parts("POST", "/a", &[]);
            parts.headers.insert(IDEMPOTENCY_KEY_HEADER, value);
            let bare = sent.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")).unwrap_or(&sent);
            let fits = !bare.is_empty() && sent.len() <= 255 && sent.iter().all(u8::is_ascii_graphic);
            match idempotency("guest", &parts, b"{}") {
                Ok(found) => {
                    let expected = [b"guest:", bare].concat();
                    prop_assert!(fits);
                    prop_assert_eq!(found.map(|found| found.key.into_bytes()), Some(expected));
                }
                Err(error) => {
                    prop_assert_eq!(error.into_problem().code, "invalid_idempotency_key");
                    let may_be_a_card = sent.iter().filter(|byte| byte.is_ascii_digit()).count() >= 12;
                    prop_assert!(!fits || may_be_a_card);
                }
            }
        }
    }

    #[test]
    fn the_fingerprint_differs_by_method_path_and_body() {
        let name = [(IDEMPOTENCY_KEY_HEADER, "k")];
        let print = |method, path, body: &str| {
            idempotency("guest", &parts(method, path, &name), body.as_bytes()).unwrap().unwrap().fingerprint
        };
        let one = print("POST", "/a", "b");
        assert_eq!(one, print("POST", "/a", "b"));
        for other in
            [print("PUT", "/a", "b"), print("POST", "/b", "b"), print("POST", "/a", "c"), print("POST", "/ab", "")]
        {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn bodies_are_the_same_when_they_are_the_same_json() {
        let one = canonical(br#"{"a": [1.0, {"c": 2, "b": "\u00e9"}], "d": null}"#);
        assert_eq!(one, canonical("{\"d\":null,\n\"a\":[1,{\"b\":\"é\",\"c\":2}]}".as_bytes()));
        for other in
            [&br#"{"a":[{"b":"x","c":2},1],"d":null}"#[..], br#"{"a":[1,{"c":2,"b":"x"}]}"#, b"{}", b"", b"no JSON"]
        {
            assert_ne!(one, canonical(other));
        }
        assert_eq!(canonical(b" no JSON"), &b" no JSON"[..]);
    }
}
