//! What each bad value is answered with, and what the good ones come to.

use std::ffi::OsString;
use std::path::Path;

use super::*;

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
    assert_eq!(settings.environment, Environment::Development);
    assert!(
        matches!(&settings.database.url, DatabaseUrl::Sqlite(file) if file == Path::new("./data/todos.db"))
    );
    assert_eq!(settings.database.timeout, Duration::from_secs(5));
    assert_eq!(settings.database.pool_size, 2 * cores() + 4);
    assert_eq!(settings.database.row_security, RowSecurity::Writes);
    assert_eq!(settings.access_token_lifetime, Duration::from_mins(15));
    assert_eq!(settings.refresh_token_lifetime, Duration::from_hours(168));
    assert_eq!(settings.bcrypt_cost, 12);
    assert_eq!(settings.allowed_origins, ["http://localhost:3000", "http://localhost:5000"]);
    assert_eq!((settings.log_level, settings.json_logs), (LogLevel::Info, false));
    assert_eq!(settings.login_limits, Some(Quotas::default()));
    let limits = settings.limits;
    assert_eq!((limits.todos_per_user, limits.sessions_per_user, limits.page_size), (10_000, 20, 100));
    assert_eq!((limits.batch_todos, limits.body_bytes), (1000, 2 * 1024 * 1024));
}

