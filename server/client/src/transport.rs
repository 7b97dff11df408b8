//! Sends one request and reads its response: addresses, timeouts, size limits, headers. Knows no route.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use storefront_api::{
    ACTOR_HEADER, ActorName, CUSTOMER_HEADER, CustomerId, IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_REPLAYED_HEADER,
    IDEMPOTENT_REPLAYED_HEADER, POSITION_HEADER, Problem, Token,
};

use crate::{ClientError, IdempotencyKey, error};

/// Limits of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) max_body_bytes: usize,
}

const DEFAULT_LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(2),
    response_timeout: Duration::from_secs(10),
    max_body_bytes: 16 * 1024 * 1024,
};

/// A client of one shop. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    shop: Arc<Endpoint>,
    /// The customer of every request; `None` for a guest.
    customer: Option<CustomerId>,
    /// The actor of the events that follow.
    actor: Option<Arc<ActorName>>,
    /// The session of every request.
    token: Option<Arc<Token>>,
}

#[derive(Debug)]
struct Endpoint {
    /// Paths are added by segment, so that every id is encoded.
    base: Url,
    /// `base` without a slash at its end.
    base_text: String,
    http: reqwest::Client,
    limits: Limits,
}

/// The response to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResponse<T> {
    /// The deserialised body of the response.
    pub value: T,
    /// Log position of the write; sent as `min_position`, it makes a read include this write.
    pub position: Option<u64>,
    /// Whether this is the stored response of an earlier request with the same key, so that nothing was done now.
    pub replayed: bool,
}

