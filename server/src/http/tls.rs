//! TLS of the listener: the certificate and its key, read again when their files change, and handshakes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{ServerConfig, crypto};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use crate::clock;
use crate::config::TlsFiles;
use crate::http::certificate_times::CertificateTimes;
use crate::http::lingering_stream::LingeringStream;

/// Interval at which the files are looked at for a change.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);
/// Minimum interval between two lines about failed handshakes.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// The first byte of a TLS connection: a record of a handshake (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// The answer to a request that is not encrypted.
const PLAIN_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 58\r\n\
    Connection: close\r\n\r\nThis port is encrypted: ask with https:// and not http://.";

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("--tls-cert {}: {why}", path.display())]
    Certificate { path: PathBuf, why: String },
    #[error("--tls-key {}: {why}", path.display())]
    Key { path: PathBuf, why: String },
    #[error("--tls-key {} is not the key of the certificate --tls-cert {}", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
}

/// The certificate that the listener shows now.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Loaded>,
    failures: Mutex<Failures>,
}

#[derive(Clone, Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

/// Failed handshakes since the last line about them.
#[derive(Debug, Default)]
struct Failures {
    count: u64,
    reported_at: Option<Instant>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one of them cannot be read or used, or the key is that of another certificate.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let loaded = load(&files)?;
        warn_of_loose_key_file(&files.key);
        Ok(Self { files, current: RwLock::new(loaded), failures: Mutex::default() })
    }

    /// Whether the certificate is valid for a host name or an IP address.
    pub(crate) fn is_valid_for(&self, name: &str) -> bool {
        let loaded = self.loaded();
        let Ok(parsed) = ParsedCertificate::try_from(&loaded.certificate) else { return false };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(name).is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }

    /// Reads the files again whenever one of them changes, without end. Files that cannot be used change nothing.
    pub(crate) async fn follow_files(self: Arc<Self>) {
        let mut seen = Fingerprint::of(&self.files);
        loop {
            clock::sleep(RELOAD_INTERVAL).await;
            let tls = self.clone();
            let looked = tokio::task::spawn_blocking(move || tls.reload_if_changed(seen)).await;
            seen = looked.unwrap_or(seen);
        }
    }

    /// Reads the files if they differ from what was seen, and returns what is seen now.
    fn reload_if_changed(&self, seen: Fingerprint) -> Fingerprint {
        // Taken before the files are read: a change while they are read is noticed the next time.
        let now = Fingerprint::of(&self.files);
        if now != seen {
            match load(&self.files) {
                Ok(loaded) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
                    info!(certificate = %self.files.certificate.display(), "the new certificate is in use");
                }
                Err(failure) => warn!(%failure, "the certificate stays as it was: the changed files cannot be used"),
            }
        }
        now
    }

    fn loaded(&self) -> Loaded {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does the handshake with a client. A request that is not encrypted is answered, and the connection closed.
    ///
    /// # Errors
    /// When the client speaks no TLS, no version or cipher of this server, or does not accept the certificate.
    pub(super) async fn accept(
        &self,
        mut stream: LingeringStream,
        linger: &AtomicBool,
    ) -> io::Result<TlsStream<LingeringStream>> {
        let first = stream.peek_byte().await?;
        if first.is_some_and(|byte| byte != HANDSHAKE_RECORD && byte.is_ascii_uppercase()) {
            linger.store(true, Ordering::Relaxed);
            stream.write_all(PLAIN_REQUEST).await?;
            stream.shutdown().await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP on the encrypted port"));
        }
        TlsAcceptor::from(self.loaded().config).accept(stream).await
    }

    /// Counts a failed handshake, and logs how many there were, at most once a minute.
    pub(super) fn report_failure(&self, peer: SocketAddr, failure: &dyn std::fmt::Display) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.count += 1;
        if failures.reported_at.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            info!(%peer, %failure, failed = failures.count, "TLS handshakes failed; this is the last one");
            *failures = Failures { count: 0, reported_at: Some(Instant::now()) };
        }
    }
}

/// What shows that the files have changed: times, sizes and inodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fingerprint([Option<(i64, i64, u64, u64)>; 2]);

impl Fingerprint {
    fn of(files: &TlsFiles) -> Self {
        Self([&files.certificate, &files.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.mtime(), file.mtime_nsec(), file.len(), file.ino()))
        }))
    }
}