#[test]
fn each_bad_value_is_answered_with_one_sentence_that_names_it_and_shows_a_good_one() {
    for (name, value, sentence) in [
        ("PORT", "http", "PORT must be a whole number from 0 to 65535, not \"http\"; for example: PORT=8000"),
        (
            "PORT",
            "65536",
            "PORT must be a whole number from 0 to 65535, not \"65536\"; for example: PORT=8000",
        ),
        (
            "HOST",
            "http://x",
            "HOST must be an address or a host name alone, not \"http://x\"; for example: HOST=127.0.0.1",
        ),
        (
            "ENVIRONMENT",
            "prod",
            "ENVIRONMENT must be one of development, staging, production, not \"prod\"; for example: ENVIRONMENT=production",
        ),
        (
            "DATABASE_URL",
            "mysql://u:pass@h/d",
            "DATABASE_URL must start with sqlite:// or postgres://; for example: DATABASE_URL=sqlite://./data/todos.db",
        ),
        (
            "DATABASE_URL",
            "todos.db",
            "DATABASE_URL must start with sqlite:// or postgres://; for example: DATABASE_URL=sqlite://./data/todos.db",
        ),
        (
            "DATABASE_URL",
            "sqlite://",
            "DATABASE_URL must name a file after sqlite://; for example: DATABASE_URL=sqlite://./data/todos.db",
        ),
        (
            "DATABASE_URL",
            "sqlite://a.db?mode=ro",
            "DATABASE_URL must be a file without options after sqlite://; for example: DATABASE_URL=sqlite://./data/todos.db",
        ),
        (
            "DATABASE_URL",
            "postgres://",
            "DATABASE_URL must name a server after postgres://; for example: DATABASE_URL=sqlite://./data/todos.db",
        ),
        (
            "MIGRATION_DATABASE_URL",
            "postgres://h/d",
            "MIGRATION_DATABASE_URL must name the same database as DATABASE_URL; for example: MIGRATION_DATABASE_URL=postgres://todo_owner:…@db.example.com/todos",
        ),
        (
            "DATABASE_POOL_SIZE",
            "0",
            "DATABASE_POOL_SIZE must be a whole number from 1 to 1000, not \"0\"; for example: DATABASE_POOL_SIZE=8",
        ),
        (
            "DATABASE_TIMEOUT_MS",
            "5s",
            "DATABASE_TIMEOUT_MS must be a whole number from 100 to 600000, not \"5s\"; for example: DATABASE_TIMEOUT_MS=5000",
        ),
        (
            "DATABASE_ROW_SECURITY",
            "off",
            "DATABASE_ROW_SECURITY must be one of writes, all, not \"off\"; for example: DATABASE_ROW_SECURITY=writes",
        ),
        (
            "ACCESS_TOKEN_EXPIRE_MINUTES",
            "0",
            "ACCESS_TOKEN_EXPIRE_MINUTES must be a whole number from 1 to 43200, not \"0\"; for example: ACCESS_TOKEN_EXPIRE_MINUTES=15",
        ),
        (
            "REFRESH_TOKEN_EXPIRE_DAYS",
            "1.5",
            "REFRESH_TOKEN_EXPIRE_DAYS must be a whole number from 1 to 366, not \"1.5\"; for example: REFRESH_TOKEN_EXPIRE_DAYS=7",
        ),
        (
            "BCRYPT_COST_FACTOR",
            "9",
            "BCRYPT_COST_FACTOR must be a whole number from 10 to 15, not \"9\"; for example: BCRYPT_COST_FACTOR=12",
        ),
        (
            "BCRYPT_COST_FACTOR",
            "16",
            "BCRYPT_COST_FACTOR must be a whole number from 10 to 15, not \"16\"; for example: BCRYPT_COST_FACTOR=12",
        ),
        (
            "ALLOWED_ORIGINS",
            "*",
            "ALLOWED_ORIGINS must not be *, as requests carry credentials: name each origin; for example: ALLOWED_ORIGINS=[\"https://app.example.com\"]",
        ),
        (
            "ALLOWED_ORIGINS",
            "https://a.example/",
            "ALLOWED_ORIGINS must hold exact origins (scheme, host, port; no path, no slash at the end), not \"https://a.example/\"; for example: ALLOWED_ORIGINS=[\"https://app.example.com\"]",
        ),
        (
            "ALLOWED_ORIGINS",
            "[\"https://a.example\", 1]",
            "ALLOWED_ORIGINS must be a list of texts; for example: ALLOWED_ORIGINS=[\"https://app.example.com\"]",
        ),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL must be one of error, warn, warning, info, debug, trace, not \"loud\"; for example: LOG_LEVEL=info",
        ),
        (
            "JSON_LOGS",
            "maybe",
            "JSON_LOGS must be one of true, false, 1, 0, yes, no, on, off, not \"maybe\"; for example: JSON_LOGS=true",
        ),
        (
            "RATE_LIMIT_LOGIN_PER_ADDRESS",
            "5",
            "RATE_LIMIT_LOGIN_PER_ADDRESS must be a count, a slash and a time in s, m or h, not \"5\"; for example: RATE_LIMIT_LOGIN_PER_ADDRESS=5/15m",
        ),
        (
            "SECRET_KEY",
            "a,,b",
            "SECRET_KEY has an empty secret in it; for example: SECRET_KEY=$(openssl rand -base64 48)",
        ),
        (
            "MAX_PAGE_SIZE",
            "-1",
            "MAX_PAGE_SIZE must be a whole number from 1 to 1000, not \"-1\"; for example: MAX_PAGE_SIZE=100",
        ),
        (
            "MAX_BODY_BYTES",
            "1023",
            "MAX_BODY_BYTES must be a whole number from 1024 to 67108864, not \"1023\"; for example: MAX_BODY_BYTES=2097152",
        ),
    ] {
        assert_eq!(refusal(&[(name, value)]), sentence);
    }
}

