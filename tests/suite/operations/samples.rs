//! What operators copy and what builds releases, read by the linters of each format.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use blackbox_tests::binary::{todo_server, workspace};
use blackbox_tests::server::{SECRET_KEY, command};
use serde_json::Value;

use crate::support::{python_program, text};

/// Runs a program in the workspace, which must accept what it reads.
fn accepts(command: &mut Command) {
    let done =
        command.current_dir(workspace()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(done.status.success(), "{command:?}: {out}{err}");
}

fn linter(name: &str) -> Command {
    Command::new(python_program(name))
}

#[test]
fn hadolint_accepts_the_dockerfile() {
    accepts(linter("hadolint").arg("deploy/Dockerfile"));
}

#[test]
fn yamllint_accepts_every_sample_and_workflow() {
    accepts(linter("yamllint").args(["--strict", "--config-file", ".yamllint.yml", ".github", "deploy"]));
}

#[test]
fn compose_file_workflows_and_issue_forms_have_the_form_of_their_readers() {
    for (schema, files) in [
        ("compose-spec", ["deploy/compose.yml"].as_slice()),
        ("github-workflows", &[".github/workflows/ci.yml", ".github/workflows/release.yml"]),
        ("github-issue-forms", &[".github/ISSUE_TEMPLATE/bug.yml", ".github/ISSUE_TEMPLATE/feature.yml"]),
        ("github-issue-config", &[".github/ISSUE_TEMPLATE/config.yml"]),
    ] {
        accepts(
            linter("check-jsonschema").args(["--builtin-schema", &format!("vendor.{schema}")]).args(files),
        );
    }
}

#[test]
fn the_settings_of_each_container_are_valid() {
    // PyYAML resolves the anchors.
    let print = "import json, yaml; print(json.dumps(yaml.safe_load(open('deploy/compose.yml'))))";
    let read = linter("python").args(["-c", print]).current_dir(workspace()).output().expect("it runs");
    let compose: Value = serde_json::from_slice(&read.stdout).expect("JSON");
    let dockerfile = fs::read_to_string(workspace().join("deploy/Dockerfile")).expect("it is there");
    let of_image = dockerfile.lines().find_map(|line| line.strip_prefix("ENV HOST=")).expect("its settings");
    let of_image = format!("HOST={of_image}");
    let given = |text: &str| match text.split_once("${") {
        None => text.to_owned(),
        Some((before, rest)) => {
            let (variable, after) = rest.split_once('}').expect("a variable");
            let value = match variable.split_once(":-") {
                Some((_, default)) if !default.is_empty() => default,
                _ => SECRET_KEY,
            };
            format!("{before}{value}{after}")
        }
    };
    let mut servers = 0;
    for (name, service) in compose["services"].as_object().expect("services") {
        if service["image"] != "todo-server" {
            continue;
        }
        servers += 1;
        let own = service["environment"].as_object().expect("settings");
        let own = own.iter().map(|(name, value)| (name.clone(), given(text(value))));
        let shared = of_image.split(' ').map(|pair| pair.split_once('=').expect("a setting"));
        let mut settings: BTreeMap<_, _> =
            shared.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        settings.extend(own);
        let settings: Vec<_> = settings.into_iter().collect();
        let folder = tempfile::tempdir().expect("a folder");
        let done = command(folder.path(), &settings).arg("check-config").output().expect("it runs");
        let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(done.status.success() && err.is_empty(), "{name}: {out}{err}");
    }
    assert_eq!(servers, 3);
}

#[test]
fn zizmor_finds_no_risk_in_the_workflows() {
    accepts(linter("zizmor").args(["--offline", "--no-progress", ".github"]));
}

#[test]
fn shellcheck_accepts_the_scripts_and_what_the_pages_tell_operators_to_run() {
    accepts(linter("shellcheck").arg(".ci/run"));
    let folder = tempfile::tempdir().expect("a folder");
    for page in ["docs/deployment.md", "docs/operations.md", "docs/upgrading.md"] {
        let text = fs::read_to_string(workspace().join(page)).expect("it is there");
        let script = folder.path().join(page.replace('/', "-"));
        fs::write(&script, shell_blocks(&text)).expect("written");
        // The examples name files of the operator's machine.
        accepts(linter("shellcheck").args(["--shell=bash", "--exclude=SC1091"]).arg(script));
    }
}

/// The fenced blocks of a page for a shell, without their indentation.
fn shell_blocks(page: &str) -> String {
    let mut blocks = String::new();
    let mut lines = page.lines();
    while let Some(opening) = lines.find(|line| line.trim() == "```sh") {
        let indentation = opening.len() - opening.trim_start().len();
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        for line in block {
            blocks.push_str(line.get(indentation..).unwrap_or_default());
            blocks.push('\n');
        }
    }
    blocks
}

#[test]
fn systemd_accepts_the_unit_and_finds_it_confined() {
    const INSTALLED: &str = "/usr/local/bin/todo-server";
    let unit =
        fs::read_to_string(workspace().join("deploy/systemd/todo-server@.service")).expect("it is there");
    assert!(unit.contains(INSTALLED));
    let unit = unit.replace(INSTALLED, todo_server().to_str().expect("UTF-8"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("todo-server@8000.service");
    fs::write(&file, unit).expect("written");
    let verified = systemd_analyze(&["verify", "--recursive-errors=no", "--man=no"], &file);
    // Not those about the machine's own units.
    let remarks: Vec<_> = verified.lines().filter(|line| line.contains("todo-server@")).collect();
    assert_eq!(remarks, [""; 0]);
    // Exposure in tenths, from 0 to 100.
    systemd_analyze(&["security", "--offline=true", "--threshold=20"], &file);
}

fn systemd_analyze(arguments: &[&str], unit: &Path) -> String {
    let mut command = Command::new("systemd-analyze");
    let output = command.args(arguments).arg(unit).output();
    let done = output
        .expect("systemd is needed: `apt-get install systemd`, or `cargo xtask test`, which installs it");
    let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(done.status.success(), "{out}{err}");
    err.into_owned()
}
