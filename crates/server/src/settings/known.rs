//! The names of all settings.

use super::SettingsError;

/// A setting's name and a value it may have.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// A value that would do.
    pub example: &'static str,
}

impl Setting {
    pub(super) fn bad(self, problem: &str) -> SettingsError {
        self.bad_as(self.name, problem)
    }

    /// The same under the name that it was given by.
    pub(super) fn bad_as(self, name: &str, problem: &str) -> SettingsError {
        SettingsError::Value { name: name.to_owned(), problem: problem.to_owned(), example: self.example }
    }
}

macro_rules! settings {
    ($($name:ident = $example:literal),+ $(,)?) => {
        $(pub const $name: Setting = Setting { name: stringify!($name), example: $example };)+

        /// Every setting.
        pub const ALL: &[Setting] = &[$($name),+];
    };
}

settings! {
    PORT = "8000",
    HOST = "127.0.0.1",
    METRICS_PORT = "9090",
    ENVIRONMENT = "production",
    DATABASE_URL = "sqlite://./data/todos.db",
    MIGRATION_DATABASE_URL = "postgres://todo_owner:…@db.example.com/todos",
    DATABASE_POOL_SIZE = "8",
    DATABASE_TIMEOUT_MS = "5000",
    DATABASE_ROW_SECURITY = "writes",
    DATABASE_ECHO = "false",
    SECRET_KEY = "$(openssl rand -base64 48)",
    JWT_SECRET_KEY = "$(openssl rand -base64 48)",
    ACCESS_TOKEN_EXPIRE_MINUTES = "15",
    REFRESH_TOKEN_EXPIRE_DAYS = "7",
    JWT_PRIVATE_KEY = "./data/signing.pem",
    TOKEN_ENCRYPTION_KEY = "$(openssl rand -base64 48)",
    BCRYPT_COST_FACTOR = "12",
    ALLOWED_ORIGINS = "[\"https://app.example.com\"]",
    FRONTEND_URL = "https://app.example.com",
    PUBLIC_URL = "https://api.example.com",
    TRUSTED_PROXIES = "10.0.0.0/8,192.0.2.7",
    SMTP_HOST = "smtp.example.com",
    SMTP_PORT = "587",
    SMTP_USER = "todos",
    SMTP_PASSWORD = "the-password",
    SMTP_TLS = "starttls",
    EMAILS_FROM = "Todos <todos@example.com>",
    MAIL_TIMEOUT_SECONDS = "60",
    MAIL_RETRY_SECONDS = "10",
    GOOGLE_CLIENT_ID = "1234.apps.googleusercontent.com",
    GOOGLE_CLIENT_SECRET = "the-client-secret",
    GOOGLE_ISSUER = "https://accounts.google.com",
    GITHUB_CLIENT_ID = "Iv1.1234",
    GITHUB_CLIENT_SECRET = "the-client-secret",
    GITHUB_BASE_URL = "https://github.com",
    GITHUB_API_URL = "https://api.github.com",
    OIDC_EXAMPLE_ISSUER = "https://id.example.com",
    OIDC_EXAMPLE_CLIENT_ID = "todos",
    OIDC_EXAMPLE_CLIENT_SECRET = "the-client-secret",
    BETTER_AUTH_URL = "https://app.example.com",
    BETTER_AUTH_SECRET = "$(openssl rand -base64 48)",
    BETTER_AUTH_JWKS_URL = "https://app.example.com/api/auth/jwks",
    BETTER_AUTH_ISSUER = "https://app.example.com",
    BETTER_AUTH_AUDIENCE = "https://app.example.com",
    LOG_LEVEL = "info",
    JSON_LOGS = "true",
    RATE_LIMIT_ENABLED = "true",
    RATE_LIMIT_LOGIN_PER_ADDRESS = "5/15m",
    RATE_LIMIT_LOGIN_PER_ACCOUNT = "10/15m",
    RATE_LIMIT_MAIL = "5/1h",
    RATE_LIMIT_OAUTH = "60/1m",
    RATE_LIMIT_REFRESH = "60/1m",
    RATE_LIMIT_API = "600/1m",
    RATE_LIMIT_API_BURST = "100",
    MAX_TODOS_PER_USER = "10000",
    MAX_SESSIONS_PER_USER = "20",
    MAX_BATCH_TODOS = "1000",
    MAX_BODY_BYTES = "2097152",
    MAX_PAGE_SIZE = "100",
    TOMBSTONE_AGE_DAYS = "90",
    HOUSEKEEPING_PERIOD_SECONDS = "300",
}

/// The setting of which `name` is a form: itself, or for `OIDC_<NAME>_…` the one whose `<NAME>` is `EXAMPLE`.
pub(super) fn named(name: &str, known: &[Setting]) -> Option<Setting> {
    let itself = known.iter().find(|setting| setting.name == name).copied();
    itself.or_else(|| {
        let (_, part) = oidc(name)?;
        known.iter().find(|setting| oidc(setting.name) == Some(("EXAMPLE", part))).copied()
    })
}

/// Variables that other servers of this kind know, and what they are for: to ignore them would let whoever sets them believe that
/// it is done.
pub(super) const UNSUPPORTED: [(&str, &str); 3] = [
    ("REDIS_URL", "share limits and events through Redis"),
    ("SENTRY_DSN", "report errors to Sentry"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "send traces"),
];

/// Shorter names are too near to those of others.
const SHORTEST_MISSPELT: usize = 8;

/// The setting that `name`, which is none, was probably meant to be: it has letters swapped, missing or too many.
pub(super) fn meant(name: &str, known: &[Setting]) -> Option<String> {
    if name.len() < SHORTEST_MISSPELT {
        return None;
    }
    // Of `OIDC_<NAME>_…`, each part that may be the name.
    let rest = name.strip_prefix("OIDC_").unwrap_or_default();
    let providers = rest.match_indices('_').map(|(end, _)| &rest[..end]);
    let forms = known.iter().flat_map(|setting| {
        let of_providers = providers.clone().map(|provider| setting.name.replacen("EXAMPLE", provider, 1));
        of_providers.chain([setting.name.to_owned()])
    });
    forms
        .map(|form| (strsim::osa_distance(name, &form), form))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, form)| form)
}

/// The `<NAME>` of `OIDC_<NAME>_…`, and what follows it.
pub(super) fn oidc(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("OIDC_")?;
    let parts = ["_ISSUER", "_CLIENT_ID", "_CLIENT_SECRET"];
    let found = parts.into_iter().find_map(|part| Some((rest.strip_suffix(part)?, part)))?;
    (!found.0.is_empty()).then_some(found)
}

/// With what each secret in `.env.example` begins.
pub(super) const EXAMPLE_SECRET: &str = "change-me-";
