//! The defaults, and the values that are read.

use super::*;

/// Rows of given settings, and what their `Debug` form contains.
const VALUES: &str = r#"
    PORT=9000 => port: 9000 | public_url: "http://localhost:9000"
    PORT=0 & METRICS_PORT=0 => port: 0, metrics_port: Some(0)
    DATABASE_URL=sqlite://./x.db => url: Sqlite("./x.db")
    DATABASE_URL=sqlite:///var/x.db => url: Sqlite("/var/x.db")
    DATABASE_URL=sqlite:x.db => url: Sqlite("x.db")
    DATABASE_URL=sqlite:///./x.db => url: Sqlite("./x.db")
    DATABASE_URL=sqlite+aiosqlite:///../x.db => url: Sqlite("../x.db")
    DRAIN_SECONDS=15 => drain: 15s
    DATABASE_URL=postgres://u:hush@h/d & SECRET_KEY=hush => url: Postgres(SecretBox<str>([REDACTED])) | secret_key: SecretBox<str>([REDACTED])
    ALLOWED_ORIGINS=["https://a.example", "http://localhost:3000"] => allowed_origins: ["https://a.example", "http://localhost:3000"]
    ALLOWED_ORIGINS=https://A.example, http://localhost:3000, => allowed_origins: ["https://a.example", "http://localhost:3000"]
    ALLOWED_ORIGINS=[] => allowed_origins: ["http://localhost:3000"]
    FRONTEND_URL=https://a.example/x/ => frontend_url: "https://a.example/x" | allowed_origins: ["http://localhost:3000", "http://localhost:5000", "https://a.example"]
    FRONTEND_URL=https://a.example & ALLOWED_ORIGINS=https://a.example => allowed_origins: ["https://a.example"]
    FRONTEND_URL=https://a.example & ALLOWED_ORIGINS=https://b.example => allowed_origins: ["https://b.example", "https://a.example"]
    TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.7,2001:db8::/32 => trusted_proxies: [10.0.0.0/8, 192.0.2.7/32, 2001:db8::/32]
    TRUSTED_PROXIES=::ffff:10.0.0.0/104, ::ffff:192.0.2.7 => trusted_proxies: [10.0.0.0/8, 192.0.2.7/32]

    SMTP_HOST=h & EMAILS_FROM=a@b.example => port: 587, tls: StartTls, login: None
    SMTP_HOST=h & EMAILS_FROM=a@b.example & SMTP_TLS=tls => port: 465, tls: Tls
    SMTP_HOST=h & EMAILS_FROM=a@b.example & SMTP_TLS=none => port: 25, tls: None
    SMTP_HOST=h & EMAILS_FROM=a@b.example & SMTP_TLS=none & SMTP_PORT=2525 => port: 2525, tls: None
    SMTP_HOST=h & EMAILS_FROM=a@b.example & SMTP_USER=ann & SMTP_PASSWORD=hush => login: Some(("ann", SecretBox<str>([REDACTED])))

    OIDC_MY_IDP_ISSUER=https://id.example.com/realm/ & OIDC_MY_IDP_CLIENT_ID=todos & OIDC_MY_IDP_CLIENT_SECRET=hush & OIDC_OTHER_THING=x => providers: [OpenIdProvider { client: Client { name: "my-idp", id: "todos", secret: SecretBox<str>([REDACTED]) }, issuer: "https://id.example.com/realm/", trust: Verified }]
    BETTER_AUTH_URL=https://a.example/base/ => issuers: [IssuerSettings { name: "better-auth", secret: None, jwks_url: Some("https://a.example/base/api/auth/jwks"), issuer: Some("https://a.example"), audience: Some("https://a.example") }]
    BETTER_AUTH_URL=https://a.example & BETTER_AUTH_JWKS_URL=http://127.0.0.1:3000/keys => jwks_url: Some("http://127.0.0.1:3000/keys"), issuer: Some("https://a.example")
    BETTER_AUTH_SECRET=hush => issuers: [IssuerSettings { name: "better-auth", secret: Some(SecretBox<str>([REDACTED])), jwks_url: None, issuer: None, audience: None }]
    BETTER_AUTH_URL=https://a.example & BETTER_AUTH_SECRET=hush => jwks_url: Some("https://a.example/api/auth/jwks") | jwks_url: None

    RATE_LIMIT_ENABLED=false => quotas: None
    RATE_LIMIT_LOGIN_PER_ACCOUNT=3/1h & RATE_LIMIT_MAIL=2/1m => login_to: Quota { count: 3, period: 3600s, burst: 3 } | mail: Quota { count: 2, period: 60s, burst: 2 } | login_from: Quota { count: 5, period: 900s

    HOME=x & HOSTS=x & PORTS=x & DATABASE_HOST=x & SMTP_PASS=x & OIDC_TOKEN=x & NEXT_PUBLIC_URL=x => port: 8000
    DATABASE_URI=x & DATABASE_URL=sqlite://a.db => url: Sqlite("a.db")
    DATABASE_URL=postgres://db/todos & REDIS_URL=rediss://todos:hush@redis:6380/1 => redis_url: Some(SecretBox<str>([REDACTED]))
    DATABASE_URL=postgres://db/todos => redis_url: None
    REDIS_URL= & SENTRY_DSN= & OTEL_EXPORTER_OTLP_ENDPOINT= => port: 8000
"#;

const DEFAULTS: &str = r#"
    => host: "127.0.0.1", port: 8000, metrics_port: None, environment: Development
    => url: Sqlite("./data/todos.db"), migration_url: None | timeout: 5s, wait: 30s, row_security: Writes, epoch_source: Stored, echo: false
    => access_token_lifetime: None, refresh_token_lifetime: 604800s, access: AccessPolicy { registration: Open, passwords: true, mail: true }, bcrypt_cost: 12
    => allowed_origins: ["http://localhost:3000", "http://localhost:5000"] | trusted_proxies: []
    => log_level: Info, json_logs: false
    => frontend_url: "http://localhost:3000" | data/outbox") | timeout: 60s, retry: 10s
    => public_url: "http://localhost:8000", google: None, github: None, providers: [], issuers: []
    => token_encryption_key: None, key_pairs: None
    => Housekeeping { tombstone_age: 7776000s, tombstone_text_age: 604800s, period: 300s }
    => StorageLimits { live: 10000, bytes: 67108864, tombstones: 10000, sweep: 1000 }, sessions_per_user: 20, batch_todos: 1000, bulk_todos: 10000, body_bytes: 2097152, bodies_in_flight_bytes: 100663296, unread_response_bytes: 67108864, page_size: 100
"#;

fn unexpected((given, expected): (Vec<(&str, &str)>, Vec<&str>)) -> Option<String> {
    let shown = load(&given).map_or_else(|error| error, |settings| format!("{settings:?}"));
    let as_expected = expected.iter().all(|part| shown.contains(part)) && !shown.contains("hush");
    (!as_expected).then(|| format!("{given:?}: {expected:?} is not in {shown}"))
}

#[test]
fn without_any_setting_the_documented_defaults_hold() {
    assert_all(rows(DEFAULTS).filter_map(unexpected));
    let settings = load(&[]).expect("starts");
    assert_eq!(settings.quotas, Some(Quotas::default()));
    assert_eq!(settings.database.pool_size, 2 * cores() + 4);
}

#[test]
fn each_setting_is_read_as_documented() {
    assert_all(rows(VALUES).filter_map(unexpected));
}

#[test]
fn the_api_has_a_rate_limit_and_a_burst_of_its_own() {
    let api = |variables| load(variables).expect("starts").quotas.expect("on").api;
    assert_eq!(api(&[]), Some(Quotas::API));
    assert_eq!(api(&[("RATE_LIMIT_API", "off")]), None);
    let quota = api(&[("RATE_LIMIT_API", "60/1m"), ("RATE_LIMIT_API_BURST", "7")]).expect("on");
    assert_eq!((quota.count, quota.burst), (60, 7));
}

#[test]
fn every_scheme_of_postgresql_is_accepted() {
    for scheme in ["postgres", "postgresql", "postgresql+asyncpg", "POSTGRES"] {
        let url = format!("{scheme}://u:p@h/d?sslmode=require");
        let DatabaseUrl::Postgres(url) = load(&[("DATABASE_URL", &url)]).expect("starts").database.url else {
            panic!("{scheme} is PostgreSQL")
        };
        assert_eq!(url.expose_secret(), "postgres://u:p@h/d?sslmode=require");
    }
}

#[test]
fn the_secret_has_another_name() {
    let settings = load(&[("JWT_SECRET_KEY", "mine")]).expect("starts");
    assert_eq!(settings.secret_key.expose_secret(), "mine");
}

#[test]
fn browsers_come_over_tls_in_production_or_if_the_public_url_says_so() {
    let behind_tls = |variables| load(variables).expect("starts").behind_tls();
    assert!(!behind_tls(&[]) && !behind_tls(&[("PUBLIC_URL", "http://api.example.com")]));
    assert!(behind_tls(&[("PUBLIC_URL", "https://api.example.com")]) && behind_tls(&PRODUCTION));
    let production = load(&PRODUCTION).expect("starts");
    assert_eq!(
        (production.json_logs, &*production.allowed_origins),
        (true, &["https://app.example.com".into()][..])
    );
}
