//! TLS to a server whose certificate has a private authority.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use adapters_postgres::{ConnectError, Options, PostgresStore, RowSecurity};
use domain::StoreError;
use domain::health::Probe;
use domain_testkit::RecordingBus;
use postgres_testbed::{Database, Durability, PrivateCluster};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::NamedTempFile;

use crate::support::{client, options, url_of};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> (Authority, NamedTempFile) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(authority.pem().as_bytes()).expect("written");
    (authority, file)
}

/// A certificate for `localhost` and its key, in PEM.
fn issued_by(authority: &Authority) -> [String; 2] {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("signed");
    [certificate.pem(), key.serialize_pem()]
}

/// A self-signed certificate of version 1 and its key, in PEM.
fn of_version_1(algorithm: &[&str]) -> [String; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let openssl = |arguments: &[&[&str]]| {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&folder).args(arguments.concat());
        let output = openssl.output().expect("openssl, which PostgreSQL's packages bring");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let request = ["req", "-new", "-nodes", "-subj", "/CN=localhost", "-keyout", "key", "-out", "csr"];
    openssl(&[&request, algorithm]);
    openssl(&[&["x509", "-req", "-in", "csr", "-signkey", "key", "-out", "crt"]]);
    assert!(openssl(&[&["x509", "-in", "crt", "-noout", "-text"]]).contains("Version: 1 "));
    ["crt", "key"].map(|file| fs::read_to_string(folder.path().join(file)).expect("text"))
}

/// Turns TLS on with a certificate and its key, up to a version of TLS. The server itself writes the files, because
/// it refuses a key that another user owns.
async fn turn_on(database: &Database, [certificate, key]: [String; 2], version: &str) {
    let root = client(&url_of(database, "postgres")).await;
    for (file, pem) in [("server.crt", certificate), ("server.key", key)] {
        let one_line = pem.trim().replace('\n', "|");
        let copy = format!("copy (select '{one_line}') to program 'umask 077; tr \"|\" \"\\n\" > {file}'");
        root.batch_execute(&copy).await.expect("written");
    }
    root.batch_execute("alter system set ssl = on").await.expect("set");
    let limit = format!("alter system set ssl_max_protocol_version = '{version}'");
    root.batch_execute(&limit).await.expect("set");
    root.batch_execute("select pg_reload_conf()").await.expect("read");
    let on = format!(
        "select current_setting('ssl') = 'on' and current_setting('ssl_max_protocol_version') = '{version}'"
    );
    crate::support::until(&root, &on).await;
}

/// Connects a store and returns the version of TLS that its connections have.
async fn tls_version(
    database: &Database,
    host: &str,
    parameters: &str,
) -> Result<Option<String>, ConnectError> {
    let url = database.app_url().replacen("127.0.0.1", host, 1);
    let bus = Arc::new(RecordingBus::new());
    // The database has no schema.
    let options = options(format!("{url}?{parameters}"), &bus);
    let store = PostgresStore::connect(Options { row_security: RowSecurity::All, ..options }).await?;
    store.probe().await?;
    let root = client(&url_of(database, "postgres")).await;
    let question =
        "select min(version) from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'todo_app'";
    let version = root.query_one(question, &[]).await.expect("an answer").get(0);
    drop(store);
    let gone = "select count(*) = 0 from pg_stat_activity where usename = 'todo_app'";
    crate::support::until(&root, gone).await;
    Ok(version)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sslmode_verifies_as_documented() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("tls");
    let (own, own_file) = authority();
    let (_, strange_file) = authority();
    assert_eq!(tls_version(&database, "127.0.0.1", "sslmode=prefer").await.expect("plain"), None);
    let refused = tls_version(&database, "127.0.0.1", "sslmode=require").await;
    assert!(matches!(refused, Err(ConnectError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    turn_on(&database, issued_by(&own), "TLSv1.3").await;

    let (own, strange) = (own_file.path().display(), strange_file.path().display());
    let full = |roots: &dyn std::fmt::Display| format!("sslmode=verify-full&sslrootcert={roots}");
    let chain = |roots: &dyn std::fmt::Display| format!("sslmode=verify-ca&sslrootcert={roots}");
    for (host, parameters, expected) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), Some(false)),
        ("127.0.0.1", "sslmode=prefer".to_owned(), Some(true)),
        ("127.0.0.1", "sslmode=require&channel_binding=prefer".to_owned(), Some(true)),
        ("localhost", full(&own), Some(true)),
        ("127.0.0.1", full(&own), None),
        ("127.0.0.1", chain(&own), Some(true)),
        ("localhost", chain(&strange), None),
        ("localhost", full(&strange), None),
        ("localhost", "sslmode=verify-full".to_owned(), None),
    ] {
        let outcome = tls_version(&database, host, &parameters).await;
        let encrypted = outcome.as_ref().ok().map(Option::is_some);
        assert_eq!(encrypted, expected, "{host} {parameters}: {outcome:?}");
    }
    let missing =
        tls_version(&database, "localhost", &full(&"/nowhere.pem")).await.expect_err("no such file");
    assert!(missing.to_string().contains("/nowhere.pem"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_version_1_serves_where_it_is_not_verified() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("tls");
    let rsa: &[&str] = &["-newkey", "rsa:2048"];
    let curve: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    for (algorithm, version) in [(rsa, "TLSv1.2"), (rsa, "TLSv1.3"), (curve, "TLSv1.2"), (curve, "TLSv1.3")] {
        turn_on(&database, of_version_1(algorithm), version).await;
        for mode in ["prefer", "require"] {
            let found = tls_version(&database, "localhost", &format!("sslmode={mode}")).await;
            assert_eq!(found.expect(mode).as_deref(), Some(version), "{algorithm:?} {mode}");
        }
    }
    let verified = tls_version(&database, "localhost", "sslmode=verify-full").await;
    assert!(matches!(verified, Err(ConnectError::Store(StoreError::Unavailable(_)))), "{verified:?}");
}