#[test]
fn production_wants_a_secret_of_its_own() {
    let production = |secret: &str| load(&[("ENVIRONMENT", "production"), ("SECRET_KEY", secret)]);
    let long = "x".repeat(SECRET_BYTES);
    assert!(production(&long).is_ok());
    for (secret, problem) in [
        ("", "must be set outside development"),
        ("short", "must have 32 bytes or more in production"),
        (&format!("{long},short"), "must have 32 bytes or more in production"),
        (known::EXAMPLE_SECRET, "must not be the example's in production"),
    ] {
        let refusal = production(secret).expect_err("refused");
        assert!(refusal.starts_with(&format!("SECRET_KEY {problem}")), "{refusal}");
    }
    assert!(refusal(&[("ENVIRONMENT", "staging")]).starts_with("SECRET_KEY must be set outside development"));
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
fn the_environment_wins_over_env_and_that_over_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("todo-sync.toml"), "port = 1\nHOST = \"::1\"\nmax_page_size = 7")
        .expect("written");
    std::fs::write(folder.path().join(".env"), "PORT=2\nLOG_LEVEL=debug\nHOME=ignored\n").expect("written");
    let settings = load_in(folder.path(), &[("PORT", " "), ("MAX_PAGE_SIZE", "8")]).expect("starts");
    assert_eq!((settings.host.as_str(), settings.port), ("::1", 2));
    assert_eq!((settings.log_level, settings.limits.page_size), (LogLevel::Debug, 8));
    assert_eq!(load_in(folder.path(), &[("PORT", "3")]).expect("starts").port, 3);
}

#[test]
fn the_file_may_hold_settings_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let refusal = |text: &str| {
        std::fs::write(folder.path().join("todo-sync.toml"), text).expect("written");
        load_in(folder.path(), &[]).expect_err("refused")
    };
    assert_eq!(
        refusal("prot = 8000"),
        "prot in todo-sync.toml is not a setting; .env.example lists them all, for example: PORT=8000"
    );
    assert!(refusal("[port]\nvalue = 1").starts_with("PORT must be a single value"));
    assert!(refusal("port = true").starts_with("PORT must be a whole number"));
    assert!(refusal("allowed_origins = [1]").starts_with("ALLOWED_ORIGINS must"));
    assert_eq!(
        refusal("secret_key = hush"),
        "todo-sync.toml can't be read: TOML parse error at line 1, column 14"
    );
}

#[test]
fn a_broken_env_file_is_named_without_its_contents() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".env"), "SECRET_KEY=hush hush 'x\n").expect("written");
    let refusal = load_in(folder.path(), &[]).expect_err("refused");
    assert!(refusal.starts_with(".env can't be read: ") && !refusal.contains("hush"), "{refusal}");
}

#[test]
fn lists_are_json_or_commas_or_a_list_of_the_file() {
    let origins = |text: &str| load(&[("ALLOWED_ORIGINS", text)]).expect("starts").allowed_origins;
    let both = ["https://a.example", "http://localhost:3000"];
    assert_eq!(origins(r#"["https://a.example", "http://localhost:3000"]"#), both);
    assert_eq!(origins("https://A.example, http://localhost:3000,"), both);
    assert!(origins("[]").is_empty());
    let folder = tempfile::tempdir().expect("a folder");
    let file = "allowed_origins = [\"https://a.example\", \"http://localhost:3000\"]";
    std::fs::write(folder.path().join("todo-sync.toml"), file).expect("written");
    assert_eq!(load_in(folder.path(), &[]).expect("starts").allowed_origins, both);
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
fn limits_on_logins_can_be_set_and_switched_off() {
    let of = |variables: &[(&str, &str)]| load(variables).expect("starts").login_limits;
    assert_eq!(of(&[("RATE_LIMIT_ENABLED", "false")]), None);
    let set = of(&[("RATE_LIMIT_LOGIN_PER_ACCOUNT", "3/1h")]).expect("on");
    assert_eq!((set.login_to.count, set.login_to.period), (3, Duration::from_hours(1)));
    assert_eq!(set.login_from, Quotas::default().login_from);
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
    let example = include_str!("../../../../.env.example");
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
        .filter(|line| !line.starts_with("MIGRATION_DATABASE_URL") && !line.starts_with("JWT_SECRET_KEY"))
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(folder.path().join(".env"), &uncommented).expect("written");
    let settings = load_in(folder.path(), &[("ENVIRONMENT", "development")]).expect("starts");
    assert_eq!(settings.secret_key.expose_secret(), known::EXAMPLE_SECRET);
    let production = load_in(folder.path(), &[("ENVIRONMENT", "production")]).expect_err("refused");
    assert!(production.starts_with("SECRET_KEY must not be the example's"), "{production}");
}
