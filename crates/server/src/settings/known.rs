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
        SettingsError::Value { name: self.name, problem: problem.to_owned(), example: self.example }
    }
}

macro_rules! settings {
    ($($name:ident = $example:literal),+ $(,)?) => {
        $(pub(super) const $name: Setting = Setting { name: stringify!($name), example: $example };)+

        /// Every setting.
        pub const ALL: &[Setting] = &[$($name),+];
    };
}

settings! {
    PORT = "8000",
    HOST = "127.0.0.1",
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
    BCRYPT_COST_FACTOR = "12",
    ALLOWED_ORIGINS = "[\"https://app.example.com\"]",
    LOG_LEVEL = "info",
    JSON_LOGS = "true",
    RATE_LIMIT_ENABLED = "true",
    RATE_LIMIT_LOGIN_PER_ADDRESS = "5/15m",
    RATE_LIMIT_LOGIN_PER_ACCOUNT = "10/15m",
    MAX_TODOS_PER_USER = "10000",
    MAX_SESSIONS_PER_USER = "20",
    MAX_BATCH_TODOS = "1000",
    MAX_BODY_BYTES = "2097152",
    MAX_PAGE_SIZE = "100",
}

/// What `.env.example` shows for `SECRET_KEY`.
pub(super) const EXAMPLE_SECRET: &str = "change-me-to-32-random-bytes-or-more";
