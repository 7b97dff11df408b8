//! Shared parts of the HTTP clients: addresses, connections, bounded bodies and error texts.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::{Response, Url, redirect};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An invalid address of a system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is not the address of {system}: it must begin with http:// or https:// and have no query")]
pub(crate) struct BadAddress {
    system: &'static str,
    address: String,
}

/// The base URL of a system, and the connections to it.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    base: Url,
    pub(super) http: reqwest::Client,
}

impl Endpoint {
    /// Creates an endpoint for a URL, with or without a path. Ignores proxies of the environment and does not follow redirects.
    /// Installs the process-wide TLS provider if there is none yet.
    ///
    /// # Errors
    /// When the address is not valid.
    pub(super) fn new(system: &'static str, address: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress { system, address: without_userinfo(address) };
        let base = Url::parse(address).map_err(|_| bad())?;
        let plain = base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() || !plain {
            return Err(bad());
        }
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("storefront-server/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // Without TLS, skip loading the system's certificates, which is slow.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self { base, http: builder.build().map_err(|_| bad())? })
    }

    /// Builds a URL below the base; each segment is percent-encoded.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// Reads a whole body of at most `limit_bytes`.
///
/// # Errors
/// See [`BodyError`].
pub(super) async fn read_body(mut response: Response, limit_bytes: usize) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > limit_bytes as u64) {
        return Err(BodyError::TooLarge { limit_bytes });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Lost(describe(&error)))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// The connection failed or timed out.
    #[error("{0}")]
    Lost(String),
    /// The body exceeds the limit.
    #[error("the answer has more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
}

/// Describes an error briefly, without the URL, which may be confidential, and without the library's layers.
pub(super) fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        let what = if error.is_connect() { "no connection in time" } else { "no answer in time" };
        return what.to_owned();
    }
    if error.is_dns() {
        return "its host name is not known".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(kind) if kind != io::ErrorKind::Other => kind.to_string(),
        _ => cause.to_string(),
    }
}

/// Removes user name and password from a URL.
pub(super) fn without_userinfo(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}{}", &address[..scheme + 3], &address[at + 1..]),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_below_the_address_and_are_encoded() {
        for address in ["http://host/products-service", "http://host/products-service/"] {
            let endpoint = Endpoint::new("the product service", address).unwrap();
            assert_eq!(
                endpoint.url(&["v1", "product", "a/b"]).as_str(),
                "http://host/products-service/v1/product/a%2Fb"
            );
        }
    }

    #[test]
    fn a_bad_address_is_reported_without_its_password() {
        for (address, shown) in [
            ("127.0.0.1:7071", "127.0.0.1:7071"),
            ("ftp://host", "ftp://host"),
            ("http://host?x=1", "http://host?x=1"),
            ("http://me:secret@host", "http://host"),
        ] {
            let error = Endpoint::new("the product service", address).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "{shown:?} is not the address of the product service: it must begin with http:// or https:// and have no query"
                )
            );
        }
    }
}
