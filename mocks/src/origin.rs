//! Protects the stubs from web pages of other origins: they cannot write here, cannot use a foreign host name (DNS
//! rebinding), and cannot load responses unseen.
//!
//! Programs other than browsers send neither `Origin` nor `Sec-Fetch-Site`, and are not affected.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS},
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};

use crate::http::{Connection, problem};

/// Host names of the stubs, in addition to their address and `localhost`.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostNames(pub(crate) Arc<[String]>);

/// Refuses requests that a browser sends for a page of another origin.
pub(crate) async fn layer(
    State(names): State<HostNames>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match refusal(&names, connection.local(), &request) {
        Some((code, detail)) => problem(StatusCode::FORBIDDEN, code, detail),
        None => next.run(request).await,
    };
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn refusal(names: &HostNames, local: Option<SocketAddr>, request: &Request) -> Option<(&'static str, &'static str)> {
    let headers = request.headers();
    let host = headers.get(HOST).map(|host| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()));
    let in_target = request.uri().authority().map(|host| Some(host.clone()));
    let several = headers.get_all(HOST).iter().count() > 1;
    let is_own = |host: &Option<Authority>| host.as_ref().is_some_and(|host| is_own_host(names, local, host));
    if several || ![&host, &in_target].into_iter().flatten().all(is_own) {
        return Some((
            "foreign_host",
            "The stubs do not go by this name: ask under their address, or name it with --host.",
        ));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let foreign = match headers.get(ORIGIN) {
        Some(origin) if is_same_origin(origin, host.flatten().as_ref()) => false,
        Some(_) if !reads => true,
        Some(_) | None => matches!(header_text(headers, "sec-fetch-site"), Some("cross-site" | "same-site")),
    };
    let link = header_text(headers, "sec-fetch-mode") == Some("navigate")
        && header_text(headers, "sec-fetch-dest") == Some("document");
    (foreign && !(reads && link)).then_some(("foreign_origin", "A web page of another origin may not do this."))
}

fn is_own_host(names: &HostNames, local: Option<SocketAddr>, host: &Authority) -> bool {
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    if host.as_str().contains('@') {
        return false;
    }
    if name == "localhost" || names.0.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
        return true;
    }
    let Ok(ip) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() else { return false };
    ip == IpAddr::from(Ipv4Addr::LOCALHOST)
        || ip == IpAddr::from(Ipv6Addr::LOCALHOST)
        || local.is_some_and(|local| ip == local.ip().to_canonical())
}

/// Whether an origin is that of the host that the request is for.
fn is_same_origin(origin: &HeaderValue, host: Option<&Authority>) -> bool {
    let Some(host) = host else { return false };
    let origin =
        origin.to_str().ok().and_then(|origin| origin.to_ascii_lowercase().strip_prefix("http://")?.parse().ok());
    origin.is_some_and(|origin: Authority| {
        origin.host() == host.host().to_ascii_lowercase()
            && origin.port_u16().unwrap_or(80) == host.port_u16().unwrap_or(80)
    })
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refusal_code(method: &str, headers: &[(&str, &str)]) -> Option<&'static str> {
        let mut request = Request::builder().method(method).uri("/reset");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let names = HostNames(Arc::from(["mocks".to_owned()]));
        let local = Some("192.0.2.7:7071".parse().unwrap());
        refusal(&names, local, &request.body(Body::empty()).unwrap()).map(|(code, _)| code)
    }

    #[test]
    fn the_stubs_answer_under_their_own_names_alone() {
        for own in ["localhost:7071", "127.0.0.1", "[::1]:7071", "192.0.2.7:7071", "mocks:7071"] {
            assert_eq!(refusal_code("GET", &[("host", own)]), None, "{own}");
        }
        for foreign in ["evil.test", "localhost.evil.test:7071", "192.0.2.8", "user@localhost", ""] {
            assert_eq!(refusal_code("GET", &[("host", foreign)]), Some("foreign_host"), "{foreign}");
        }
        assert_eq!(refusal_code("POST", &[]), None, "a program that sends none");
    }

    #[test]
    fn no_page_of_another_origin_writes_or_reads_unseen() {
        let host = ("host", "localhost:7071");
        for foreign in ["https://evil.test", "http://localhost:9999", "null", ""] {
            assert_eq!(refusal_code("POST", &[host, ("origin", foreign)]), Some("foreign_origin"), "{foreign}");
        }
        assert_eq!(refusal_code("POST", &[host, ("origin", "http://localhost:7071")]), None);
        for site in ["cross-site", "same-site"] {
            for method in ["GET", "POST"] {
                assert_eq!(
                    refusal_code(method, &[host, ("sec-fetch-site", site)]),
                    Some("foreign_origin"),
                    "{method} {site}"
                );
            }
            let link = [host, ("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
            assert_eq!(refusal_code("GET", &link), None);
            assert_eq!(refusal_code("POST", &link), Some("foreign_origin"));
        }
    }
}
