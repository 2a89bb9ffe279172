//! The web app: built with npm, from the library beside it.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::process::{command, root, run};
use crate::tools;

/// What the app is made of. A build is renewed when one of these is newer.
const SOURCES: [&str; 7] = [
    "web/src",
    "web/public",
    "web/scripts",
    "web/next.config.ts",
    "clients/typescript/src",
    "openapi/openapi.json",
    "package-lock.json",
];

/// The last file that a build writes.
const LAST: &str = "web/out/sw.js";

/// Builds the app into `web/out`, unless that is current.
pub fn build() -> Result<(), String> {
    tools::npm_project(".")?;
    let sources = SOURCES.iter().filter_map(|source| newest(&root().join(source)));
    if newest(&root().join(LAST)) >= sources.max() && root().join(LAST).exists() {
        return Ok(());
    }
    println!("building the web app");
    for workspace in ["todo-sync-client", "todo-sync-web"] {
        let mut npm = command("npm");
        npm.args(["run", "--silent", "build", "--workspace", workspace]).env("NEXT_TELEMETRY_DISABLED", "1");
        run(&mut npm)?;
    }
    Ok(())
}

/// When the file, or a file in the folder, was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return fs::metadata(path).and_then(|file| file.modified()).ok();
    }
    fs::read_dir(path).ok()?.filter_map(|entry| newest(&entry.ok()?.path())).max()
}
