//! Tables of settings with the values or the errors that they lead to. Each test reports every row
//! that fails.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::setting::{ALL, EXAMPLE_SECRET};
use super::*;

mod errors;
mod layers;
mod values;

type Variables<'a> = &'a [(&'a str, &'a str)];

/// Settings with which a production server starts.
const PRODUCTION: [(&str, &str); 5] = [
    ("ENVIRONMENT", "production"),
    ("SECRET_KEY", "ygNsxKrzUFR8Hpsm0v6ryH9s9LVxp1wT"),
    ("FRONTEND_URL", "https://app.example.com"),
    ("SMTP_HOST", "smtp.example.com"),
    ("EMAILS_FROM", "todos@example.com"),
];

fn load_in(folder: &Path, variables: Variables) -> Result<Settings, String> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::load(folder, variables).map_err(|error| error.to_string())
}

fn load(variables: Variables) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    load_in(folder.path(), variables)
}

type Row<'a> = (Vec<(&'a str, &'a str)>, Vec<&'a str>);

/// The rows of a table, each a line `NAME=value & NAME=value => text | text`.
fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let (given, expected) = line.trim().split_once("=>").expect("a row has an arrow");
        let given = given.split(" & ").filter_map(|variable| variable.trim().split_once('='));
        let expected = expected.split(" | ").map(str::trim).filter(|text| !text.is_empty());
        (given.collect(), expected.collect())
    })
}

/// Fails with all rows that failed.
fn assert_all(failures: impl IntoIterator<Item = String>) {
    let failures: Vec<_> = failures.into_iter().collect();
    assert!(failures.is_empty(), "{} rows failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_example_is_a_valid_value() {
    let is_alone = |setting: &&Setting| {
        let groups = ["SMTP_", "GOOGLE_", "GITHUB_", "OIDC_", "JWT_"];
        !groups.iter().any(|group| setting.name.starts_with(group)) && setting.name != "SECRET_KEY"
    };
    let mut failures = Vec::new();
    for Setting { name, example, .. } in ALL.iter().filter(is_alone) {
        let mut given = PRODUCTION[1..].to_vec();
        given.push((name, example));
        if ["MIGRATION_DATABASE_URL", "DATABASE_LISTEN_URL", "REDIS_URL"].contains(&&**name) {
            given.push(("DATABASE_URL", "postgres://todo_app:…@db.example.com/todos"));
        }
        failures.extend(load(&given).err());
    }
    let groups = ALL.iter().filter(|setting| !is_alone(setting) && !setting.name.starts_with("JWT_"));
    let mut given: Vec<_> = groups.map(|setting| (&*setting.name, setting.example)).collect();
    given.push(("EMAILS_FROM", "todos@example.com"));
    failures.extend(load(&given).err());
    assert_all(failures);
}

#[test]
fn every_default_is_a_valid_value() {
    // `Layers::get` falls back to the default of a setting whose value is faulty.
    let faulty: Vec<_> = ALL.iter().map(|setting| (&*setting.name, "\"faulty\" ?")).collect();
    assert!(load(&faulty).is_err());
}

#[test]
fn in_development_the_secret_is_generated_once_and_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = |settings: Settings| settings.secret_key.expose_secret().to_owned();
    let first = secret(load_in(folder.path(), &[]).expect("starts"));
    assert_eq!(secret(load_in(folder.path(), &[]).expect("starts")), first);
    assert_ne!(secret(load_in(folder.path(), &[("SECRET_KEY", "mine")]).expect("starts")), first);
}

#[test]
fn a_key_pair_is_in_a_file_or_in_the_variable() {
    let pem = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
               -----END PRIVATE KEY-----\n";
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("keys.pem"), pem.repeat(2)).expect("written");
    let one_line = pem.replace('\n', "\\n");
    for given in ["keys.pem", pem, one_line.as_str()] {
        let settings = load_in(folder.path(), &[("JWT_PRIVATE_KEY", given)]).expect("starts");
        assert!(settings.identity.key_pairs.is_some());
    }
}

#[test]
fn the_example_file_lists_every_setting_once_with_its_default_and_works_as_it_is() {
    let example = include_str!("../../../../../.env.example");
    let mut listed: Vec<_> = example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').trim().split_once('='))
        .filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    listed.sort_unstable();
    let mut settings = ALL.to_vec();
    settings.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = listed.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, settings.iter().map(|setting| &*setting.name).collect::<Vec<_>>());
    let is_shown = |default: &str, (name, value): &(&str, &str)| default == *value || *name == "EMAILS_FROM";
    let wrong = settings.iter().zip(&listed).filter(|(s, l)| s.default.is_some_and(|d| !is_shown(d, l)));
    assert_all(wrong.map(|(setting, _)| format!("{} has another default", setting.name)));

    let folder = tempfile::tempdir().expect("a folder");
    let uncommented: String = example
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
                .unwrap_or(line)
        })
        .filter(|line| {
            !["MIGRATION_DATABASE_URL", "DATABASE_LISTEN_URL", "JWT_"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(folder.path().join(".env"), &uncommented).expect("written");
    let settings = load_in(folder.path(), &[("ENVIRONMENT", "development")]).expect("starts");
    assert!(settings.secret_key.expose_secret().starts_with(EXAMPLE_SECRET));
    let production = load_in(folder.path(), &[("ENVIRONMENT", "production")]).expect_err("refused");
    assert!(production.starts_with("SECRET_KEY must not be the example's"), "{production}");
}
