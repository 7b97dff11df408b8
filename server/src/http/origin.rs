//! Access rules for browsers: web pages of other origins can neither write nor read what is not public.
//!
//! A browser sends a page's requests to any address, including this machine's. `Origin` and `Sec-Fetch-Site` identify the
//! page. DNS rebinding, where a page's own name resolves to this machine, is detected by `Host`. Programs other than browsers
//! send neither `Origin` nor `Sec-Fetch-Site` and are not affected.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};

use crate::accepted_hosts::{HostName, WebOrigin};
use crate::config::Config;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::forwarded::Forwarded;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Methods that pages of an allowed origin may use.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// Response headers that pages of an allowed origin may read.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, location, retry-after, storefront-position, storefront-next-after, storefront-reset, idempotent-replayed, idempotency-replayed, x-request-id, ratelimit, \
     ratelimit-policy, content-disposition, link, deprecation, sunset",
);
/// How long a browser may cache a preflight response, in seconds.
const PREFLIGHT_MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");

/// The addresses of a request's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoints {
    /// The address that the client connected to.
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) is_encrypted: bool,
}

/// Accepted hosts, allowed web origins and trusted proxies.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    listen: SocketAddr,
    hosts: Vec<HostName>,
    allow_origins: Vec<WebOrigin>,
    trusted_proxies: Vec<IpAddr>,
    /// The path under which a proxy shows this server.
    path_prefix: Option<String>,
}

impl Access {
    /// Takes the rules from the configuration; `config.listen` must be the bound address.
    pub(crate) fn from_config(config: &Config) -> Self {
        Self {
            listen: config.listen,
            hosts: config.hosts.clone(),
            allow_origins: config.allow_origins.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            path_prefix: config.path_prefix.clone(),
        }
    }

    /// The client's side of a request: as a trusted proxy says, otherwise the connection's. `None` for a request of the shop
    /// itself, which has no connection.
    pub(crate) fn forwarded(&self, request: &Request) -> Option<Forwarded> {
        let peer = request.extensions().get::<Endpoints>()?.peer.ip().to_canonical();
        let is_trusted = |ip: IpAddr| self.trusted_proxies.contains(&ip);
        let mut forwarded = match is_trusted(peer) {
            true => Forwarded::of(request.headers(), peer, is_trusted),
            false => Forwarded { client: peer, host: None, prefix: None },
        };
        forwarded.prefix = self.path_prefix.clone().or(forwarded.prefix);
        Some(forwarded)
    }

    /// Refuses a request for a foreign host, or one that a browser sends for a page of another origin.
    ///
    /// # Errors
    /// `invalid_host`, `foreign_host` or `foreign_origin`.
    fn check(&self, request: &Request, forwarded: Option<&Forwarded>) -> Result<(), ApiError> {
        let endpoints = request.extensions().get::<Endpoints>();
        let by_proxy = endpoints.is_some_and(|at| self.trusted_proxies.contains(&at.peer.ip().to_canonical()));
        let hosts = hosts(request)?;
        if let Some(foreign) = hosts.iter().find(|host| !by_proxy && !self.is_own_host(host, endpoints)) {
            let detail = format!(
                "This server does not go by the name {}. Ask under its address, {}, or start it with --host {}.",
                foreign.host(),
                self.listen,
                foreign.host()
            );
            return Err(ApiError::new(ErrorCode::ForeignHost, detail));
        }
        let host = forwarded.and_then(|said| said.host.clone()).or_else(|| hosts.into_iter().next());
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let foreign = match request.headers().get(ORIGIN) {
            Some(origin) if self.is_own_or_allowed(origin, host.as_ref()) => return Ok(()),
            Some(_) if !reads => true,
            // Without CORS headers the browser hides the response from its page; requests without CORS are checked below.
            Some(_) | None => matches!(text(request.headers(), &SEC_FETCH_SITE), Some("cross-site" | "same-site")),
        };
        if foreign && !(reads && (is_public(request.uri().path()) || is_navigation(request.headers()))) {
            let detail = "A web page of another origin may not do this. Start the server with --allow-origin and the \
                          page's origin if it may.";
            return Err(ApiError::new(ErrorCode::ForeignOrigin, detail));
        }
        Ok(())
    }