/// A response with its whole body, whatever its status.
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Creates a client of the shop at an address such as `http://127.0.0.1:7070`, with or without a path. Sends
    /// nothing.
    ///
    /// The client ignores proxies of the environment and does not follow redirects. Installs the process-wide TLS
    /// provider (`ring`) unless there is one.
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] when the address is not an `http` or `https` address.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        Self::with_limits(base_url, DEFAULT_LIMITS)
    }

    pub(crate) fn with_limits(base_url: &str, limits: Limits) -> Result<Self, ClientError> {
        let base = parse_base(base_url)?;
        // Fails only when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = build_client(client_builder(&base, limits))?;
        let base_text = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            shop: Arc::new(Endpoint { base, base_text, http, limits }),
            customer: None,
            actor: None,
            token: None,
        })
    }

    /// The same client with the token of a session, or with an API key.
    #[must_use]
    pub fn with_token(&self, token: Token) -> Self {
        Self { token: Some(Arc::new(token)), ..self.clone() }
    }

    /// Whether this client sends the token of a session, or an API key.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The same client without a session.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same client on behalf of a registered customer.
    #[must_use]
    pub fn of_customer(&self, customer: CustomerId) -> Self {
        Self { customer: Some(customer), ..self.clone() }
    }

    /// The same client with the name of an actor.
    #[must_use]
    pub fn acting_as(&self, actor: ActorName) -> Self {
        Self { actor: Some(Arc::new(actor)), ..self.clone() }
    }

    /// A client of the same shop for a long response: the response timeout applies to each chunk.
    pub(crate) fn with_read_timeout(&self) -> Result<Self, ClientError> {
        let Endpoint { base, base_text, limits, .. } = &*self.shop;
        let http = build_client(client_builder(base, *limits).read_timeout(limits.response_timeout))?;
        let shop = Endpoint { base: base.clone(), base_text: base_text.clone(), http, limits: *limits };
        Ok(Self { shop: Arc::new(shop), ..self.clone() })
    }

    /// The address of the shop, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.shop.base_text
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
        let request = match &self.token {
            Some(token) => request.bearer_auth(&token.0),
            None => request,
        };
        match self.customer {
            Some(customer) => request.header(CUSTOMER_HEADER, customer.to_string()),
            None => request,
        }
    }

    /// Sends a request and reads its JSON response. `wait_seconds` is the duration of a long poll, which is added to
    /// the timeout.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        wait_seconds: Option<u32>,
    ) -> Result<T, ClientError> {
        let response = self.send(request, wait_seconds).await?;
        self.success(response).and_then(|response| self.json(&response))
    }

    /// Like [`Client::read`]; returns `None` for a 404 of the shop.
    pub(crate) async fn find<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Option<T>, ClientError> {
        let response = self.send(request, None).await?;
        self.success_or_not_found(response)?.map(|response| self.json(&response)).transpose()
    }

    /// Sends a write and reads its JSON response and its headers.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<WriteResponse<T>, ClientError> {
        let response = self.send(request, None).await?;
        let response = self.success(response)?;
        let value = self.json(&response)?;
        let header = |name| response.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(WriteResponse {
            value,
            position: header(POSITION_HEADER).and_then(|text| text.parse().ok()),
            // An older server sends only the older name.
            replayed: [IDEMPOTENT_REPLAYED_HEADER, IDEMPOTENCY_REPLAYED_HEADER].map(header).contains(&Some("true")),
        })
    }

    /// Sends a POST with its idempotency key.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<T>, ClientError> {
        self.write(self.request(Method::POST, path).header(IDEMPOTENCY_KEY_HEADER, key.as_str()).json(body)).await
    }

    /// Sends a request and reads its whole response, within the limits.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        wait_seconds: Option<u32>,
    ) -> Result<HttpResponse, ClientError> {
        let timeout = self.timeout(wait_seconds);
        let response =
            request.timeout(timeout).send().await.map_err(|error| self.transport_error(&error, wait_seconds))?;
        self.read_body(response, wait_seconds).await
    }

    fn timeout(&self, wait_seconds: Option<u32>) -> Duration {
        self.shop.limits.response_timeout + Duration::from_secs(wait_seconds.unwrap_or(0).into())
    }

    /// The error for a response that did not arrive.
    pub(crate) fn transport_error(&self, error: &reqwest::Error, wait_seconds: Option<u32>) -> ClientError {
        error::transport_error(self.base_url(), error, self.shop.limits.connect_timeout, self.timeout(wait_seconds))
    }

    /// Reads the body of a response, within the limits.
    pub(crate) async fn read_body(
        &self,
        mut response: Response,
        wait_seconds: Option<u32>,
    ) -> Result<HttpResponse, ClientError> {
        let max_body_bytes = self.shop.limits.max_body_bytes;
        let too_large = || self.unexpected_response(format_args!("more than {max_body_bytes} bytes"));
        if response.content_length().is_some_and(|length| length > max_body_bytes as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport_error(&error, wait_seconds))? {
            if body.len() + chunk.len() > max_body_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }

    /// The response if its status is a success, otherwise the error.
    pub(crate) fn success(&self, response: HttpResponse) -> Result<HttpResponse, ClientError> {
        if response.status.is_success() { Ok(response) } else { Err(self.response_error(&response)) }
    }

    /// Like [`Client::success`]; returns `None` for a 404 of the shop.
    pub(crate) fn success_or_not_found(&self, response: HttpResponse) -> Result<Option<HttpResponse>, ClientError> {
        match (response.status, self.success(response)) {
            (_, Ok(response)) => Ok(Some(response)),
            // A missing route means that the server is not a shop of this version.
            (StatusCode::NOT_FOUND, Err(ClientError::Problem(problem))) if problem.code != "route_not_found" => {
                Ok(None)
            }
            (_, Err(error)) => Err(error),
        }
    }

    pub(crate) fn response_error(&self, response: &HttpResponse) -> ClientError {
        match serde_json::from_slice::<Problem>(&response.body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => self.unexpected_response(format_args!("status {} without a reason", response.status.as_u16())),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, response: &HttpResponse) -> Result<T, ClientError> {
        serde_json::from_slice(&response.body).map_err(|error| {
            let kind =
                response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("unknown type");
            self.unexpected_response(format_args!("its answer ({kind}) cannot be read: {error}"))
        })
    }

    pub(crate) fn text(&self, response: HttpResponse) -> Result<String, ClientError> {
        String::from_utf8(response.body).map_err(|_| self.unexpected_response(format_args!("its answer is no text")))
    }

    pub(crate) fn unexpected_response(&self, what: std::fmt::Arguments<'_>) -> ClientError {
        ClientError::Unexpected(format!("The shop at {} did not answer as a shop does: {what}.", self.base_url()))
    }
}

fn client_builder(base: &Url, limits: Limits) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(limits.connect_timeout)
        .user_agent(concat!("storefront-client/", env!("CARGO_PKG_VERSION")));
    // Reading the certificates of the machine is slow, and not needed without TLS.
    if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}

fn build_client(builder: ClientBuilder) -> Result<reqwest::Client, ClientError> {
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

    const SHORT_LIMITS: Limits = Limits {
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_millis(50),
        max_body_bytes: 1000,
    };

    #[tokio::test]
    async fn a_shop_that_stays_silent_is_unreachable() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let client = Client::with_limits(&url, SHORT_LIMITS).unwrap();
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
        let limits = Limits { response_timeout: DEFAULT_LIMITS.response_timeout, ..SHORT_LIMITS };
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
