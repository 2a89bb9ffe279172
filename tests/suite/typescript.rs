//! The client that openapi-typescript generates compiles under `strict` and does the main job.

use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::on_both_databases;

/// Runs npm in the client's folder.
fn npm(arguments: &[&str], base_url: &str) {
    let folder = workspace().join("tests/typescript-client");
    assert!(
        folder.join("node_modules").is_dir(),
        "its packages are not installed: `cargo xtask test` does it, or `npm ci` in {}",
        folder.display()
    );
    let mut npm = Command::new("npm");
    let output = npm.args(arguments).current_dir(&folder).env("BASE_URL", base_url).output();
    let output = output.expect("npm is needed: `apt-get install nodejs npm`");
    let told = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "`npm {}` failed:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&told)
    );
}

/// Once, for both databases.
fn build() {
    static BUILT: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| npm(&["run", "--silent", "build"], ""));
}

on_both_databases! {
    async fn the_generated_client_registers_syncs_and_resolves_a_conflict(server: Server) {
        let base_url = server.base_url.clone();
        let walk = move || {
            build();
            npm(&["run", "--silent", "start"], &base_url);
        };
        tokio::task::spawn_blocking(walk).await.expect("the walk-through succeeds");
    }
}
