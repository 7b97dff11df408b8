//! The hosts under which the server is asked, and the origins whose web pages may use it, as they are configured.

use std::str::FromStr;

/// An accepted `Host`, such as `shop.example` or `shop.example:8080`; without a port it matches every port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    name: String,
    port: Option<u16>,
}

impl HostName {
    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if it was given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether a lower-case name and a port of a request match this host.
    pub fn matches(&self, name: &str, port: Option<u16>) -> bool {
        self.name == name && (self.port.is_none() || self.port == port)
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not a host: use a name or an address, such as shop.example or shop.example:8080");
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (name, Some(port.parse().map_err(|_| wrong())?))
            }
            _ => (text, None),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(wrong());
        }
        Ok(Self { name, port })
    }
}

/// The origin of web pages (RFC 6454), such as `https://front.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    secure: bool,
    host: HostName,
}

impl WebOrigin {
    /// The host's name, in lower case.
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// The port, explicit or the scheme's default.
    pub fn port(&self) -> u16 {
        self.host.port().unwrap_or(self.default_port())
    }

    /// The default port of the origin's scheme.
    pub fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }
}

impl FromStr for WebOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not an origin of web pages, such as https://front.example or http://localhost:3000")
        };
        let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let mut host: HostName = host.strip_suffix('/').unwrap_or(host).parse().map_err(|_| wrong())?;
        let default_port = if secure { 443 } else { 80 };
        host.port = host.port.filter(|port| *port != default_port);
        Ok(Self { secure, host })
    }
}

/// Whether a text is a path under which a server may be shown: no slash at its end, and nothing but segments.
pub fn is_path_prefix(text: &str) -> bool {
    let is_segment = |segment: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(fits)
    };
    text.len() <= 200 && text.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_origins_are_read_or_refused() {
        for (text, name, port) in [
            ("Shop.Example", "shop.example", None),
            ("shop.example:8080", "shop.example", Some(8080)),
            ("[::1]:80", "[::1]", Some(80)),
            ("192.0.2.7", "192.0.2.7", None),
        ] {
            let host: HostName = text.parse().unwrap();
            assert_eq!((host.name(), host.port()), (name, port));
        }
        for wrong in ["", "shop example", "http://shop.example", "shop.example/x", "shop.example:x", "user@shop"] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong:?}");
        }
        let origin = |text: &str| text.parse::<WebOrigin>();
        assert_eq!(origin("https://Front.example:443/"), origin("https://front.example"));
        assert_ne!(origin("http://front.example"), origin("https://front.example"));
        for wrong in ["*", "null", "", "front.example", "ftp://front.example", "https://", "https://a/b"] {
            assert!(origin(wrong).is_err(), "{wrong:?}");
        }
    }
}
