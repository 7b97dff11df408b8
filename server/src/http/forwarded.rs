//! What a reverse proxy says of a request: `Forwarded` (RFC 7239) and `X-Forwarded-*`. Only a trusted proxy is believed, and of
//! a list only what trusted proxies have added at its end: what stands before may be the client's own.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};

use crate::accepted_hosts::is_path_prefix;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The client's side of a request that came through trusted proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// The address of the client; that of the last trusted proxy when it does not say.
    pub(crate) client: IpAddr,
    /// The `Host` that the client sent.
    pub(crate) host: Option<Authority>,
    /// The path under which the proxy shows this server, such as `/shop`.
    pub(crate) prefix: Option<String>,
}

impl Forwarded {
    /// What trusted proxies say of a request that `peer`, one of them, has sent. Where both kinds of headers are there, a
    /// value counts only when they agree: the proxy writes one of them, and the other may be the client's.
    pub(crate) fn of(headers: &HeaderMap, peer: IpAddr, is_trusted: impl Fn(IpAddr) -> bool) -> Self {
        let prefix = last(headers, &X_FORWARDED_PREFIX).filter(|prefix| is_path_prefix(prefix)).map(str::to_owned);
        let standard = headers.contains_key(header::FORWARDED).then(|| of_standard(headers, peer, &is_trusted));
        let usual = [X_FORWARDED_FOR, X_FORWARDED_HOST].iter().any(|name| headers.contains_key(name));
        let usual = usual.then(|| of_usual(headers, peer, &is_trusted));
        let (client, host) = match (standard, usual) {
            (None, None) => (peer, None),
            (Some(said), None) | (None, Some(said)) => said,
            (Some(one), Some(other)) => {
                let client = if one.0 == other.0 { one.0 } else { peer };
                (client, one.1.filter(|host| other.1.as_ref() == Some(host)))
            }
        };
        Self { client, host, prefix }
    }
}

/// Client and host of `X-Forwarded-For` and `X-Forwarded-Host`.
fn of_usual(headers: &HeaderMap, peer: IpAddr, is_trusted: &impl Fn(IpAddr) -> bool) -> (IpAddr, Option<Authority>) {
    let mut client = peer;
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    let nodes = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for node in nodes {
        let said = std::str::from_utf8(node).ok().and_then(|node| address(node.trim()));
        let Some(said) = said.filter(|_| is_trusted(client)) else { break };
        client = said;
    }
    (client, last(headers, &X_FORWARDED_HOST).and_then(host))
}

/// Client and host of `Forwarded`.
fn of_standard(headers: &HeaderMap, peer: IpAddr, is_trusted: &impl Fn(IpAddr) -> bool) -> (IpAddr, Option<Authority>) {
    let lines = headers.get_all(header::FORWARDED).iter().map(|line| line.to_str().ok().and_then(elements));
    let Some(lines) = lines.collect::<Option<Vec<_>>>() else { return (peer, None) };
    let (mut client, mut named) = (peer, None);
    for element in lines.iter().flatten().rev() {
        if !is_trusted(client) {
            break;
        }
        let value = |wanted: &str| element.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        named = value("host").and_then(host);
        let Some(said) = value("for").and_then(address) else { break };
        client = said;
    }
    (client, named)
}

/// The pairs of each element of a `Forwarded` header; `None` when it is malformed.
fn elements(line: &str) -> Option<Vec<Vec<(String, String)>>> {
    let (mut elements, mut pairs, mut rest) = (Vec::new(), Vec::new(), line);
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_start();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        let (value, after) = value(after)?;
        pairs.push((name.to_ascii_lowercase(), value));
        let after = after.trim_start();
        match after.chars().next() {
            None => {
                elements.push(pairs);
                return Some(elements);
            }
            Some(',') => elements.push(std::mem::take(&mut pairs)),
            Some(';') => {}
            Some(_) => return None,
        }
        rest = &after[1..];
    }
}

/// The token or quoted string at the beginning of a text, and the text after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let (mut value, mut letters) = (String::new(), quoted.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The address of a node: an address, with or without a port, one of IPv6 in brackets where it has a port.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let ip = bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|address| address.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

fn host(text: &str) -> Option<Authority> {
    text.parse().ok().filter(|host: &Authority| !host.as_str().contains('@'))
}

