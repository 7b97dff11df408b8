//! One request, one answer: addresses, time limits, size limits, headers. Knows no route.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use storefront_api::{
    ACTOR_HEADER, ActorName, CUSTOMER_HEADER, CustomerId, IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_REPLAYED_HEADER,
    IDEMPOTENT_REPLAYED_HEADER, POSITION_HEADER, Problem,
};

use crate::{ClientError, IdempotencyKey, error};

/// How long and how much, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) answer: Duration,
    pub(crate) body_bytes: usize,
}

const LIMITS: Limits =
    Limits { connect: Duration::from_secs(2), answer: Duration::from_secs(10), body_bytes: 16 * 1024 * 1024 };

/// A client of one shop. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    shop: Arc<Shop>,
    /// Whom every request is sent for; nobody in particular is a guest.
    customer: Option<CustomerId>,
    /// Who acts, by name.
    actor: Option<Arc<ActorName>>,
}

#[derive(Debug)]
struct Shop {
    /// Never ends in a slash in its text form; paths are added by segment, so every id is encoded.
    base: Url,
    shown: String,
    http: reqwest::Client,
    limits: Limits,
}

/// What a write answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResponse<T> {
    /// The answer itself.
    pub value: T,
    /// The log position that the write reached; send it as `min_position` to read your own write.
    pub position: Option<u64>,
    /// This is the stored answer of an earlier request under the same key; nothing happened now.
    pub replayed: bool,
}

/// A whole answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// A client of the shop at an address such as `http://127.0.0.1:7070`, with or without a path. Nothing is sent yet.
    ///
    /// Proxies of the environment are not used and redirects are not followed. Installs the process-wide TLS provider
    /// (`ring`) where there is none yet.
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] when the address is not an `http` or `https` address.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        Self::with_limits(base_url, LIMITS)
    }

    pub(crate) fn with_limits(base_url: &str, limits: Limits) -> Result<Self, ClientError> {
        let base = parse_base(base_url)?;
        // Fails only when a provider is there already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = built(http(&base, limits))?;
        let shown = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { shop: Arc::new(Shop { base, shown, http, limits }), customer: None, actor: None })
    }

    /// The same client on behalf of a customer, who has registered.
    #[must_use]
    pub fn of_customer(&self, customer: CustomerId) -> Self {
        Self { customer: Some(customer), ..self.clone() }
    }

    /// The same client, whose user acts under a name.
    #[must_use]
    pub fn acting_as(&self, actor: ActorName) -> Self {
        Self { actor: Some(Arc::new(actor)), ..self.clone() }
    }

    /// A client of the same shop for an answer that may be long: each piece of it must come within the limit for an answer.
    pub(crate) fn of_long_answers(&self) -> Result<Self, ClientError> {
        let Shop { base, shown, limits, .. } = &*self.shop;
        let http = built(http(base, *limits).read_timeout(limits.answer))?;
        let shop = Shop { base: base.clone(), shown: shown.clone(), http, limits: *limits };
        Ok(Self { shop: Arc::new(shop), customer: self.customer, actor: self.actor.clone() })
    }

    /// The shop's address, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.shop.shown
    }

    pub(crate) fn get(&self, path: &[&str], query: &impl Serialize) -> RequestBuilder {
        self.request(Method::GET, path).query(query)
    }

    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.shop.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.shop.http.request(method, url).header(ACCEPT, HeaderValue::from_static("application/json"));
        let request = match &self.actor {
            Some(actor) => request.header(ACTOR_HEADER, actor.as_str().as_bytes()),
            None => request,
        };
        match self.customer {
            Some(customer) => request.header(CUSTOMER_HEADER, customer.to_string()),
            None => request,
        }
    }

    /// Sends a GET and reads its JSON answer; `wait_seconds` is how long the shop may hold it back.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        wait_seconds: Option<u32>,
    ) -> Result<T, ClientError> {
        let answer = self.send(request, wait_seconds).await?;
        self.success(answer).and_then(|answer| self.json(&answer))
    }

    /// As [`Client::read`], with `None` for what the shop says it does not have.
    pub(crate) async fn find<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Option<T>, ClientError> {
        let answer = self.send(request, None).await?;
        self.found(answer)?.map(|answer| self.json(&answer)).transpose()
    }

    /// Sends a write and reads its JSON answer and what its headers say.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<WriteResponse<T>, ClientError> {
        let answer = self.send(request, None).await?;
        let answer = self.success(answer)?;
        let value = self.json(&answer)?;
        let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(WriteResponse {
            value,
            position: header(POSITION_HEADER).and_then(|text| text.parse().ok()),
            // An older server knows the older name alone.
            replayed: [IDEMPOTENT_REPLAYED_HEADER, IDEMPOTENCY_REPLAYED_HEADER].map(header).contains(&Some("true")),
        })
    }

    /// Sends a POST under its key.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<T>, ClientError> {
        self.write(self.request(Method::POST, path).header(IDEMPOTENCY_KEY_HEADER, key.as_str()).json(body)).await
    }

    /// Sends a request and takes in its whole answer, within the limits.
    pub(crate) async fn send(&self, request: RequestBuilder, wait_seconds: Option<u32>) -> Result<Answer, ClientError> {
        let limit = self.limit(wait_seconds);
        let response = request.timeout(limit).send().await.map_err(|failure| self.lost(&failure, wait_seconds))?;
        self.whole(response, wait_seconds).await
    }

    fn limit(&self, wait_seconds: Option<u32>) -> Duration {
        self.shop.limits.answer + Duration::from_secs(wait_seconds.unwrap_or(0).into())
    }

    /// An answer that did not arrive.
    pub(crate) fn lost(&self, failure: &reqwest::Error, wait_seconds: Option<u32>) -> ClientError {
        error::transport(self.base_url(), failure, self.shop.limits.connect, self.limit(wait_seconds))
    }

    /// Takes in the rest of an answer, within the limits.
    pub(crate) async fn whole(&self, mut response: Response, wait_seconds: Option<u32>) -> Result<Answer, ClientError> {
        let body_bytes = self.shop.limits.body_bytes;
        let too_large = || self.unexpected(format_args!("more than {body_bytes} bytes"));
        if response.content_length().is_some_and(|length| length > body_bytes as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|failure| self.lost(&failure, wait_seconds))? {
            if body.len() + chunk.len() > body_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }

    /// The answer, if it is a success; else what is wrong.
    pub(crate) fn success(&self, answer: Answer) -> Result<Answer, ClientError> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.failure(&answer)) }
    }

    /// As [`Client::success`], with `None` for what the shop says it does not have.
    pub(crate) fn found(&self, answer: Answer) -> Result<Option<Answer>, ClientError> {
        match (answer.status, self.success(answer)) {
            (_, Ok(answer)) => Ok(Some(answer)),
            // A route that is missing is something else: this is not the shop that it should be.
            (StatusCode::NOT_FOUND, Err(ClientError::Problem(problem))) if problem.code != "route_not_found" => {
                Ok(None)
            }
            (_, Err(error)) => Err(error),
        }
    }

    pub(crate) fn failure(&self, answer: &Answer) -> ClientError {
        match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => self.unexpected(format_args!("status {} without a reason", answer.status.as_u16())),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let kind = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("unknown type");
            self.unexpected(format_args!("its answer ({kind}) cannot be read: {error}"))
        })
    }

    pub(crate) fn text(&self, answer: Answer) -> Result<String, ClientError> {
        String::from_utf8(answer.body).map_err(|_| self.unexpected(format_args!("its answer is no text")))
    }

    pub(crate) fn unexpected(&self, what: std::fmt::Arguments<'_>) -> ClientError {
        ClientError::Unexpected(format!("The shop at {} did not answer as a shop does: {what}.", self.base_url()))
    }
}