    /// Whether a host is this server: a loopback name, the address listened on or connected to, or a configured name.
    fn is_own_host(&self, host: &Authority, endpoints: Option<&Endpoints>) -> bool {
        let name = bare_name(host);
        if name == "localhost" || self.hosts.iter().any(|ours| ours.matches(&name, host.port_u16())) {
            return true;
        }
        let Ok(ip) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() else { return false };
        let is_loopback = ip == IpAddr::from([127, 0, 0, 1]) || ip == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
        is_loopback || ip == self.listen.ip() || endpoints.is_some_and(|at| ip == at.local.ip().to_canonical())
    }

    /// Whether an origin is this server's own, or allowed by `--allow-origin`.
    fn is_own_or_allowed(&self, origin: &HeaderValue, host: Option<&Authority>) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(|origin| origin.parse::<WebOrigin>().ok()) else {
            return false;
        };
        let is_host = |host: &Authority| {
            origin.name() == bare_name(host) && origin.port() == host.port_u16().unwrap_or(origin.default_port())
        };
        let matches_name = |ours: &HostName| {
            ours.name() == origin.name() && origin.port() == ours.port().unwrap_or(origin.default_port())
        };
        host.is_some_and(is_host) || self.hosts.iter().any(matches_name) || self.allow_origins.contains(&origin)
    }

    /// Returns the `Origin` of a request when `--allow-origin` names it.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let parsed = origin.to_str().ok()?.parse::<WebOrigin>().ok()?;
        self.allow_origins.contains(&parsed).then(|| origin.clone())
    }
}

/// What the page of a request may do, and the headers by which its browser learns that (Fetch standard, "CORS protocol").
pub(crate) struct PageAccess {
    /// The page's origin, if it is allowed.
    origin: Option<HeaderValue>,
    resource_policy: &'static str,
    varies: bool,
    /// Whether this is a preflight request, and the headers that it asks for.
    preflight: Option<Option<HeaderValue>>,
}

impl PageAccess {
    /// Examines a request. Also returns the response of a request that no route may see.
    pub(crate) fn of(access: &Access, request: &Request, forwarded: Option<&Forwarded>) -> (Self, Option<Response>) {
        let headers = request.headers();
        let preflight = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let page = Self {
            origin: access.allowed_origin(headers),
            resource_policy: if is_public(request.uri().path()) { "cross-origin" } else { "same-origin" },
            varies: !access.allow_origins.is_empty(),
            preflight: preflight.then(|| headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned()),
        };
        let response = match access.check(request, forwarded) {
            Err(refusal) => Some(refusal.into_response()),
            Ok(()) if preflight && page.origin.is_some() => Some(StatusCode::NO_CONTENT.into_response()),
            Ok(()) => None,
        };
        (page, response)
    }

    /// Adds the headers to a response.
    pub(crate) fn add_headers(self, headers: &mut HeaderMap) {
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static(self.resource_policy));
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        if let Some(asked) = self.preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S);
            // No cookies are used, so any request header is safe to allow.
            if let Some(asked) = asked {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
            }
        }
    }
}

/// The hosts that a request names: its `Host`, and that of a target in absolute form. A client of HTTP/1.1 sends exactly one
/// `Host` (RFC 9112, 3.2); a request of the shop itself has no connection, and needs none.
fn hosts(request: &Request) -> Result<Vec<Authority>, ApiError> {
    let parse = |value: &HeaderValue| value.to_str().ok()?.parse::<Authority>().ok().filter(is_plain);
    let named = request.headers().get_all(HOST).iter().map(parse);
    let hosts: Option<Vec<Authority>> = named.chain(request.uri().authority().map(|host| Some(host.clone()))).collect();
    let count = request.headers().get_all(HOST).iter().count();
    let needs_host = request.version() >= Version::HTTP_11 && request.extensions().get::<Endpoints>().is_some();
    let hosts = hosts.filter(|_| count == 1 || (count == 0 && !needs_host));
    hosts.ok_or_else(|| ApiError::new(ErrorCode::InvalidHost, "Send one Host, such as 127.0.0.1:7070."))
}

