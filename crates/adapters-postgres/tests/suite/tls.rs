//! TLS to a server whose certificate has a private authority.

use std::io::Write;

use adapters_postgres::{ConnectError, Options, PostgresStore, RowSecurity};
use domain::StoreError;
use domain::health::Probe;
use domain_testkit::RecordingBus;
use postgres_testbed::{Database, Durability, PrivateCluster};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::sync::Arc;
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

/// Gives the server a certificate for `localhost`. The server itself writes the files, because it refuses a key
/// that another user owns.
async fn turn_on(database: &Database, authority: &Authority) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("signed");
    let root = client(&url_of(database, "postgres")).await;
    for (file, pem) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let one_line = pem.trim().replace('\n', "|");
        let copy = format!("copy (select '{one_line}') to program 'umask 077; tr \"|\" \"\\n\" > {file}'");
        root.batch_execute(&copy).await.expect("written");
    }
    root.batch_execute("alter system set ssl = on").await.expect("set");
    root.batch_execute("select pg_reload_conf()").await.expect("read");
}

/// Connects a store and returns whether its connections are encrypted.
async fn encrypted(database: &Database, host: &str, parameters: &str) -> Result<bool, ConnectError> {
    let url = database.app_url().replacen("127.0.0.1", host, 1);
    let bus = Arc::new(RecordingBus::new());
    // The database has no schema.
    let options = options(format!("{url}?{parameters}"), &bus);
    let store = PostgresStore::connect(Options { row_security: RowSecurity::All, ..options }).await?;
    store.probe().await?;
    let root = client(&url_of(database, "postgres")).await;
    let question =
        "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'todo_app'";
    let encrypted = root.query_one(question, &[]).await.expect("an answer").get(0);
    drop(store);
    let gone = "select count(*) = 0 from pg_stat_activity where usename = 'todo_app'";
    crate::support::until(&root, gone).await;
    Ok(encrypted)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sslmode_verifies_as_documented() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("tls");
    let (own, own_file) = authority();
    let (_, strange_file) = authority();
    assert!(!encrypted(&database, "127.0.0.1", "sslmode=prefer").await.expect("plain"), "TLS is off yet");
    let refused = encrypted(&database, "127.0.0.1", "sslmode=require").await;
    assert!(matches!(refused, Err(ConnectError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    turn_on(&database, &own).await;
    let root = client(&url_of(&database, "postgres")).await;
    crate::support::until(&root, "select setting = 'on' from pg_settings where name = 'ssl'").await;

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
        let outcome = encrypted(&database, host, &parameters).await;
        assert_eq!(outcome.as_ref().ok(), expected.as_ref(), "{host} {parameters}: {outcome:?}");
    }
    let missing = encrypted(&database, "localhost", &full(&"/nowhere.pem")).await.expect_err("no such file");
    assert!(missing.to_string().contains("/nowhere.pem"), "{missing}");
}
