//! What each bad value is answered with, and what the good ones come to.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::keys::SECRET_BYTES;
use super::*;

mod accounts;
mod layers;

fn load_in(folder: &Path, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::load(folder, variables).map_err(|error| error.to_string())
}

fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    load_in(folder.path(), variables)
}

fn refusal(variables: &[(&str, &str)]) -> String {
    load(variables).expect_err("refused")
}

#[test]
fn without_any_it_starts_with_the_documented_defaults() {
    let settings = load(&[]).expect("starts");
    assert_eq!((settings.host.as_str(), settings.port), ("127.0.0.1", 8000));
    assert_eq!((settings.metrics_port, settings.behind_tls()), (None, false));
    assert_eq!(settings.environment, Environment::Development);
    assert!(
        matches!(&settings.database.url, DatabaseUrl::Sqlite(file) if file == Path::new("./data/todos.db"))
    );
    assert_eq!(settings.database.timeout, Duration::from_secs(5));
    assert_eq!(settings.database.pool_size, 2 * cores() + 4);
    assert_eq!(settings.database.row_security, RowSecurity::Writes);
    assert_eq!(settings.access_token_lifetime, None);
    assert_eq!(settings.refresh_token_lifetime, Duration::from_hours(168));
    assert_eq!(settings.bcrypt_cost, 12);
    assert_eq!(settings.allowed_origins, ["http://localhost:3000", "http://localhost:5000"]);
    assert_eq!((settings.log_level, settings.json_logs), (LogLevel::Info, false));
    assert_eq!(settings.quotas, Some(Quotas::default()));
    assert_eq!(settings.api_quota, Some(Quotas::default().api));
    assert_eq!(settings.mail.frontend_url, "http://localhost:3000");
    assert!(matches!(&settings.mail.smtp, Smtp::Folder(folder) if folder.ends_with("data/outbox")));
    assert_eq!(settings.identity.public_url, "http://localhost:8000");
    assert!(settings.identity.providers.is_empty() && settings.identity.issuers.is_empty());
    assert!(settings.identity.google.is_none() && settings.identity.github.is_none());
    assert_eq!(settings.housekeeping.tombstone_age, Duration::from_hours(90 * 24));
    let limits = settings.limits;
    assert_eq!((limits.todos_per_user, limits.sessions_per_user, limits.page_size), (10_000, 20, 100));
    assert_eq!((limits.batch_todos, limits.body_bytes), (1000, 2 * 1024 * 1024));
}

#[test]
fn an_https_address_means_that_clients_come_over_tls() {
    let behind_tls = |url| load(&[("PUBLIC_URL", url)]).expect("starts").behind_tls();
    assert!(behind_tls("https://api.example.com") && !behind_tls("http://api.example.com"));
}

/// Variable, bad value, what is said about it.
const BAD: &[(&str, &str, &str)] = &[
    ("PORT", "http", "must be a whole number from 0 to 65535, not \"http\""),
    ("PORT", "65536", "must be a whole number from 0 to 65535, not \"65536\""),
    ("METRICS_PORT", "no", "must be a whole number from 0 to 65535, not \"no\""),
    ("METRICS_PORT", "8000", "must be another port than PORT: without it the figures are on that one"),
    ("HOST", "http://x", "must be an address or a host name alone, not \"http://x\""),
    ("ENVIRONMENT", "prod", "must be one of development, staging, production, not \"prod\""),
    ("DATABASE_URL", "mysql://u:pass@h/d", "must start with sqlite:// or postgres://"),
    ("DATABASE_URL", "todos.db", "must start with sqlite:// or postgres://"),
    ("DATABASE_URL", "sqlite://", "must name a file after sqlite://"),
    ("DATABASE_URL", "sqlite://a.db?mode=ro", "must be a file without options after sqlite://"),
    ("DATABASE_URL", "postgres://", "must name a server after postgres://"),
    ("MIGRATION_DATABASE_URL", "postgres://h/d", "must name the same database as DATABASE_URL"),
    ("DATABASE_POOL_SIZE", "0", "must be a whole number from 1 to 1000, not \"0\""),
    ("DATABASE_TIMEOUT_MS", "5s", "must be a whole number from 100 to 600000, not \"5s\""),
    ("DATABASE_ROW_SECURITY", "off", "must be one of writes, all, not \"off\""),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "must be a whole number from 1 to 43200, not \"0\""),
    ("REFRESH_TOKEN_EXPIRE_DAYS", "1.5", "must be a whole number from 1 to 366, not \"1.5\""),
    ("BCRYPT_COST_FACTOR", "9", "must be a whole number from 10 to 15, not \"9\""),
    ("BCRYPT_COST_FACTOR", "16", "must be a whole number from 10 to 15, not \"16\""),
    ("ALLOWED_ORIGINS", "*", "must not be *, as requests carry credentials: name each origin"),
    (
        "ALLOWED_ORIGINS",
        "https://a.example/",
        "must hold exact origins (scheme, host, port; no path, no slash at the end), not \"https://a.example/\"",
    ),
    ("ALLOWED_ORIGINS", "[\"https://a.example\", 1]", "must be a list of texts"),
    ("LOG_LEVEL", "loud", "must be one of error, warn, warning, info, debug, trace, not \"loud\""),
    ("JSON_LOGS", "maybe", "must be one of true, false, 1, 0, yes, no, on, off, not \"maybe\""),
    ("RATE_LIMIT_LOGIN_PER_ADDRESS", "5", "must be a count, a slash and a time in s, m or h, not \"5\""),
    ("SECRET_KEY", "a,,b", "must not hold an empty secret"),
    ("MAX_PAGE_SIZE", "-1", "must be a whole number from 1 to 1000, not \"-1\""),
    ("MAX_BODY_BYTES", "1023", "must be a whole number from 1024 to 67108864, not \"1023\""),
];