/// Whether an authority has only a host and a port, no user information.
fn is_plain(host: &Authority) -> bool {
    !host.as_str().contains('@')
}

/// Normalizes a host name for comparison: lower case, without a trailing dot.
fn bare_name(host: &Authority) -> String {
    host.host().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether pages of every origin may read a path.
fn is_public(path: &str) -> bool {
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ["/v1/products", "/v1/categories", "/health", "/openapi.json", "/docs"].into_iter().any(below)
}

/// Whether the request is a top-level navigation, such as following a link: the linking page does not see the response.
fn is_navigation(headers: &HeaderMap) -> bool {
    text(headers, &SEC_FETCH_MODE) == Some("navigate") && text(headers, &SEC_FETCH_DEST) == Some("document")
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn access() -> Access {
        Access {
            listen: "127.0.0.1:7070".parse().unwrap(),
            hosts: vec!["shop.example".parse().unwrap(), "other.example:8080".parse().unwrap()],
            allow_origins: vec!["https://front.example".parse().unwrap()],
            trusted_proxies: vec!["10.0.0.9".parse().unwrap()],
            path_prefix: None,
        }
    }

    /// The code with which a request is refused, as it comes from a peer to an address.
    fn refusal_between(peer: &str, local: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let address = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 7070);
        request.extensions_mut().insert(Endpoints { local: address(local), peer: address(peer), is_encrypted: false });
        access().check(&request, access().forwarded(&request).as_ref()).err().map(|refusal| refusal.into_problem().code)
    }

    fn refusal_of(method: &str, path: &str, headers: &[(&str, &str)]) -> Option<String> {
        refusal_between("127.0.0.1", "127.0.0.1", method, path, headers)
    }

    #[test]
    fn a_host_is_ours_by_loopback_by_address_or_by_name() {
        for ours in [
            "localhost",
            "localhost:7070",
            "LOCALHOST.:1",
            "127.0.0.1:9",
            "[::1]:7070",
            "shop.example",
            "Shop.Example:7070",
            "other.example:8080",
        ] {
            assert_eq!(refusal_of("GET", "/v1/orders", &[("host", ours)]), None, "{ours}");
        }
        for foreign in [
            "evil.test",
            "evil.test:7070",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "192.0.2.7",
            "127.0.0.2",
            "[::2]",
            "other.example",
        ] {
            assert_eq!(
                refusal_of("GET", "/v1/orders", &[("host", foreign)]).as_deref(),
                Some("foreign_host"),
                "{foreign}"
            );
        }
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(refusal_of("GET", "/v1/orders", &two).as_deref(), Some("invalid_host"));
        assert_eq!(refusal_of("GET", "/v1/orders", &[]).as_deref(), Some("invalid_host"));
        for invalid in ["user@localhost", "", "a b"] {
            assert_eq!(refusal_of("GET", "/", &[("host", invalid)]).as_deref(), Some("invalid_host"), "{invalid}");
        }
        let (of_the_shop, old) = (Request::new(Body::empty()), Request::builder().version(Version::HTTP_10));
        let old = old.extension(Endpoints {
            local: ([127, 0, 0, 1], 1).into(),
            peer: ([127, 0, 0, 1], 2).into(),
            is_encrypted: false,
        });
        for needs_none in [of_the_shop, old.body(Body::empty()).unwrap()] {
            assert!(access().check(&needs_none, None).is_ok(), "{needs_none:?}");
        }
        let absolute = refusal_of("GET", "http://evil.test/v1/orders", &[("host", "localhost")]);
        assert_eq!(absolute.as_deref(), Some("foreign_host"));
        let on_the_network =
            |host| refusal_between("192.0.2.99", "192.0.2.7", "POST", "/v1/customers", &[("host", host)]);
        assert_eq!(on_the_network("192.0.2.7:7070"), None, "the address that the client connected to");
        assert_eq!(on_the_network("192.0.2.8:7070").as_deref(), Some("foreign_host"));
    }

    #[test]
    fn a_write_is_not_taken_from_a_page_of_another_origin() {
        let write = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = [("host", "localhost:7070")].iter().chain(headers).copied().collect();
            refusal_of("POST", "/v1/lab/reset", &headers)
        };
        let refused = Some("foreign_origin".to_owned());
        for foreign in ["https://evil.test", "http://localhost:9999", "http://localhost", "null", "", "file://", "x"] {
            assert_eq!(write(&[("origin", foreign)]), refused, "{foreign}");
            assert_eq!(write(&[("origin", foreign), ("sec-fetch-site", "same-origin")]), refused, "{foreign}");
        }
        for site in ["cross-site", "same-site"] {
            assert_eq!(write(&[("sec-fetch-site", site)]), refused, "{site}");
        }
        for own in ["http://localhost:7070", "HTTP://Localhost:7070", "https://shop.example", "https://front.example"] {
            assert_eq!(write(&[("origin", own), ("sec-fetch-site", "cross-site")]), None, "{own}");
        }
        assert_eq!(write(&[("origin", "https://shop.example:9999")]), refused, "another service of that machine");
        assert_eq!(write(&[("sec-fetch-site", "same-origin")]), None);
        assert_eq!(write(&[("sec-fetch-site", "none")]), None);
        assert_eq!(write(&[]), None, "a program that is no browser");
    }

    #[test]
    fn a_page_of_another_origin_is_answered_what_is_public_and_links_may_be_followed() {
        let read = |path: &str, headers: &[(&str, &str)]| {
            let headers: Vec<_> =
                [("host", "localhost:7070"), ("sec-fetch-site", "cross-site")].iter().chain(headers).copied().collect();
            refusal_of("GET", path, &headers)
        };
        for public in
            ["/v1/products?q=mug", "/v1/products/mug/picture", "/v1/categories", "/health/ready", "/openapi.json"]
        {
            assert_eq!(read(public, &[]), None, "{public}");
        }
        for private in ["/v1/orders", "/v1/events", "/v1/productsandmore", "/metrics", "/v1/export"] {
            assert_eq!(read(private, &[]).as_deref(), Some("foreign_origin"), "{private}");
            assert_eq!(read(private, &[("origin", "https://front.example")]), None, "{private}");
            let link = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
            assert_eq!(read(private, &link), None, "{private}");
            let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
            assert_eq!(read(private, &frame).as_deref(), Some("foreign_origin"), "{private}");
        }
    }

    #[test]
    fn a_trusted_proxy_answers_for_the_name_and_nobody_else_does() {
        let headers = [("host", "upstream"), ("x-forwarded-host", "shop.test"), ("origin", "https://shop.test")];
        assert_eq!(refusal_between("10.0.0.9", "10.0.0.1", "POST", "/v1/customers", &headers), None);
        let other = refusal_between("10.0.0.8", "10.0.0.1", "POST", "/v1/customers", &headers);
        assert_eq!(other.as_deref(), Some("foreign_host"));
        let foreign = [("host", "upstream"), ("x-forwarded-host", "shop.test"), ("origin", "https://evil.test")];
        let foreign = refusal_between("10.0.0.9", "10.0.0.1", "POST", "/v1/customers", &foreign);
        assert_eq!(foreign.as_deref(), Some("foreign_origin"));
        let standard = [("host", "upstream"), ("forwarded", "host=shop.test"), ("origin", "https://shop.test")];
        assert_eq!(refusal_between("10.0.0.9", "10.0.0.1", "POST", "/v1/customers", &standard), None);
    }
}
