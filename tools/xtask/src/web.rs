//! The web app, built with npm from the library beside it, and the example with Next.js.

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

/// An app with accounts of its own, which keeps its tasks on the server.
const EXAMPLE: &str = "examples/nextjs-better-auth";

/// Whether there is a build of the app, current or not.
pub fn is_built() -> bool {
    root().join(LAST).exists()
}

/// Builds the app into `web/out`, unless that is current.
pub fn build() -> Result<(), String> {
    tools::npm_project(".")?;
    if is_current(LAST, &SOURCES.map(str::to_owned)) {
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

/// Builds the example with Next.js, unless its build is current.
pub fn build_example() -> Result<(), String> {
    let folder = tools::npm_project(EXAMPLE)?;
    let sources = ["app", "lib", "instrumentation.ts", "next.config.ts", "package-lock.json"];
    if is_current(&format!("{EXAMPLE}/.next/BUILD_ID"), &sources.map(|source| format!("{EXAMPLE}/{source}")))
    {
        return Ok(());
    }
    println!("building the example with Next.js");
    let mut npm = command("npm");
    npm.args(["run", "--silent", "build"]).current_dir(folder).env("NEXT_TELEMETRY_DISABLED", "1");
    // Better Auth wants to know them wherever it is loaded; the build answers no request.
    npm.env("BETTER_AUTH_URL", "http://localhost:3000")
        .env("BETTER_AUTH_SECRET", "only-for-the-build".repeat(2));
    run(&mut npm)
}

/// Whether `last`, which a build writes, is as new as all of its sources.
fn is_current(last: &str, sources: &[String]) -> bool {
    let last = root().join(last);
    let sources = sources.iter().filter_map(|source| newest(&root().join(source)));
    last.exists() && newest(&last) >= sources.max()
}

/// When the file, or a file in the folder, was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return fs::metadata(path).and_then(|file| file.modified()).ok();
    }
    fs::read_dir(path).ok()?.filter_map(|entry| newest(&entry.ok()?.path())).max()
}
