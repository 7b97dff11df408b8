//! The URLs under which a server is reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tracing::warn;

use crate::accepted_hosts::HostName;
use crate::http::tls::Tls;

/// The base URLs of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Urls {
    /// For programs of this machine.
    pub(crate) local: String,
    /// For other clients: when the server listens on every address, one that other machines on the network reach.
    pub(crate) join: String,
}

impl Urls {
    /// The URLs of a server that listens on `address`. An encrypted one is named as its certificate names it, by one of
    /// `hosts` or its address; when the certificate is valid for none of them, a warning says so.
    pub(crate) fn of(address: SocketAddr, hosts: &[HostName], tls: Option<&Tls>) -> Self {
        let local = with_ip(address, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let join = with_ip(address, network_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let Some(tls) = tls else {
            return Self { local: format!("http://{local}"), join: format!("http://{join}") };
        };
        let host = |host: &HostName| (host.name().to_owned(), host.port().unwrap_or(address.port()));
        let hosts: Vec<(String, u16)> = hosts.iter().map(host).collect();
        let ip = |address: SocketAddr| vec![(address.ip().to_string(), address.port())];
        let localhost = local.ip().is_loopback().then(|| ("localhost".to_owned(), address.port()));
        let url = |names: Vec<(String, u16)>| {
            names.into_iter().find(|(name, _)| tls.is_valid_for(name)).map(|(name, port)| match name.contains(':') {
                true if !name.starts_with('[') => format!("https://[{name}]:{port}"),
                true | false => format!("https://{name}:{port}"),
            })
        };
        let local_url = url(ip(local).into_iter().chain(localhost).chain(hosts.clone()).collect());
        let join_url = url(hosts.into_iter().chain(ip(join)).collect());
        if local_url.is_none() && join_url.is_none() {
            warn!("the certificate is valid for no name of this server; name the one that clients use with --host");
        }
        Self {
            local: local_url.unwrap_or_else(|| format!("https://{local}")),
            join: join_url.unwrap_or_else(|| format!("https://{join}")),
        }
    }
}

/// Replaces an unspecified IP address by `ip`.
fn with_ip(address: SocketAddr, ip: IpAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(ip, address.port()) } else { address }
}

/// Returns the IP address of this machine on its network: the source address of a connection to the outside. Nothing
/// is sent; the destination is an address for documentation (RFC 5737).
fn network_ip() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}
