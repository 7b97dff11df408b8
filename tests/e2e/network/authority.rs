//! A certificate authority of a test, and clients that trust it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use storefront_server::TlsFiles;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority that certifies servers.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for names or addresses, and its key, both in PEM.
    pub(crate) fn certify(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Files in a folder with a certificate for names.
    pub(crate) fn files(&self, folder: &Path, names: &[&str]) -> TlsFiles {
        let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        let (certificate, key) = self.certify(names, |_| {});
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    /// A file with the certificate of the authority.
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        fs::write(&path, &self.pem).unwrap();
        path
    }
}

/// A client that trusts some authorities alone, and opens a connection for each request.
pub(crate) fn client(authorities: &[&Authority]) -> reqwest::Client {
    let roots = authorities.iter().map(|authority| reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap());
    reqwest::Client::builder().tls_certs_only(roots).pool_max_idle_per_host(0).build().unwrap()
}

/// What a client asks for in a handshake.
pub(crate) struct Handshake<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) protocols: &'a [&'a str],
}

/// Does a handshake as `localhost`.
pub(crate) async fn connect(address: SocketAddr, wanted: Handshake<'_>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(wanted.authority.pem.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_protocol_versions(wanted.versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = wanted.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}
