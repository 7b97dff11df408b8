//! Encrypted connections to a real PostgreSQL, with the meaning that libpq gives to `sslmode`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use storefront_eventlog::{EventStore as _, PostgresAddress, PostgresStore};

use crate::postgres_server::{Cluster, create_cluster};

/// A server that is killed, and whose files are removed, at the end of the test.
struct Database {
    cluster: Cluster,
    process: Child,
    port: u16,
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
        let _left_behind = fs::remove_dir_all(&self.cluster.folder);
    }
}

/// An authority, and a certificate by it for `localhost` with its key, all in PEM.
fn certificates(authority: &str) -> [String; 3] {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, authority);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    [pem, certificate.pem(), key.serialize_pem()]
}

impl Database {
    /// Starts a server on a port of this machine with these settings.
    fn start(files: &[(&str, &str)], settings: &[&str]) -> Self {
        let cluster = create_cluster();
        let owner = fs::metadata(&cluster.folder).unwrap();
        for (name, content) in files {
            let path = cluster.folder.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new(&cluster.command[0]);
        command.args(&cluster.command[1..]).args(["-c", "listen_addresses=127.0.0.1"]);
        // The socket keeps its usual name, under which the cluster is waited for.
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.args(["-p", &port.to_string()]).current_dir(&cluster.folder).env("PGPORT", port.to_string());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { cluster, process, port }
    }

    fn url(&self, host: &str, options: &str) -> String {
        let user = self.cluster.user();
        format!("postgres://{user}@{host}:{}/postgres?{options}", self.port)
    }

    /// Whether a connection is encrypted, or why there is none.
    async fn is_encrypted(&self, host: &str, options: &str) -> Result<bool, String> {
        let address = PostgresAddress::parse(&self.url(host, options)).unwrap();
        let (client, connection) = match address.connect().await {
            Ok(connected) => connected,
            Err(failure) => {
                let cause = std::error::Error::source(&failure).map(ToString::to_string).unwrap_or_default();
                return Err(format!("{failure}: {cause}"));
            }
        };
        let connection = tokio::spawn(connection);
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let encrypted = client.query_one(sql, &[]).await.unwrap().get(0);
        drop(client);
        connection.await.unwrap().unwrap();
        Ok(encrypted)
    }

    /// Waits until it takes connections.
    async fn wait_until_ready(&self) {
        for _ in 0..600 {
            if self.is_encrypted("localhost", "sslmode=disable").await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL did not start");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_and_verified_as_sslmode_says() {
    let [authority, certificate, key] = certificates("the authority of a test");
    let [stranger, ..] = certificates("another authority");
    let files =
        [("server.crt", certificate.as_str()), ("server.key", &key), ("ca.pem", &authority), ("other.pem", &stranger)];
    let paths = ["ssl_cert_file=../server.crt", "ssl_key_file=../server.key"];
    let database = Database::start(&files, &["ssl=on", paths[0], paths[1]]);
    database.wait_until_ready().await;
    let folder = database.cluster.folder.display().to_string();
    let (ca, other) = (format!("sslrootcert={folder}/ca.pem"), format!("sslrootcert={folder}/other.pem"));
    let encrypted = async |host: &str, options: &str| database.is_encrypted(host, options).await;
    assert_eq!(encrypted("127.0.0.1", "sslmode=disable").await, Ok(false));
    for unverified in ["", "sslmode=prefer", "sslmode=require"] {
        assert_eq!(encrypted("127.0.0.1", unverified).await, Ok(true), "{unverified}");
    }
    for (host, mode) in [("localhost", "verify-full"), ("localhost", "verify-ca"), ("127.0.0.1", "verify-ca")] {
        assert_eq!(encrypted(host, &format!("sslmode={mode}&{ca}")).await, Ok(true), "{host} {mode}");
    }
    let refused = encrypted("127.0.0.1", &format!("sslmode=verify-full&{ca}")).await.unwrap_err();
    assert!(refused.contains("not valid for name"), "{refused}");
    for mode in ["verify-full", "verify-ca", "require"] {
        let refused = encrypted("localhost", &format!("sslmode={mode}&{other}")).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{mode}: {refused}");
    }
    let log = PostgresStore::connect(&database.url("localhost", &format!("sslmode=verify-full&{ca}"))).await.unwrap();
    assert_eq!(log.head().await.unwrap().0, 0);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_encryption_is_refused_where_encryption_is_asked_for() {
    let database = Database::start(&[], &["ssl=off"]);
    database.wait_until_ready().await;
    assert_eq!(database.is_encrypted("localhost", "sslmode=prefer").await, Ok(false));
    let refused = PostgresStore::connect(&database.url("localhost", "sslmode=require")).await;
    let refused = refused.map(|_| "it is taken").unwrap_err().to_string();
    assert!(refused.contains("the database does not encrypt connections"), "{refused}");
}
