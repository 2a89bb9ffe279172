//! Which layer wins, and what a broken one is answered with.

use super::*;

#[test]
fn a_variable_that_looks_like_a_setting_is_told_and_others_are_none_of_ours() {
    for (name, meant) in [
        ("DATABSE_URL", "DATABASE_URL"),
        ("SMTP_HOTS", "SMTP_HOST"),
        ("BETTER_AUTH_ISUER", "BETTER_AUTH_ISSUER"),
        ("OIDC_MY_IDP_ISUER", "OIDC_MY_IDP_ISSUER"),
        ("OIDC_ACME_CLIENT_SECRETS", "OIDC_ACME_CLIENT_SECRET"),
    ] {
        let said = refusal(&[(name, "x")]);
        let asks = format!("{name} is not a setting; should it be {meant}? For example: {meant}=");
        assert!(said.starts_with(&asks) && said.len() > asks.len(), "{said}");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".env"), format!("{name}=x")).expect("written");
        assert_eq!(load_in(folder.path(), &[]).expect_err("refused"), said);
    }
    for name in ["HOME", "HOSTS", "PORTS", "DATABASE_HOST", "SMTP_PASS", "OIDC_TOKEN", "NEXT_PUBLIC_URL"] {
        assert_eq!(load(&[(name, "x")]).err(), None, "{name}");
    }
    // Another program's, where ours is given beside it.
    assert_eq!(load(&[("DATABASE_URI", "x"), ("DATABASE_URL", "sqlite://a.db")]).err(), None);
}

#[test]
fn a_variable_set_to_nothing_hides_that_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".env"), "PORT=1234").expect("written");
    assert_eq!(load_in(folder.path(), &[]).expect("starts").port, 1234);
    assert_eq!(load_in(folder.path(), &[("PORT", " ")]).expect("starts").port, 8000);
}

#[test]
fn the_environment_wins_over_env_and_that_over_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("todo-sync.toml"), "port = 1\nHOST = \"::1\"\nmax_page_size = 7")
        .expect("written");
    std::fs::write(folder.path().join(".env"), "PORT=2\nLOG_LEVEL=debug\nHOME=ignored\n").expect("written");
    let settings = load_in(folder.path(), &[("MAX_PAGE_SIZE", "8")]).expect("starts");
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
    assert_eq!(origins("[]"), ["http://localhost:3000"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = "allowed_origins = [\"https://a.example\", \"http://localhost:3000\"]";
    std::fs::write(folder.path().join("todo-sync.toml"), file).expect("written");
    assert_eq!(load_in(folder.path(), &[]).expect("starts").allowed_origins, both);
}

#[test]
fn what_this_version_cannot_do_is_refused_and_not_ignored() {
    let said = "REDIS_URL is not a setting yet: this version can't share limits and events through Redis; unset it, \
                for example: REDIS_URL=";
    assert_eq!(refusal(&[("REDIS_URL", "redis://localhost")]), said);
    for (name, _) in known::UNSUPPORTED {
        assert!(refusal(&[(name, "x")]).starts_with(name));
        assert_eq!(load(&[(name, "")]).err(), None, "{name}");
    }
}
