//! The operator's view: commands, documents, health, metrics, housekeeping, shutdown.

use std::fs;
use std::path::Path;

use blackbox_tests::Server;
use blackbox_tests::server::command;

mod alerts;
mod backups;
mod commands;
mod development;
mod documents;
mod environments;
mod headers;
mod health;
mod housekeeping;
mod imports;
mod keys;
mod litestream;
mod metrics;
mod moves;
mod proxy;
mod reporting;
mod restores;
mod samples;
mod stopping;
mod upgrades;
mod users;
mod waiting;
mod watching;

/// Runs a command with the server's settings. Returns the exit code and everything that it printed.
fn exit_and_output(server: &Server, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(server.folder(), server.settings()).args(arguments).output().expect("it runs");
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    (output.status.code(), format!("{out}{err}"))
}

fn done(server: &Server, arguments: &[&str]) -> String {
    let (code, printed) = exit_and_output(server, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {printed}");
    printed
}

fn refused(server: &Server, arguments: &[&str]) -> String {
    let (code, printed) = exit_and_output(server, arguments);
    assert_eq!((code, printed.lines().count()), (Some(1), 1), "{arguments:?}: {printed}");
    printed
}

async fn stop(server: &mut Server) {
    server.terminate();
    assert!(server.ended().await.success(), "{}", server.logs());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort_unstable();
    names
}
