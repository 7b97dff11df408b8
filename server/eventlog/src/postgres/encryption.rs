//! Where a PostgreSQL is, and the encryption of connections to it, with the meaning that libpq gives to `sslmode`
//! (postgresql.org/docs/current/libpq-ssl.html).

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_rustls::TlsConnector;

/// Where a database is, and how connections to it are encrypted.
#[derive(Clone)]
pub struct PostgresAddress {
    config: Config,
    connector: Connector,
}

/// Shows nothing: an address may contain a password.
impl std::fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresAddress").finish_non_exhaustive()
    }
}

/// What is asked of the certificate of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verification {
    None,
    /// A trusted authority has signed it.
    Authority,
    /// That, and it is valid for the host of the address.
    AuthorityAndName,
}

impl PostgresAddress {
    /// Parses a URL or key-value string. `sslmode` is disable, prefer (the default), require, verify-ca or verify-full;
    /// `sslrootcert=PATH` names the authorities (PEM). With `require` too, authorities that are named are looked at.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it: it may contain a password.
    pub fn parse(address: &str) -> Result<Self, String> {
        let Options { rest, mode, authorities } = split(address)?;
        let (ssl_mode, mut verification) = match mode.as_deref() {
            None | Some("prefer") => (SslMode::Prefer, Verification::None),
            Some("disable") => (SslMode::Disable, Verification::None),
            Some("require") => (SslMode::Require, Verification::None),
            Some("verify-ca") => (SslMode::Require, Verification::Authority),
            Some("verify-full") => (SslMode::Require, Verification::AuthorityAndName),
            Some(_) => {
                return Err("sslmode is none of disable, prefer, require, verify-ca and verify-full".to_owned());
            }
        };
        if ssl_mode == SslMode::Require && verification == Verification::None && authorities.is_some() {
            verification = Verification::Authority;
        }
        let mut config: Config = rest.parse().map_err(|error: Error| error.to_string())?;
        config.ssl_mode(ssl_mode);
        Ok(Self { config, connector: Connector::new(verification, authorities.as_deref())? })
    }

    /// The other settings of connections.
    pub fn settings(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Opens a connection, encrypted as `sslmode` says.
    ///
    /// # Errors
    /// When the database cannot be reached, refuses, or does not prove who it is.
    pub async fn connect(&self) -> Result<(Client, Connection<Socket, Encrypted>), Error> {
        self.config.connect(self.connector.clone()).await
    }
}

/// An address without the options that `tokio_postgres` does not know.
struct Options {
    rest: String,
    mode: Option<String>,
    authorities: Option<PathBuf>,
}

fn split(address: &str) -> Result<Options, String> {
    let (before, options, separator) = match address.split_once('?') {
        Some((before, query)) if address.contains("://") => (format!("{before}?"), query, '&'),
        _ if address.contains("://") => (address.to_owned(), "", '&'),
        _ => (String::new(), address, ' '),
    };
    let (mut kept, mut mode, mut authorities) = (Vec::new(), None, None);
    for option in options.split(separator) {
        match option.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) if separator == '&' => authorities = Some(decoded(value)?.into()),
            Some(("sslrootcert", value)) => authorities = Some(value.into()),
            Some(_) | None => kept.push(option),
        }
    }
    let rest = before + &kept.join(&separator.to_string());
    Ok(Options { rest: rest.trim_end_matches('?').to_owned(), mode, authorities })
}

/// The text of a percent-encoded one.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "sslrootcert is not percent-encoded text".to_owned();
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        bytes.push(digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(wrong)?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// Makes the encryption of connections.
#[derive(Clone)]
struct Connector(Arc<ClientConfig>);

impl Connector {
    fn new(verification: Verification, authorities: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let roots = match (verification, authorities) {
            (Verification::None, _) => None,
            (_, Some(path)) => Some(Arc::new(root_store(path)?)),
            (_, None) => {
                return Err(
                    "sslmode=verify-ca and verify-full need sslrootcert=PATH, a file with the certificates of the \
                            authorities, such as that of the system"
                        .to_owned(),
                );
            }
        };
        let authority = roots.map(|roots| WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build());
        let authority = authority.transpose().map_err(|failure| format!("sslrootcert: {failure}"))?;
        let verifier = Arc::new(Verifier { verification, authority, provider: provider.clone() });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|failure| failure.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

fn root_store(path: &Path) -> Result<RootCertStore, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("sslrootcert {}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|failure| wrong(&failure))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|failure| wrong(&failure))?;
        roots.add(certificate).map_err(|failure| wrong(&failure))?;
    }
    if roots.is_empty() { Err(wrong(&"it has no certificate in PEM")) } else { Ok(roots) }
}

/// Looks at as much of a certificate as is asked.
#[derive(Debug)]
struct Verifier {
    verification: Verification,
    /// `None` where nothing is verified.
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, intermediates, name, ocsp_response, now) {
            // The name is looked at after everything else.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.verification == Verification::Authority => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Encrypted;
    type TlsConnect = HostConnector;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<HostConnector, io::Error> {
        Ok(HostConnector { config: self.0.clone(), host: host.to_owned() })
    }
}

/// Encrypts a connection to a host.
struct HostConnector {
    config: Arc<ClientConfig>,
    host: String,
}

impl TlsConnect<Socket> for HostConnector {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from(self.host).map_err(|_| io::Error::other("the host is no name"))?;
            let stream = TlsConnector::from(self.config).connect(name, socket).await?;
            Ok(Encrypted(Box::new(stream)))
        })
    }
}

/// A connection to the database under TLS.
pub struct Encrypted(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_encryption_are_taken_out_of_an_address() {
        for (address, rest, mode, authorities) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/d", None, None),
            (
                "postgres://u:p@h/d?sslmode=verify-full&sslrootcert=%2Fca%20s.pem",
                "postgres://u:p@h/d",
                Some("verify-full"),
                Some("/ca s.pem"),
            ),
            (
                "postgres://h/d?connect_timeout=3&sslmode=require",
                "postgres://h/d?connect_timeout=3",
                Some("require"),
                None,
            ),
            ("host=h sslmode=disable user=u", "host=h user=u", Some("disable"), None),
            ("host=h sslrootcert=/ca.pem", "host=h", None, Some("/ca.pem")),
        ] {
            let options = split(address).unwrap();
            assert_eq!((options.rest.as_str(), options.mode.as_deref()), (rest, mode), "{address}");
            assert_eq!(options.authorities.as_deref(), authorities.map(Path::new), "{address}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_its_password() {
        for (options, says) in [
            ("sslmode=maybe", "sslmode is none of"),
            ("sslmode=verify-full", "need sslrootcert"),
            ("sslmode=verify-ca", "need sslrootcert"),
            ("sslmode=verify-full&sslrootcert=/no/such.pem", "/no/such.pem: No such file"),
            ("sslmode=require&sslrootcert=/dev/null", "it has no certificate in PEM"),
            ("sslrootcert=%zz", "percent-encoded"),
            ("sslrootcert=%c3", "percent-encoded"),
            ("hunter2=hunter2", "invalid connection string"),
        ] {
            let refusal = PostgresAddress::parse(&format!("postgres://shop:hunter2@h/d?{options}")).unwrap_err();
            assert!(refusal.contains(says) && !refusal.contains("hunter2"), "{options}: {refusal}");
        }
        assert!(PostgresAddress::parse("postgres://shop:hunter2@h/d?sslmode=prefer&sslrootcert=/no/such.pem").is_ok());
        assert!(!format!("{:?}", PostgresAddress::parse("postgres://shop:hunter2@h/d").unwrap()).contains("hunter2"));
    }
}