/// The last value of a list.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.9";

    fn of(headers: &[(&'static str, &[u8])]) -> Forwarded {
        let pairs = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap_or(HeaderValue::from_static("")))
        });
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        Forwarded::of(&map, PROXY.parse().unwrap(), |ip| ip.to_string().starts_with("10.0.0."))
    }

    fn client(headers: &[(&'static str, &[u8])]) -> String {
        of(headers).client.to_string()
    }

    #[test]
    fn the_client_is_whom_the_outermost_trusted_proxy_saw() {
        for (list, seen) in [
            ("192.0.2.1", "192.0.2.1"),
            ("198.51.100.7, 192.0.2.1", "192.0.2.1"),
            ("198.51.100.7, 192.0.2.1, 10.0.0.3", "192.0.2.1"),
            ("10.0.0.4,10.0.0.3", "10.0.0.4"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, unknown", PROXY),
            ("", PROXY),
        ] {
            assert_eq!(client(&[("x-forwarded-for", list.as_bytes())]), seen, "{list}");
        }
        for (list, seen) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.3", "2001:db8::1"),
            ("for=198.51.100.7, for=192.0.2.1;host=shop.example", "192.0.2.1"),
            ("for=198.51.100.7 , for=192.0.2.1, for=10.0.0.3", "192.0.2.1"),
            ("for=192.0.2.1, for=_hidden", PROXY),
            ("for=\"192.0.2.1", PROXY),
            ("for=192.0.2.1;;host=x", PROXY),
            ("nonsense", PROXY),
        ] {
            assert_eq!(client(&[("forwarded", list.as_bytes())]), seen, "{list}");
        }
        assert_eq!(client(&[("x-forwarded-for", b"198.51.100.7"), ("x-forwarded-for", b"192.0.2.1")]), "192.0.2.1");
        assert_eq!(client(&[]), PROXY);
    }

    #[test]
    fn host_and_prefix_are_those_of_the_proxy_and_two_kinds_of_headers_must_agree() {
        let host = |headers: &[(&'static str, &[u8])]| of(headers).host.map(|host| host.to_string());
        assert_eq!(host(&[("x-forwarded-host", b"evil.test, shop.example")]).as_deref(), Some("shop.example"));
        assert_eq!(
            host(&[("forwarded", b"for=192.0.2.1;host=\"shop.example:8443\"")]).as_deref(),
            Some("shop.example:8443")
        );
        assert_eq!(host(&[("x-forwarded-host", b"user@shop.example")]), None);
        let agreed = [
            ("forwarded", &b"for=192.0.2.1;host=shop.example"[..]),
            ("x-forwarded-for", b"192.0.2.1"),
            ("x-forwarded-host", b"shop.example"),
        ];
        assert_eq!((client(&agreed), host(&agreed).as_deref()), ("192.0.2.1".to_owned(), Some("shop.example")));
        let spoofed = [("forwarded", &b"for=198.51.100.7;host=evil.test"[..]), agreed[1], agreed[2]];
        assert_eq!((client(&spoofed), host(&spoofed)), (PROXY.to_owned(), None));
        let prefix = |text: &'static str| of(&[("x-forwarded-prefix", text.as_bytes())]).prefix;
        assert_eq!(prefix("/shop/eu").as_deref(), Some("/shop/eu"));
        for wrong in ["shop", "/", "/shop/", "//evil.test", "/a/../b", "/a b", "/a?b", "/<script>", "https://evil.test"]
        {
            assert_eq!(prefix(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_the_proxy_alone_says_who_it_is(
            own in proptest::collection::vec(any::<u8>(), 0..60),
            pieces in proptest::collection::vec(prop::sample::select(vec![
                "for=", "9.9.9.9", "\"", "\\", ",", ";", "host=", "evil.test", " ", "=", "[::1]", "10.0.0.3", "x",
            ]), 0..12),
            quoted in any::<bool>(),
        ) {
            let pieces = pieces.concat().into_bytes();
            for own in [&own, &pieces] {
                let real = if quoted { "for=\"192.0.2.1\";host=\"shop.example\"" } else { "for=192.0.2.1;host=shop.example" };
                let line = [own.as_slice(), b", ", real.as_bytes()].concat();
                let seen = of(&[("forwarded", &line)]);
                prop_assert!(matches!(seen.client.to_string().as_str(), "192.0.2.1" | PROXY), "{seen:?}");
                prop_assert!(seen.host.is_none_or(|host| host == "shop.example"));
                let seen = of(&[("forwarded", own), ("forwarded", real.as_bytes())]);
                prop_assert!(matches!(seen.client.to_string().as_str(), "192.0.2.1" | PROXY), "{seen:?}");
                let line = [own.as_slice(), b", 192.0.2.1"].concat();
                if HeaderValue::from_bytes(&line).is_ok() {
                    prop_assert_eq!(client(&[("x-forwarded-for", &line)]), "192.0.2.1");
                }
                prop_assert_eq!(client(&[("x-forwarded-for", own), ("x-forwarded-for", b"192.0.2.1")]), "192.0.2.1");
            }
        }
    }
}