#[test]
fn each_bad_value_is_answered_with_one_sentence_that_names_it_and_shows_a_good_one() {
    for (name, value, problem) in BAD {
        let example = ALL.iter().find(|setting| setting.name == *name).expect("a setting").example;
        assert_eq!(refusal(&[(name, value)]), format!("{name} {problem}; for example: {name}={example}"));
    }
    assert_eq!(
        refusal(&[("PORT", "x")]),
        "PORT must be a whole number from 0 to 65535, not \"x\"; for example: PORT=8000"
    );
}

#[test]
fn every_example_is_a_good_value() {
    let alone = |setting: &&Setting| {
        let together =
            ["SMTP_", "GOOGLE_", "GITHUB_", "OIDC_"].iter().any(|part| setting.name.starts_with(part));
        !together && !setting.name.ends_with("SECRET_KEY") && setting.name != "JWT_PRIVATE_KEY"
    };
    let safe = [
        ("SECRET_KEY", "x-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x"),
        ("FRONTEND_URL", "https://app.example.com"),
        ("SMTP_HOST", "smtp.example.com"),
        ("EMAILS_FROM", "todos@example.com"),
    ];
    for Setting { name, example } in ALL.iter().filter(alone) {
        let mut given = safe.to_vec();
        given.push((*name, *example));
        if *name == "MIGRATION_DATABASE_URL" {
            given.push(("DATABASE_URL", "postgres://todo_app:…@db.example.com/todos"));
        }
        assert_eq!(load(&given).err(), None, "{name}");
    }
    let mut together: Vec<_> = ALL.iter().filter(|setting| !alone(setting)).collect();
    together.retain(|setting| !setting.name.starts_with("JWT_"));
    let given: Vec<_> = together.iter().map(|setting| (setting.name, setting.example)).collect();
    let settings = load(&[&given[..], &[("EMAILS_FROM", "todos@example.com")]].concat()).expect("starts");
    assert!(settings.identity.google.is_some() && settings.identity.github.is_some());
    assert_eq!(settings.identity.providers.len(), 1);
}

#[test]
fn production_wants_a_secret_of_its_own() {
    let production = |secret: &str| {
        load(&[
            ("ENVIRONMENT", "production"),
            ("SECRET_KEY", secret),
            ("FRONTEND_URL", "https://app.example.com"),
            ("SMTP_HOST", "smtp.example.com"),
            ("EMAILS_FROM", "todos@example.com"),
        ])
    };
    let long = "x".repeat(SECRET_BYTES);
    assert!(production(&long).is_ok());
    for (secret, problem) in [
        ("", "must be set outside development"),
        ("short", "must have 32 bytes or more in production"),
        (&format!("{long},short"), "must have 32 bytes or more in production"),
        (&format!("{}{long}", known::EXAMPLE_SECRET), "must not be the example's in production"),
    ] {
        let refusal = production(secret).expect_err("refused");
        assert!(refusal.starts_with(&format!("SECRET_KEY {problem}")), "{refusal}");
    }
    assert!(refusal(&[("ENVIRONMENT", "staging")]).starts_with("SECRET_KEY must be set outside development"));
}

