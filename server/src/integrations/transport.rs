//! What the HTTP clients of other systems share: addresses, connections, bounded bodies and failures in words.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::{Response, Url, redirect};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// An address at which no system can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is not the address of {system}: it must begin with http:// or https:// and have no query")]
pub(crate) struct BadAddress {
    system: &'static str,
    address: String,
}

/// Where a system is, and the connections to it.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    base: Url,
    pub(super) http: reqwest::Client,
}

impl Endpoint {
    /// The system at an address, with or without a path. Proxies of the environment are not used and redirects are not
    /// followed. Installs the process-wide TLS provider where there is none yet.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub(super) fn new(system: &'static str, address: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress { system, address: without_userinfo(address) };
        let base = Url::parse(address).map_err(|_| bad())?;
        let plain = base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() || !plain {
            return Err(bad());
        }
        // Fails only when a provider is there already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("storefront-server/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // Without TLS there is no need to read the machine's certificates, which takes a while.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self { base, http: builder.build().map_err(|_| bad())? })
    }

    /// The address of something below the system's own; each segment is encoded.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// The whole body, if it has at most so many bytes.
///
/// # Errors
/// A few words on what went wrong.
pub(super) async fn body(mut response: Response, limit_bytes: usize) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > limit_bytes as u64) {
        return Err(BodyError::TooLarge { limit_bytes });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Lost(in_words(&error)))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why a body could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// The connection broke off or took too long.
    #[error("{0}")]
    Lost(String),
    /// It has more bytes than it should.
    #[error("the answer has more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
}

/// What went wrong, in a few words, without the address (which may be confidential) and without the library's layers.
pub(super) fn in_words(error: &reqwest::Error) -> String {
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

/// The address without what might be a password.
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
    fn a_bad_address_is_named_without_its_password() {
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
