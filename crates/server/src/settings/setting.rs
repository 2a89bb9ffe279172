//! The names of all settings, their defaults, and an example of each.

use std::borrow::Cow;

use super::error::SettingError;

/// One setting.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: Cow<'static, str>,
    /// The default as an operator would write it; `None` if the setting is optional or if its
    /// default depends on other settings.
    pub default: Option<&'static str>,
    pub example: &'static str,
    /// Whether the value may contain a secret, so that a file can hold it.
    pub is_secret: bool,
}

impl Setting {
    /// The setting of this kind for the OpenID Connect provider `name`: `EXAMPLE` is replaced.
    pub fn of_provider(&self, name: &str) -> Self {
        Self { name: self.name.replacen("EXAMPLE", name, 1).into(), ..*self }
    }

    /// A error in this setting's value. `problem` continues a sentence that begins with the name.
    pub fn error(&self, problem: impl Into<String>) -> SettingError {
        SettingError::Value {
            name: self.name.clone().into_owned(),
            problem: problem.into(),
            example: self.example,
        }
    }

    /// Finds a setting by the name of its variable.
    pub fn named(name: &str) -> Option<Self> {
        let exact = ALL.iter().find(|setting| setting.name == name).cloned();
        exact.or_else(|| {
            let (provider, kind) = provider_setting(name)?;
            let of_kind = |setting: &&Setting| provider_setting(&setting.name) == Some(("EXAMPLE", kind));
            Some(ALL.iter().find(of_kind)?.of_provider(provider))
        })
    }
}

/// Splits `OIDC_<NAME>_<KIND>` into the provider's name and `_<KIND>`.
pub fn provider_setting(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("OIDC_")?;
    let kinds = ["_ISSUER", "_CLIENT_ID", "_CLIENT_SECRET", "_TRUST_EMAIL"];
    let found = kinds.into_iter().find_map(|kind| Some((rest.strip_suffix(kind)?, kind)))?;
    (!found.0.is_empty()).then_some(found)
}

/// How the secrets in `.env.example` begin.
pub const EXAMPLE_SECRET: &str = "change-me-";

/// `NAME = example`, or `NAME(default) = example` if the setting has a default, or `NAME(default)`
/// if the default is the example too. `: secret` marks what may contain a secret.
macro_rules! settings {
    (@example $default:literal) => { $default };
    (@example $default:literal $example:literal) => { $example };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@secret) => { false };
    (@secret secret) => { true };
    ($($name:ident $(($default:literal))? $(: $kind:ident)? $(= $example:literal)?,)+) => {
        $(pub const $name: Setting = Setting {
            name: Cow::Borrowed(stringify!($name)),
            default: settings!(@default $($default)?),
            example: settings!(@example $($default)? $($example)?),
            is_secret: settings!(@secret $($kind)?),
        };)+

        /// Every setting.
        pub const ALL: &[Setting] = &[$($name),+];
    };
}