fn load(files: &TlsFiles) -> Result<Loaded, TlsError> {
    let wrong_certificate = |why: String| TlsError::Certificate { path: files.certificate.clone(), why };
    let wrong_key = |why: String| TlsError::Key { path: files.key.clone(), why };
    let pem = fs::read(&files.certificate).map_err(|failure| wrong_certificate(failure.to_string()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|failure| wrong_certificate(failure.to_string()))?;
    let certificate =
        chain.first().cloned().ok_or_else(|| wrong_certificate("it has no certificate in PEM".to_owned()))?;
    let pem = fs::read(&files.key).map_err(|failure| wrong_key(failure.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| wrong_key("it has no private key in PEM that is not encrypted itself".to_owned()))?;
    let mismatch = || TlsError::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() };
    let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|failure| wrong_certificate(failure.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|failure| match failure {
            rustls::Error::InconsistentKeys(_) => mismatch(),
            rustls::Error::InvalidCertificate(_) => wrong_certificate(failure.to_string()),
            // Text of the library about a key has nothing of the key in it.
            other => wrong_key(other.to_string()),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    warn_of_times(&certificate, &files.certificate);
    Ok(Loaded { config: Arc::new(config), certificate })
}

fn warn_of_times(certificate: &CertificateDer<'_>, path: &Path) {
    let (path, now_s) = (path.display(), clock::now().unix_ms() / 1000);
    match CertificateTimes::of(certificate) {
        Some(times) if times.not_after_s < now_s => warn!(certificate = %path, "the certificate has expired"),
        Some(times) if times.not_before_s > now_s => warn!(certificate = %path, "the certificate is not valid yet"),
        Some(_) => {}
        None => warn!(certificate = %path, "from when to when the certificate is valid cannot be read"),
    }
}

fn warn_of_loose_key_file(path: &Path) {
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0) {
        warn!(key = %path.display(), "everybody on this machine may use the private key; try chmod 640");
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn pair(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Files with a certificate for a name, and another pair.
    fn files() -> (TempDir, TlsFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let (certificate, key) = pair("first.example");
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        (folder, files)
    }

    #[test]
    fn a_changed_pair_is_taken_once_both_files_fit_and_a_broken_one_changes_nothing() {
        let (_folder, files) = files();
        let tls = Tls::open(files.clone()).unwrap();
        let seen = Fingerprint::of(&files);
        assert!(tls.is_valid_for("first.example") && !tls.is_valid_for("second.example"));
        assert_eq!(tls.reload_if_changed(seen), seen);
        let (certificate, key) = pair("second.example");
        fs::write(&files.certificate, "no certificate").unwrap();
        let broken = tls.reload_if_changed(seen);
        assert!(broken != seen && tls.is_valid_for("first.example"));
        fs::write(&files.certificate, certificate).unwrap();
        let half = tls.reload_if_changed(broken);
        assert!(half != broken && tls.is_valid_for("first.example"), "its key is not there yet");
        fs::write(&files.key, key).unwrap();
        tls.reload_if_changed(half);
        assert!(tls.is_valid_for("second.example"));
        fs::remove_file(&files.key).unwrap();
        tls.reload_if_changed(Fingerprint::default());
        assert!(tls.is_valid_for("second.example"), "files that are gone change nothing");
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said_with_their_paths_and_without_the_key() {
        let (folder, files) = files();
        let said = |files: &TlsFiles| Tls::open(files.clone()).unwrap_err().to_string();
        let missing = TlsFiles { certificate: folder.path().join("none.pem"), ..files.clone() };
        assert!(said(&missing).starts_with("--tls-cert ") && said(&missing).contains("none.pem: No such file"));
        let key = fs::read_to_string(&files.key).unwrap();
        let swapped = TlsFiles { certificate: files.key.clone(), key: files.certificate.clone() };
        assert!(said(&swapped).contains("it has no certificate in PEM"), "{}", said(&swapped));
        let no_key = TlsFiles { key: files.certificate.clone(), ..files.clone() };
        assert!(said(&no_key).starts_with("--tls-key ") && said(&no_key).contains("it has no private key"));
        fs::write(&files.key, key.replace('M', "!")).unwrap();
        assert!(!said(&files).contains(&key[40..60]), "{}", said(&files));
        fs::write(&files.key, pair("first.example").1).unwrap();
        assert!(said(&files).contains("is not the key of the certificate"), "{}", said(&files));
    }

    #[test]
    fn a_certificate_is_valid_for_its_names_and_addresses() {
        let (_folder, files) = files();
        let key = KeyPair::generate().unwrap();
        let names = ["shop.example", "192.0.2.7", "::1"].map(str::to_owned).to_vec();
        fs::write(&files.certificate, CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let tls = Tls::open(files).unwrap();
        assert!(["shop.example", "192.0.2.7", "[::1]", "::1"].iter().all(|name| tls.is_valid_for(name)));
        assert!(!["other.example", "192.0.2.8", "", "a b"].iter().any(|name| tls.is_valid_for(name)));
    }

    #[test]
    fn the_times_of_a_real_certificate_are_read() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(1970, 1, 2);
        params.not_after = rcgen::date_time_ymd(2970, 1, 1);
        let times = CertificateTimes::of(params.self_signed(&key).unwrap().der()).unwrap();
        assert_eq!(times, CertificateTimes { not_before_s: 86_400, not_after_s: 31_556_995_200 });
    }
}