#[test]
fn the_frontend_may_always_call_and_in_production_no_developers_page() {
    let origins = |more: &[(&str, &str)]| {
        let secret = "x".repeat(SECRET_BYTES);
        let safe = [
            ("SECRET_KEY", secret.as_str()),
            ("FRONTEND_URL", "https://app.example.com/todos"),
            ("SMTP_HOST", "smtp.example.com"),
            ("EMAILS_FROM", "todos@example.com"),
        ];
        load(&[&safe[..], more].concat()).expect("starts").allowed_origins
    };
    let (frontend, other) = ("https://app.example.com", "https://b.example.com");
    let production = ("ENVIRONMENT", "production");
    assert_eq!(origins(&[production]), [frontend]);
    assert_eq!(origins(&[production, ("ALLOWED_ORIGINS", other)]), [other, frontend]);
    assert_eq!(origins(&[("ALLOWED_ORIGINS", frontend)]), [frontend]);
    assert_eq!(origins(&[]), ["http://localhost:3000", "http://localhost:5000", frontend]);
}

#[test]
fn in_development_the_secret_is_made_once_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = |settings: Settings| settings.secret_key.expose_secret().to_owned();
    let first = secret(load_in(folder.path(), &[]).expect("starts"));
    assert_eq!(secret(load_in(folder.path(), &[]).expect("starts")), first);
    assert_ne!(secret(load_in(folder.path(), &[("SECRET_KEY", "mine")]).expect("starts")), first);
}

#[test]
fn the_older_name_of_the_secret_is_taken_too() {
    let given = load(&[("JWT_SECRET_KEY", "mine")]).expect("starts");
    assert_eq!(given.secret_key.expose_secret(), "mine");
    let two = refusal(&[("JWT_SECRET_KEY", "one-secret"), ("SECRET_KEY", "another-secret")]);
    assert!(two.starts_with("JWT_SECRET_KEY is another name of SECRET_KEY"), "{two}");
    assert!(!two.contains("one-secret") && !two.contains("another-secret"));
}

#[test]
fn the_scheme_tells_the_database() {
    let url = |text: &str| load(&[("DATABASE_URL", text)]).expect("starts").database.url;
    for (text, file) in
        [("sqlite://./x.db", "./x.db"), ("sqlite:///var/x.db", "/var/x.db"), ("sqlite:x.db", "x.db")]
    {
        assert!(matches!(url(text), DatabaseUrl::Sqlite(path) if path == Path::new(file)), "{text}");
    }
    for scheme in ["postgres", "postgresql", "postgresql+asyncpg", "POSTGRES"] {
        let DatabaseUrl::Postgres(kept) = url(&format!("{scheme}://u:p@h/d?sslmode=require")) else {
            panic!("{scheme} is PostgreSQL")
        };
        assert_eq!(kept.expose_secret(), "postgres://u:p@h/d?sslmode=require");
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!(
        "{:?}",
        load(&[("SECRET_KEY", "hush-hush"), ("DATABASE_URL", "postgres://u:hush-hush@h/d")]).expect("starts")
    );
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn the_example_lists_every_setting_once_and_nothing_else_and_works_as_it_is() {
    let example = include_str!("../../../../../.env.example");
    let named: Vec<_> = example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').trim().split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    let mut expected: Vec<_> = ALL.iter().map(|setting| setting.name).collect();
    let mut found = named.clone();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let folder = tempfile::tempdir().expect("a folder");
    let uncommented: String = example
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
                .unwrap_or(line)
        })
        .filter(|line| !["MIGRATION_DATABASE_URL", "JWT_"].iter().any(|start| line.starts_with(start)))
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(folder.path().join(".env"), &uncommented).expect("written");
    let settings = load_in(folder.path(), &[("ENVIRONMENT", "development")]).expect("starts");
    assert!(settings.secret_key.expose_secret().starts_with(known::EXAMPLE_SECRET));
    let production = load_in(folder.path(), &[("ENVIRONMENT", "production")]).expect_err("refused");
    assert!(production.starts_with("SECRET_KEY must not be the example's"), "{production}");
}
