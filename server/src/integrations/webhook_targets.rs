//! Which addresses webhooks may be sent to: none of private networks, so that nobody reaches through this server what stands
//! behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::clock;

/// Maximum time to look a name up when an endpoint is made.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);
/// The address under which machines of one cloud ask about themselves; it lies in a public network.
const CLOUD_METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Which addresses may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetRules {
    /// `https` to public networks.
    Public,
    /// Also `http`, and private networks.
    Any,
}

/// Why an address may not be sent to. No text has the address, which may be confidential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("must be an address that begins with http:// or https:// and has a host")]
    NoUrl,
    #[error("must have no user name and no password")]
    Userinfo,
    #[error("must begin with https://")]
    NotEncrypted,
    #[error("must not lead to a private or reserved network; --webhook-allow-private allows it")]
    Private,
}

impl TargetRules {
    /// Parses an address and checks what can be seen without looking its name up.
    ///
    /// # Errors
    /// See [`BadTarget`].
    pub(crate) fn parse(self, address: &str) -> Result<Url, BadTarget> {
        let url = Url::parse(address).map_err(|_| BadTarget::NoUrl)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(BadTarget::NoUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadTarget::Userinfo);
        }
        if self == Self::Public && url.scheme() != "https" {
            return Err(BadTarget::NotEncrypted);
        }
        match ip_of(&url) {
            Some(ip) if !self.allow(ip) => Err(BadTarget::Private),
            Some(_) | None => Ok(url),
        }
    }

    /// As [`TargetRules::parse`], and looks the name up. A name that is not known is let in: it may come to be.
    ///
    /// # Errors
    /// See [`BadTarget`].
    pub(crate) async fn check(self, address: &str) -> Result<(), BadTarget> {
        let url = self.parse(address)?;
        let (Self::Public, None, Some(host)) = (self, ip_of(&url), url.host_str()) else { return Ok(()) };
        let Some(Ok(mut found)) = clock::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, 0))).await else {
            return Ok(());
        };
        if found.all(|address| self.allow(address.ip())) { Ok(()) } else { Err(BadTarget::Private) }
    }

    fn allow(self, ip: IpAddr) -> bool {
        self == Self::Any || is_public(ip)
    }
}

/// The address of a URL whose host is one.
fn ip_of(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Looks names up at each connection, so that a name which has another address by now leads nowhere else.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetResolver(pub(super) TargetRules);

impl Resolve for TargetResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(rules) = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| !rules.allow(address.ip())) {
                return Err(BadTarget::Private.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet, by the registries of special addresses (RFC 6890 and its updates).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special && ip != CLOUD_METADATA
}

/// Only 2000::/3 is public, and of it not what wraps an address of version 4 (Teredo, 6to4), nor what is for documents.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    (0x2000..0x4000).contains(&a) && !matches!((a, b), (0x2001, 0..0x200 | 0xdb8) | (0x2002 | 0x3fff, _))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_of_a_private_or_reserved_network_is_let_in() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "168.63.129.16",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[::127.0.0.1]",
        ] {
            let url = format!("https://{address}/hooks");
            assert_eq!(TargetRules::Public.parse(&url), Err(BadTarget::Private), "{url}");
            assert!(TargetRules::Any.parse(&url).is_ok(), "{url}");
        }
        for address in ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "192.167.0.1", "[2606:4700::1111]"] {
            assert!(TargetRules::Public.parse(&format!("https://{address}/")).is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_web_or_has_a_password_is_refused_in_both_modes() {
        for rules in [TargetRules::Public, TargetRules::Any] {
            for address in
                ["", "example.com", "ftp://example.com", "file:///etc/passwd", "https://", "mailto:a@example.com"]
            {
                assert_eq!(rules.parse(address), Err(BadTarget::NoUrl), "{address:?}");
            }
            assert_eq!(rules.parse("https://me:secret@example.com"), Err(BadTarget::Userinfo));
            assert_eq!(rules.parse("https://me@example.com"), Err(BadTarget::Userinfo));
        }
        assert_eq!(TargetRules::Public.parse("http://example.com"), Err(BadTarget::NotEncrypted));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_when_it_is_given_and_when_it_is_connected_to() {
        assert_eq!(TargetRules::Public.check("https://localhost/hooks").await, Err(BadTarget::Private));
        assert_eq!(TargetRules::Any.check("http://localhost/hooks").await, Ok(()));
        let resolve = |rules| TargetResolver(rules).resolve("localhost".parse().unwrap());
        assert_eq!(resolve(TargetRules::Public).await.err().unwrap().to_string(), BadTarget::Private.to_string());
        assert!(resolve(TargetRules::Any).await.unwrap().next().is_some());
    }
}
