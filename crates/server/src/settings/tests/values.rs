//! The defaults, and the values that are read.

use super::*;

/// What is given, what is looked at, and what it is.
type Row = (Variables<'static>, fn(&Settings) -> String, &'static str);

fn show(value: impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn smtp(settings: &Settings) -> String {
    match &settings.mail.transport {
        Transport::Smtp(smtp) => {
            let login = smtp.login.as_ref().map(|(user, password)| (user, password.expose_secret()));
            show((smtp.port, smtp.tls, login))
        }
        Transport::Folder(_) => "a folder".into(),
    }
}

fn database(settings: &Settings) -> String {
    match &settings.database.url {
        DatabaseUrl::Sqlite(file) => format!("file {}", file.display()),
        DatabaseUrl::Postgres(url) => url.expose_secret().to_owned(),
    }
}

fn issuers(settings: &Settings) -> String {
    let shown = settings.identity.issuers.iter().map(|issuer| {
        let secret = issuer.secret.as_ref().map(|secret| secret.expose_secret());
        show((&issuer.name, &issuer.jwks_url, &issuer.issuer, &issuer.audience, secret))
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn providers(settings: &Settings) -> String {
    let shown = settings
        .identity
        .providers
        .iter()
        .map(|(client, issuer)| show((&client.name, &client.id, client.secret.expose_secret(), issuer)));
    shown.collect::<Vec<_>>().join(" ")
}

const SMTP: [(&str, &str); 2] = [PRODUCTION[3], PRODUCTION[4]];
const POSTGRES: &str = "postgres://u:p@h/d?sslmode=require";

const DEFAULTS: &[Row] = &[
    (&[], |s| show((&s.host, s.port, s.metrics_port)), "(\"127.0.0.1\", 8000, None)"),
    (&[], |s| show((s.environment, s.behind_tls())), "(Development, false)"),
    (&[], database, "file ./data/todos.db"),
    (&[], |s| show((s.database.timeout, s.database.row_security, s.database.echo)), "(5s, Writes, false)"),
    (&[], |s| show(s.database.pool_size == 2 * cores() + 4), "true"),
    (&[], |s| show(s.database.migration_url.is_none()), "true"),
    (&[], |s| show((s.access_token_lifetime, s.refresh_token_lifetime)), "(None, 604800s)"),
    (&[], |s| show(s.bcrypt_cost), "12"),
    (&[], |s| show(&s.allowed_origins), "[\"http://localhost:3000\", \"http://localhost:5000\"]"),
    (&[], |s| show((s.log_level, s.json_logs)), "(Info, false)"),
    (&[], |s| show(s.quotas == Some(Quotas::default())), "true"),
    (&[], |s| show(s.api_quota == Some(Quotas::default().api)), "true"),
    (&[], |s| show(&s.trusted_proxies), "[]"),
    (&[], |s| show(&s.mail.frontend_url), "\"http://localhost:3000\""),
    (&[], |s| show(matches!(&s.mail.transport, Transport::Folder(f) if f.ends_with("data/outbox"))), "true"),
    (&[], |s| show((s.mail.timeout, s.mail.retry)), "(60s, 10s)"),
    (&[], |s| show(&s.identity.public_url), "\"http://localhost:8000\""),
    (&[], |s| show(s.identity.google.is_none() && s.identity.github.is_none()), "true"),
    (
        &[],
        |s| show((s.identity.token_encryption_key.is_none(), s.identity.key_pairs.is_none())),
        "(true, true)",
    ),
    (&[], |s| providers(s) + &issuers(s), ""),
    (&[], |s| show(s.housekeeping), "Housekeeping { tombstone_age: 7776000s, period: 300s }"),
    (
        &[],
        |s| show(s.limits),
        "Limits { todos_per_user: 10000, sessions_per_user: 20, batch_todos: 1000, body_bytes: 2097152, page_size: 100 }",
    ),
];

const VALUES: &[Row] = &[
    (&[("PORT", "9000")], |s| show((s.port, &s.identity.public_url)), "(9000, \"http://localhost:9000\")"),
    (&[("PUBLIC_URL", "https://api.example.com")], |s| show(s.behind_tls()), "true"),
    (&[("PUBLIC_URL", "http://api.example.com")], |s| show(s.behind_tls()), "false"),
    (&PRODUCTION, |s| show((s.behind_tls(), s.json_logs)), "(true, true)"),
    (&[("JWT_SECRET_KEY", "mine")], |s| s.secret_key.expose_secret().into(), "mine"),
    // The frontend may always call the API.
    (&PRODUCTION, |s| show(&s.allowed_origins), "[\"https://app.example.com\"]"),
    (
        &[
            PRODUCTION[0],
            PRODUCTION[1],
            SMTP[0],
            SMTP[1],
            ("FRONTEND_URL", "https://app.example.com/todos"),
            ("ALLOWED_ORIGINS", "https://b.example.com"),
        ],
        |s| show(&s.allowed_origins),
        "[\"https://b.example.com\", \"https://app.example.com\"]",
    ),
    (
        &[PRODUCTION[2], ("ALLOWED_ORIGINS", "https://app.example.com")],
        |s| show(&s.allowed_origins),
        "[\"https://app.example.com\"]",
    ),
    (
        &[("FRONTEND_URL", "https://app.example.com/todos/")],
        |s| show((&s.mail.frontend_url, &s.allowed_origins)),
        "(\"https://app.example.com/todos\", \
         [\"http://localhost:3000\", \"http://localhost:5000\", \"https://app.example.com\"])",
    ),
    // Lists
    (
        &[("ALLOWED_ORIGINS", r#"["https://a.example", "http://localhost:3000"]"#)],
        |s| show(&s.allowed_origins),
        "[\"https://a.example\", \"http://localhost:3000\"]",
    ),
    (
        &[("ALLOWED_ORIGINS", "https://A.example, http://localhost:3000,")],
        |s| show(&s.allowed_origins),
        "[\"https://a.example\", \"http://localhost:3000\"]",
    ),
    (&[("ALLOWED_ORIGINS", "[]")], |s| show(&s.allowed_origins), "[\"http://localhost:3000\"]"),
    (
        &[("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,2001:db8::/32")],
        |s| show(&s.trusted_proxies),
        "[10.0.0.0/8, 192.0.2.7/32, 2001:db8::/32]",
    ),
    // Databases
    (&[("DATABASE_URL", "sqlite://./x.db")], database, "file ./x.db"),
    (&[("DATABASE_URL", "sqlite:///var/x.db")], database, "file /var/x.db"),
    (&[("DATABASE_URL", "sqlite:x.db")], database, "file x.db"),
    (&[("DATABASE_URL", POSTGRES)], database, POSTGRES),
    (&[("DATABASE_URL", "postgresql://u:p@h/d?sslmode=require")], database, POSTGRES),
    (&[("DATABASE_URL", "postgresql+asyncpg://u:p@h/d?sslmode=require")], database, POSTGRES),
    (&[("DATABASE_URL", "POSTGRES://u:p@h/d?sslmode=require")], database, POSTGRES),
    // Mail
    (&SMTP, smtp, "(587, StartTls, None)"),
    (&[SMTP[0], SMTP[1], ("SMTP_TLS", "tls")], smtp, "(465, Tls, None)"),
    (&[SMTP[0], SMTP[1], ("SMTP_TLS", "none")], smtp, "(25, None, None)"),
    (&[SMTP[0], SMTP[1], ("SMTP_TLS", "none"), ("SMTP_PORT", "2525")], smtp, "(2525, None, None)"),
    (
        &[SMTP[0], SMTP[1], ("SMTP_USER", "ann"), ("SMTP_PASSWORD", "hush")],
        smtp,
        "(587, StartTls, Some((\"ann\", \"hush\")))",
    ),
    // Providers and issuers
    (
        &[
            ("OIDC_MY_IDP_ISSUER", "https://id.example.com/realm/"),
            ("OIDC_MY_IDP_CLIENT_ID", "todos"),
            ("OIDC_MY_IDP_CLIENT_SECRET", "hush"),
            ("OIDC_OTHER_THING", "belongs to another program"),
        ],
        providers,
        "(\"my-idp\", \"todos\", \"hush\", \"https://id.example.com/realm/\")",
    ),
    (
        &[("BETTER_AUTH_URL", "https://app.example.com/base/")],
        issuers,
        "(\"better-auth\", Some(\"https://app.example.com/base/api/auth/jwks\"), \
         Some(\"https://app.example.com\"), Some(\"https://app.example.com\"), None)",
    ),
    (
        &[
            ("BETTER_AUTH_URL", "https://app.example.com"),
            ("BETTER_AUTH_JWKS_URL", "http://127.0.0.1:3000/keys"),
            ("BETTER_AUTH_SECRET", "shared"),
        ],
        issuers,
        "(\"better-auth\", Some(\"http://127.0.0.1:3000/keys\"), \
         Some(\"https://app.example.com\"), Some(\"https://app.example.com\"), None) \
         (\"better-auth\", None, None, None, Some(\"shared\"))",
    ),
    // Rate limits
    (&[("RATE_LIMIT_ENABLED", "false")], |s| show((s.quotas, s.api_quota)), "(None, None)"),
    (
        &[("RATE_LIMIT_LOGIN_PER_ACCOUNT", "3/1h"), ("RATE_LIMIT_MAIL", "2/1m")],
        |s| {
            let quotas = Quotas {
                login_to: Quota::new(3, Duration::from_hours(1)),
                mail: Quota::new(2, Duration::from_mins(1)),
                ..Quotas::default()
            };
            show(s.quotas == Some(quotas))
        },
        "true",
    ),
    (&[("RATE_LIMIT_API", "off")], |s| show((s.api_quota, s.quotas.is_some())), "(None, true)"),
    (
        &[("RATE_LIMIT_API", "60/1m"), ("RATE_LIMIT_API_BURST", "7")],
        |s| s.api_quota.map_or_else(String::new, |api| show((api.count, api.burst))),
        "(60, 7)",
    ),
    // Variables of other programs
    (
        &[("HOME", "x"), ("HOSTS", "x"), ("PORTS", "x"), ("DATABASE_HOST", "x"), ("SMTP_PASS", "x")],
        |s| show(s.port),
        "8000",
    ),
    (&[("OIDC_TOKEN", "x"), ("NEXT_PUBLIC_URL", "x")], |s| show(s.port), "8000"),
    (&[("DATABASE_URI", "x"), ("DATABASE_URL", "sqlite://a.db")], database, "file a.db"),
    (
        &[("REDIS_URL", ""), ("SENTRY_DSN", " "), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
        |s| show(s.port),
        "8000",
    ),
];

fn failures(rows: &[Row]) -> Vec<String> {
    let wrong = rows.iter().filter_map(|(given, look, expected)| {
        let found = load(given).map(|settings| look(&settings));
        (found.as_deref() != Ok(*expected)).then(|| format!("{given:?}: {found:?}, not {expected}"))
    });
    wrong.collect()
}

#[test]
fn without_any_setting_the_documented_defaults_hold() {
    assert_all(&failures(DEFAULTS));
}

#[test]
fn each_setting_is_read_as_documented() {
    assert_all(&failures(VALUES));
}