fn http(base: &Url, limits: Limits) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(limits.connect)
        .user_agent(concat!("storefront-client/", env!("CARGO_PKG_VERSION")));
    // Without TLS there is no need to read the machine's certificates, which takes a while.
    if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}

fn built(builder: ClientBuilder) -> Result<reqwest::Client, ClientError> {
    builder.build().map_err(|error| ClientError::Unexpected(format!("The HTTP client could not be set up: {error}.")))
}

fn parse_base(text: &str) -> Result<Url, ClientError> {
    let wrong = || {
        ClientError::Unexpected(format!(
            "{text:?} is not the address of a shop: try one such as http://127.0.0.1:7070."
        ))
    };
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_path_and_is_shown_without_a_slash_at_its_end() {
        let shown = |text| Client::new(text).map(|client| client.base_url().to_owned());
        assert_eq!(shown("http://127.0.0.1:7070/"), Ok("http://127.0.0.1:7070".to_owned()));
        assert_eq!(shown(" https://shop.example/eu "), Ok("https://shop.example/eu".to_owned()));
    }

    #[test]
    fn ids_are_encoded_and_added_to_the_path_of_the_address() {
        for base in ["http://shop.example/eu", "http://shop.example/eu/"] {
            let client = Client::new(base).unwrap();
            let request = client.request(Method::GET, &["v1", "streams", "a/b c"]).build().unwrap();
            assert_eq!(request.url().as_str(), "http://shop.example/eu/v1/streams/a%2Fb%20c");
        }
    }

    /// Short limits, for tests of what happens beyond them.
    const SHORT: Limits =
        Limits { connect: Duration::from_millis(500), answer: Duration::from_millis(50), body_bytes: 1000 };

    #[tokio::test]
    async fn a_shop_that_stays_silent_is_unreachable() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let client = Client::with_limits(&url, SHORT).unwrap();
        let error = client.categories().await.unwrap_err();
        assert_eq!(
            error,
            ClientError::Unreachable(format!("The shop at {url} cannot be reached: no answer within 50 ms."))
        );
    }

    #[tokio::test]
    async fn an_answer_beyond_the_size_limit_is_not_taken_in() {
        let mut server = mockito::Server::new_async().await;
        server.mock("GET", "/v1/categories").with_body("x".repeat(1001)).create_async().await;
        let chunked = |writer: &mut dyn std::io::Write| (0..11).try_for_each(|_| writer.write_all(&[b' '; 100]));
        server.mock("GET", "/health/live").with_chunked_body(chunked).create_async().await;
        let limits = Limits { answer: LIMITS.answer, ..SHORT };
        let client = Client::with_limits(&server.url(), limits).unwrap();
        for error in [client.categories().await.unwrap_err(), client.liveness().await.unwrap_err()] {
            assert!(error.to_string().ends_with("did not answer as a shop does: more than 1000 bytes."), "{error}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_in_one_sentence() {
        for text in ["", "127.0.0.1:7070", "localhost:7070", "ftp://shop.example", "http://", "http://x?q=1"] {
            let error = Client::new(text).unwrap_err();
            assert!(!error.is_unreachable(), "{text}");
            assert_eq!(
                error.to_string(),
                format!("{text:?} is not the address of a shop: try one such as http://127.0.0.1:7070.")
            );
        }
    }
}
