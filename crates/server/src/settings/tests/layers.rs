//! Which layer takes precedence, and how a broken file is reported.

use super::*;

const FILE: &str = "todo-sync.toml";

/// Loads the settings with the given files in the working directory.
fn load_with(files: Variables, variables: Variables) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    load_in(folder.path(), variables)
}

#[test]
fn the_environment_wins_over_env_and_env_over_the_settings_file() {
    let files = [
        (FILE, "port = 1\nHOST = \"::1\"\nmax_page_size = 7\nlog_level = \"\""),
        (".env", "PORT=2\nJSON_LOGS=yes\nHOME=ignored\n"),
    ];
    let settings = load_with(&files, &[("MAX_PAGE_SIZE", "8")]).expect("starts");
    assert_eq!((settings.host.as_str(), settings.port), ("::1", 2));
    assert_eq!((settings.json_logs, settings.limits.page_size), (true, 8));
    assert_eq!(settings.log_level, LogLevel::Info);
    assert_eq!(load_with(&files, &[("PORT", "3")]).expect("starts").port, 3);
}

#[test]
fn a_blank_variable_hides_the_one_in_env() {
    let files = [(".env", "PORT=1234")];
    assert_eq!(load_with(&files, &[]).expect("starts").port, 1234);
    assert_eq!(load_with(&files, &[("PORT", " ")]).expect("starts").port, 8000);
}

#[test]
fn the_mailbox_of_a_login_shell_hides_no_setting() {
    let settings = load_with(&[(".env", "MAIL=off\nPROT=1")], &[("MAIL", "/var/mail/ann")]).expect("starts");
    assert!(matches!(settings.mail.transport, Transport::Off));
    assert_eq!(settings.warnings.len(), 2, "{:?}", settings.warnings);
}

#[test]
fn the_settings_file_may_hold_lists_and_providers() {
    let origins = "allowed_origins = [\"https://a.example\", \"http://localhost:3000\"]\n";
    let provider = "oidc_acme_issuer = \"https://id.example.com\"\noidc_acme_client_id = \"todos\"";
    let files = [(FILE, &*(origins.to_owned() + provider))];
    let settings = load_with(&files, &[("OIDC_ACME_CLIENT_SECRET", "hush")]).expect("starts");
    assert_eq!(settings.allowed_origins, ["https://a.example", "http://localhost:3000"]);
    assert_eq!(settings.identity.providers[0].client.name, "acme");
}

#[test]
fn a_faulty_file_is_reported_without_its_secrets() {
    let mut failures = Vec::new();
    for (file, text, sentence) in [
        (
            FILE,
            "prot = 8000",
            "prot in todo-sync.toml is not a setting; .env.example lists them all, for example: PORT=8000",
        ),
        (FILE, "[port]\nvalue = 1", "PORT must be a single value"),
        (FILE, "port = true", "PORT must be a whole number"),
        (FILE, "allowed_origins = [1]", "ALLOWED_ORIGINS must"),
        (FILE, "allowed_origins = [[]]", "ALLOWED_ORIGINS must be a list of strings"),
        (FILE, "secret_key = hush", "todo-sync.toml can't be read: TOML parse error at line 1, column 14"),
        (".env", "PORT=1\nSECRET_KEY=hush hush 'x\n", ".env can't be read: line 2 is not of the form"),
    ] {
        let error = load_with(&[(file, text)], &[]).err().unwrap_or_default();
        if !error.starts_with(sentence) || error.lines().count() != 1 || error.contains("hush") {
            failures.push(format!("{text}: {error}"));
        }
    }
    assert_all(failures);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join(FILE)).expect("made");
    assert!(load_in(folder.path(), &[]).expect_err("refused").starts_with("todo-sync.toml can't be read: "));
}

#[test]
fn a_secret_may_be_in_a_file() {
    let files = [("key", "ygNsxKrzUFR8Hpsm0v6ryH9s9LVxp1wT\n"), ("empty", "\n")];
    let production = |more: &[(&'static str, &'static str)]| {
        let others = PRODUCTION.into_iter().filter(|(name, _)| *name != "SECRET_KEY");
        load_with(&files, &others.chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let settings = production(&[("SECRET_KEY_FILE", "key")]).expect("starts");
    assert_eq!(settings.secret_key.expose_secret(), PRODUCTION[1].1);
    let problem = |more: &[(&'static str, &'static str)]| production(more).expect_err("refused");
    let both = problem(&[("SECRET_KEY_FILE", "key"), PRODUCTION[1]]);
    assert!(both.contains("SECRET_KEY_FILE can't be set where SECRET_KEY is"), "{both}");
    let missing = problem(&[("SECRET_KEY_FILE", "none")]);
    assert!(missing.contains("SECRET_KEY_FILE names a file that can't be read (No such file"), "{missing}");
    assert!(problem(&[("SECRET_KEY_FILE", "empty")]).contains("SECRET_KEY_FILE names an empty file"));
    let endless = problem(&[("SECRET_KEY_FILE", "/dev/zero")]);
    assert!(endless.contains("that can't be read (it has more than 64 KiB)"), "{endless}");
    let provider = [("OIDC_ACME_ISSUER", "https://id.example.com"), ("OIDC_ACME_CLIENT_ID", "todos")];
    let secret = ("OIDC_ACME_CLIENT_SECRET_FILE", "key");
    let settings = load_with(&files, &[provider[0], provider[1], secret]).expect("starts");
    assert_eq!(settings.identity.providers.len(), 1);
}

#[test]
fn the_keys_of_a_collector_and_of_sentry_may_be_in_files_and_are_never_shown() {
    let files = [("dsn", "https://hush@o1.ingest.sentry.io/2\n"), ("headers", "api-key=hush%20hush\n")];
    let given = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example.com/"),
        ("OTEL_EXPORTER_OTLP_HEADERS_FILE", "headers"),
        ("SENTRY_DSN_FILE", "dsn"),
    ];
    let settings = load_with(&files, &given).expect("starts");
    assert!(settings.telemetry.sentry.is_some());
    let traces = settings.telemetry.traces.as_ref().expect("a collector");
    assert_eq!(traces.endpoint, "https://otel.example.com");
    assert_eq!(traces.exposed_headers().collect::<Vec<_>>(), [("api-key".into(), "hush hush".into())]);
    assert!(!format!("{settings:?}").contains("hush"));
}