settings! {
    HOST("127.0.0.1"),
    PORT("8000"),
    METRICS_PORT = "9090",
    DRAIN_SECONDS("0") = "15",
    ENVIRONMENT("development") = "production",
    ALLOW_INSECURE = "SMTP_TLS,TRUSTED_PROXIES",
    DATABASE_URL("sqlite://./data/todos.db"): secret,
    MIGRATION_DATABASE_URL: secret = "postgres://todo_owner:…@db.example.com/todos",
    DATABASE_LISTEN_URL: secret = "postgres://todo_app:…@db.example.com/todos",
    DATABASE_POOL_SIZE = "8",
    DATABASE_TIMEOUT_MS("5000"),
    DATABASE_WAIT_SECONDS("30"),
    DATABASE_ROW_SECURITY("writes"),
    DATABASE_EPOCH("stored"),
    DATABASE_ECHO("false"),
    REDIS_URL: secret = "rediss://todos:…@redis.example.com:6379/0",
    BACKUP_EVERY("off") = "1d",
    BACKUP_KEEP("7"),
    BACKUP_DIR("data/backups") = "/var/backups/todos",
    SECRET_KEY: secret = "change-me-to-32-random-bytes-or-more",
    JWT_SECRET_KEY: secret = "change-me-to-32-random-bytes-or-more",
    ACCESS_TOKEN_EXPIRE_MINUTES = "15",
    REFRESH_TOKEN_EXPIRE_DAYS("7"),
    JWT_PRIVATE_KEY = "./data/signing.pem",
    TOKEN_ENCRYPTION_KEY: secret = "change-me-to-32-other-random-bytes",
    BCRYPT_COST_FACTOR("12"),
    REGISTRATION("open") = "closed",
    PASSWORD_LOGIN("on") = "off",
    ALLOWED_ORIGINS = "[\"https://app.example.com\"]",
    FRONTEND_URL = "https://app.example.com",
    PUBLIC_URL = "https://api.example.com",
    WEB_DIR = "./web/out",
    TRUSTED_PROXIES = "10.0.0.0/8,192.0.2.7",
    MAIL = "off",
    SMTP_HOST = "smtp.example.com",
    SMTP_PORT = "587",
    SMTP_USER = "todos",
    SMTP_PASSWORD: secret = "the-password",
    SMTP_TLS("starttls"),
    EMAILS_FROM("Todos <todos@localhost>") = "Todos <todos@example.com>",
    MAIL_TIMEOUT_SECONDS("60"),
    MAIL_RETRY_SECONDS("10"),
    GOOGLE_CLIENT_ID = "1234.apps.googleusercontent.com",
    GOOGLE_CLIENT_SECRET: secret = "the-client-secret",
    GOOGLE_ISSUER("https://accounts.google.com"),
    GITHUB_CLIENT_ID = "Iv1.1234",
    GITHUB_CLIENT_SECRET: secret = "the-client-secret",
    GITHUB_BASE_URL("https://github.com"),
    GITHUB_API_URL("https://api.github.com"),
    OIDC_EXAMPLE_ISSUER = "https://id.example.com",
    OIDC_EXAMPLE_CLIENT_ID = "todos",
    OIDC_EXAMPLE_CLIENT_SECRET: secret = "the-client-secret",
    OIDC_EXAMPLE_TRUST_EMAIL = "verified",
    BETTER_AUTH_URL = "https://app.example.com",
    BETTER_AUTH_SECRET: secret = "change-me-to-the-secret-of-better-auth",
    BETTER_AUTH_JWKS_URL = "https://app.example.com/api/auth/jwks",
    BETTER_AUTH_ISSUER = "https://app.example.com",
    BETTER_AUTH_AUDIENCE = "https://app.example.com",
    LOG_LEVEL("info"),
    JSON_LOGS = "true",
    OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4318",
    OTEL_EXPORTER_OTLP_HEADERS: secret = "api-key=the-key",
    OTEL_SERVICE_NAME("todo-server"),
    OTEL_TRACES_SAMPLER("parentbased_always_on") = "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG = "0.1",
    SENTRY_DSN: secret = "https://key@o1.ingest.sentry.io/2",
    RATE_LIMIT_ENABLED("true"),
    RATE_LIMIT_LOGIN_PER_ADDRESS = "5/15m",
    RATE_LIMIT_LOGIN_PER_ACCOUNT = "10/15m",
    RATE_LIMIT_MAIL = "5/1h",
    RATE_LIMIT_OAUTH = "60/1m",
    RATE_LIMIT_REFRESH = "60/1m",
    RATE_LIMIT_API = "600/1m",
    RATE_LIMIT_API_BURST = "100",
    MAX_TODOS_PER_USER("10000"),
    MAX_TEXT_BYTES_PER_USER("67108864"),
    MAX_TOMBSTONES_PER_USER("10000"),
    TOMBSTONE_SWEEP("1000"),
    MAX_SESSIONS_PER_USER("20"),
    MAX_BATCH_TODOS("1000"),
    MAX_BULK_TODOS("10000"),
    MAX_BODY_BYTES("2097152"),
    MAX_BODIES_IN_FLIGHT_BYTES("100663296"),
    MAX_UNREAD_RESPONSE_BYTES("67108864"),
    MAX_PAGE_SIZE("100"),
    TOMBSTONE_AGE_DAYS("90"),
    TOMBSTONE_TEXT_DAYS("7"),
    HOUSEKEEPING_PERIOD_SECONDS("300"),
}
