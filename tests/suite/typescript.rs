//! Clients that generators make from the OpenAPI document compile under `strict` and do the main job.

use std::process::Command;

use blackbox_tests::on_both_databases;
use blackbox_tests::{Database, Server};

use crate::support::npm_project;

/// Runs npm in the folder of a project.
pub fn npm(project: &str, arguments: &[&str], base_url: &str) {
    let folder = npm_project(project);
    let mut npm = Command::new("npm");
    let output = npm.args(arguments).current_dir(&folder).env("BASE_URL", base_url).output();
    let output = output.expect("npm is needed: `apt-get install nodejs npm`");
    let output_text = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "`npm {}` failed in {project}:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output_text)
    );
}

/// Builds the client once for both databases.
fn build() {
    static BUILT: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| npm("typescript-client", &["run", "--silent", "build"], ""));
}

on_both_databases! {
    async fn the_generated_client_registers_syncs_and_resolves_a_conflict(server: Server) {
        let base_url = server.base_url.clone();
        let walk = move || {
            build();
            npm("typescript-client", &["run", "--silent", "start"], &base_url);
        };
        tokio::task::spawn_blocking(walk).await.expect("the walk-through succeeds");
    }
}

/// Two more generators, whose clients narrow a conflict and the messages of the socket without a cast.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_hey_api_and_orval_register_sync_and_see_a_conflict() {
    let server = Server::start(Database::Sqlite).await;
    let base_url = server.base_url.clone();
    let walk = move || {
        npm("generated-clients", &["run", "--silent", "build"], "");
        npm("generated-clients", &["run", "--silent", "start"], &base_url);
    };
    tokio::task::spawn_blocking(walk).await.expect("the walk-throughs succeed");
}
