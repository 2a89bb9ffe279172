//! The commands of the binary, and settings that prevent a start.

use std::path::Path;
use std::process::Output;

use blackbox_tests::server::{SECRET_KEY, command};
use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use tempfile::TempDir;

use crate::support::add;

fn todo_server(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let settings: Vec<_> = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    command(folder, &settings).args(arguments).output().expect("it runs")
}

/// Everything that the command printed.
fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn an_invalid_setting_stops_the_start_with_one_sentence_and_an_example() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut sentences = String::new();
    for (name, value) in [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("HOST", "http://localhost"),
        ("ENVIRONMENT", "prod"),
        ("DATABASE_URL", "mysql://localhost/todos"),
        ("DATABASE_POOL_SIZE", "0"),
        ("BCRYPT_COST_FACTOR", "4"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "localhost:3000"),
        ("LOG_LEVEL", "loud"),
        ("RATE_LIMIT_ENABLED", "maybe"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "-1"),
        ("JSON_LOGS", "2"),
    ] {
        for arguments in [&["check-config"][..], &["serve"], &[]] {
            let output = todo_server(folder.path(), &[(name, value), ("SECRET_KEY", SECRET_KEY)], arguments);
            assert!(!output.status.success(), "{name}={value} {arguments:?}");
            let text = printed(&output);
            assert!(text.contains(name), "{name}={value}: {text}");
            assert_eq!(text.trim().lines().count(), 1, "one sentence: {text}");
            if arguments == ["check-config"] {
                sentences.push_str(&text);
            }
        }
    }
    expect![[r#"
        todo-server: PORT must be a whole number from 0 to 65535, not "http"; for example: PORT=8000
        todo-server: PORT must be a whole number from 0 to 65535, not "70000"; for example: PORT=8000
        todo-server: HOST must be an address or a host name alone, not "http://localhost"; for example: HOST=127.0.0.1
        todo-server: ENVIRONMENT must be one of development, staging, production, not "prod"; for example: ENVIRONMENT=production
        todo-server: DATABASE_URL must start with sqlite:// or postgres://; for example: DATABASE_URL=sqlite://./data/todos.db
        todo-server: DATABASE_POOL_SIZE must be a whole number from 1 to 1000, not "0"; for example: DATABASE_POOL_SIZE=8
        todo-server: BCRYPT_COST_FACTOR must be a whole number from 10 to 15, not "4"; for example: BCRYPT_COST_FACTOR=12
        todo-server: ALLOWED_ORIGINS must not be *, as requests carry credentials: name each origin; for example: ALLOWED_ORIGINS=["https://app.example.com"]
        todo-server: ALLOWED_ORIGINS must hold exact origins (scheme, host, port; no path, no trailing slash), not "localhost:3000"; for example: ALLOWED_ORIGINS=["https://app.example.com"]
        todo-server: LOG_LEVEL must be one of error, warn, warning, info, debug, trace, not "loud"; for example: LOG_LEVEL=info
        todo-server: RATE_LIMIT_ENABLED must be one of true, false, 1, 0, yes, no, on, off, not "maybe"; for example: RATE_LIMIT_ENABLED=true
        todo-server: ACCESS_TOKEN_EXPIRE_MINUTES must be a whole number from 1 to 43200, not "-1"; for example: ACCESS_TOKEN_EXPIRE_MINUTES=15
        todo-server: JSON_LOGS must be one of true, false, 1, 0, yes, no, on, off, not "2"; for example: JSON_LOGS=true
    "#]].assert_eq(&sentences);
}

#[test]
fn production_refuses_unsafe_settings() {
    let folder = TempDir::new().expect("a temporary folder");
    let production = |more: &[(&str, &str)]| {
        let mut settings = vec![("ENVIRONMENT", "production")];
        settings.extend(more);
        todo_server(folder.path(), &settings, &["check-config"])
    };
    let mut sentences = String::new();
    let secret = ("SECRET_KEY", SECRET_KEY);
    let frontend = ("FRONTEND_URL", "https://app.example.com");
    let mail = [("SMTP_HOST", "smtp.example.com"), ("EMAILS_FROM", "todos@example.com")];
    for more in [
        &[][..],
        &[("SECRET_KEY", "short")],
        &[("SECRET_KEY", "change-me-to-32-random-bytes-or-more")],
        &[secret],
        &[secret, frontend],
    ] {
        let refused = production(more);
        assert!(!refused.status.success(), "{}", printed(&refused));
        sentences.push_str(&printed(&refused));
    }
    expect![[r#"
        todo-server: SECRET_KEY must be set outside development, to the output of `openssl rand -base64 48` or the like; for example: SECRET_KEY=change-me-to-32-random-bytes-or-more
        todo-server: FRONTEND_URL must be an https address in production: links in mails lead there; for example: FRONTEND_URL=https://app.example.com
        todo-server: SMTP_HOST must be set in production, unless MAIL is off: mails would only become files; for example: SMTP_HOST=smtp.example.com
        todo-server: SECRET_KEY must have 32 bytes or more in production (`openssl rand -base64 48` makes some); for example: SECRET_KEY=change-me-to-32-random-bytes-or-more
        todo-server: FRONTEND_URL must be an https address in production: links in mails lead there; for example: FRONTEND_URL=https://app.example.com
        todo-server: SMTP_HOST must be set in production, unless MAIL is off: mails would only become files; for example: SMTP_HOST=smtp.example.com
        todo-server: SECRET_KEY must not be the example's in production: everybody knows that one; for example: SECRET_KEY=change-me-to-32-random-bytes-or-more
        todo-server: FRONTEND_URL must be an https address in production: links in mails lead there; for example: FRONTEND_URL=https://app.example.com
        todo-server: SMTP_HOST must be set in production, unless MAIL is off: mails would only become files; for example: SMTP_HOST=smtp.example.com
        todo-server: FRONTEND_URL must be an https address in production: links in mails lead there; for example: FRONTEND_URL=https://app.example.com
        todo-server: SMTP_HOST must be set in production, unless MAIL is off: mails would only become files; for example: SMTP_HOST=smtp.example.com
        todo-server: SMTP_HOST must be set in production, unless MAIL is off: mails would only become files; for example: SMTP_HOST=smtp.example.com
    "#]].assert_eq(&sentences);
    let origins = ("ALLOWED_ORIGINS", "https://app.example.com");
    let good = production(&[secret, frontend, mail[0], mail[1], origins]);
    assert!(good.status.success(), "{}", printed(&good));
    assert!(!printed(&good).contains(SECRET_KEY));
    let settings = [secret, ("DATABASE_URL", "postgres://ann:hush@db.example.com/todos")];
    let shown = printed(&todo_server(folder.path(), &settings, &["check-config", "--print"]));
    assert!(
        shown.contains("bcrypt_cost: 12") && !shown.contains("hush") && !shown.contains(SECRET_KEY),
        "{shown}"
    );
}

#[test]
fn openapi_prints_the_committed_document() {
    let folder = TempDir::new().expect("a temporary folder");
    let output = todo_server(folder.path(), &[], &["openapi"]);
    assert!(output.status.success(), "{}", printed(&output));
    let path = blackbox_tests::binary::workspace().join("openapi/openapi.json");
    let committed = std::fs::read_to_string(path).expect("it is committed");
    assert!(
        String::from_utf8_lossy(&output.stdout).trim() == committed.trim(),
        "`cargo xtask openapi` renews it"
    );
}

#[test]
fn an_unknown_command_fails_and_help_lists_the_commands() {
    let folder = TempDir::new().expect("a temporary folder");
    let refused = todo_server(folder.path(), &[], &["frobnicate"]);
    assert!(!refused.status.success());
    let help = printed(&todo_server(folder.path(), &[], &["--help"]));
    let completions = printed(&todo_server(folder.path(), &[], &["completions", "bash"]));
    for name in
        ["serve", "migrate", "openapi", "check-config", "healthcheck", "backup", "restore", "move", "user"]
    {
        assert!(help.contains(name), "{help}");
        assert!(completions.contains(name), "{name} is not completed");
    }
}

#[test]
fn migrate_in_development_needs_no_settings_and_creates_the_data_folder() {
    let folder = TempDir::new().expect("a temporary folder");
    let migrated = todo_server(folder.path(), &[], &["migrate", "up"]);
    assert!(migrated.status.success(), "{}", printed(&migrated));
    assert!(folder.path().join("data/todos.db").is_file());
    let status = printed(&todo_server(folder.path(), &[], &["migrate", "status"]));
    assert!(!status.trim().is_empty(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_sqlite_file_is_refused_with_the_process_that_has_it() {
    let server = Server::start(Database::Sqlite).await;
    let settings: Vec<_> =
        server.settings().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let holder = format!("process {} (todo-server serve) uses ", server.pid());
    for arguments in [&[][..], &["serve"], &["migrate", "up"], &["migrate", "down", "--yes"]] {
        let refused = todo_server(server.folder(), &settings, arguments);
        let text = printed(&refused);
        assert!(!refused.status.success() && text.contains(&holder), "{arguments:?}: {text}");
        assert_eq!(text.trim().lines().count(), 1, "one sentence: {text}");
    }
    // Commands that only read need no lock, and the server goes on.
    assert!(todo_server(server.folder(), &settings, &["migrate", "status"]).status.success());
    server.client().get("/health/ready").await.expect(200);
    let mut server = server;
    server.crash_and_restart().await;
    server.client().get("/health/ready").await.expect(200);
}

#[test]
fn urls_of_different_databases_are_refused() {
    let [one, other] = ["one", "other"].map(|name| postgres_testbed::Testbed::shared().create_database(name));
    let folder = TempDir::new().expect("a temporary folder");
    let (app, owner) = (one.app_url(), other.owner_url());
    let settings = [("SECRET_KEY", SECRET_KEY), ("DATABASE_URL", &app), ("MIGRATION_DATABASE_URL", &owner)];
    for command in [&["migrate", "up"][..], &["serve"]] {
        let refused = todo_server(folder.path(), &settings, command);
        let sentence =
            "the database that DATABASE_URL names can't be used: it is not the database that was migrated";
        assert!(!refused.status.success() && printed(&refused).contains(sentence), "{}", printed(&refused));
    }
}

on_both_databases! {
    async fn migrations_can_be_reverted_and_applied_again(server: Server) {
        let postgres = postgres_testbed::Testbed::shared().create_database("migrations");
        let folder = TempDir::new().expect("a temporary folder");
        let sqlite = format!("sqlite://{}/todos.db", folder.path().display());
        let (app, owner) = (postgres.app_url(), postgres.owner_url());
        let mut settings = vec![("SECRET_KEY", SECRET_KEY), ("DATABASE_URL", sqlite.as_str())];
        if server.database() == Database::Postgres {
            settings =
                vec![("SECRET_KEY", SECRET_KEY), ("DATABASE_URL", &app), ("MIGRATION_DATABASE_URL", &owner)];
        }
        let migrate = |arguments: &[&str], code: i32| {
            let output = todo_server(folder.path(), &settings, &[&["migrate"], arguments].concat());
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", printed(&output));
            printed(&output)
        };
        let before = migrate(&["status"], 0);
        assert_eq!(migrate(&["status", "--check"], 3), before);
        migrate(&["up"], 0);
        let after = migrate(&["status", "--check"], 0);
        assert_ne!(before, after);
        migrate(&["up"], 0);
        assert_eq!(migrate(&["status"], 0), after);
        migrate(&["down", "--yes"], 0);
        assert_ne!(migrate(&["status"], 0), after);
        migrate(&["up"], 0);
        assert_eq!(migrate(&["status"], 0), after);
    }

    async fn migrate_down_names_what_it_deletes_and_waits_for_a_confirmation(server: Server) {
        let mut server = server;
        let (ann, _) = server.client().register("ann@example.com").await;
        add(&ann, "milk").await;
        server.terminate();
        server.ended().await;
        let mut settings: Vec<_> =
            server.settings().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let down = |settings: &[(&str, &str)], flags: &[&str]| {
            let output = todo_server(server.folder(), settings, &[&["migrate", "down"], flags].concat());
            (output.status.success(), printed(&output))
        };
        let sizes = || server.column("SELECT CAST(count(*) AS TEXT) AS value FROM todos");
        // The latest migrations may have nothing to delete.
        loop {
            let (done, text) = down(&settings, &[]);
            assert!(!done && text.contains("migrate down --yes"), "{text}");
            if text.contains("would delete") {
                break;
            }
            assert!(down(&settings, &["--yes"]).0);
        }
        settings.extend([
            ("ENVIRONMENT", "production"),
            ("ALLOW_INSECURE", "RATE_LIMIT_ENABLED"),
            ("FRONTEND_URL", "https://app.example.com"),
            ("SMTP_HOST", "smtp.example.com"),
            ("EMAILS_FROM", "todos@example.com"),
        ]);
        for flags in [&[][..], &["--yes"]] {
            let (done, text) = down(&settings, flags);
            assert!(!done && text.contains("migrate down --destroy-data"), "{text}");
            assert_eq!(sizes(), ["1"]);
        }
        let mut all = String::new();
        loop {
            let (done, text) = down(&settings, &["--destroy-data"]);
            assert!(done, "{text}");
            if text.contains("No migration is applied") {
                break;
            }
            all.push_str(&text);
        }
        for lost in ["deleted table todos with 1 rows", "deleted table users with 1 rows", "000001_foundation"] {
            assert!(all.contains(lost), "{lost}: {all}");
        }
    }

    async fn a_database_of_a_newer_version_is_refused(server: Server) {
        let mut server = server;
        server.terminate();
        server.ended().await;
        server.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')");
        let settings: Vec<_> =
            server.settings().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for arguments in [&["serve"][..], &["migrate", "up"], &["migrate", "down", "--yes"]] {
            let refused = todo_server(server.folder(), &settings, arguments);
            let text = printed(&refused);
            let sentence = "a newer version of this program has applied the migrations 20990101000001";
            assert!(!refused.status.success() && text.contains(sentence), "{arguments:?}: {text}");
        }
        let status = printed(&todo_server(server.folder(), &settings, &["migrate", "status"]));
        assert!(status.contains("unknown  20990101000001"), "{status}");
    }

    async fn the_healthcheck_command_succeeds_only_while_the_server_runs(server: Server) {
        let port = server.base_url.rsplit(':').next().expect("a port").to_owned();
        let url = server.setting("DATABASE_URL").to_owned();
        let settings = [("PORT", port.as_str()), ("SECRET_KEY", SECRET_KEY), ("DATABASE_URL", url.as_str())];
        let healthy = todo_server(server.folder(), &settings, &["healthcheck"]);
        assert!(healthy.status.success(), "{}", printed(&healthy));
        let no_server = [("PORT", "1"), ("SECRET_KEY", SECRET_KEY), ("DATABASE_URL", url.as_str())];
        assert!(!todo_server(server.folder(), &no_server, &["healthcheck"]).status.success());
    }
}
