//! Runs the app in `examples/nextjs-better-auth`, as `next build` built it, in Chromium.

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use blackbox_tests::binary::workspace;
use blackbox_tests::{Database, Server};
use tempfile::TempDir;

use super::issuer::SECRET;
use crate::guides::{code_blocks, page};
use crate::support::until;
use crate::web::drive::{Steps, drive, free_port};

fn example() -> PathBuf {
    workspace().join("examples/nextjs-better-auth")
}

/// The app and the server, each of which can be away.
struct Pair {
    port: u16,
    server: Server,
    app: Option<Child>,
    users: TempDir,
}

impl Pair {
    /// Starts the app on its port, with the users that it had before.
    async fn start_app(&mut self) {
        let folder = example();
        let built = folder.join(".next/BUILD_ID").is_file();
        assert!(
            built,
            "the example is not built: `cargo xtask test` does it, or `npm ci` and `npm run build` there"
        );
        let port = self.port.to_string();
        let mut next = Command::new("node");
        next.args(["node_modules/next/dist/bin/next", "start", "--port", &port]).current_dir(folder);
        next.env("BETTER_AUTH_URL", format!("http://localhost:{port}")).env("BETTER_AUTH_SECRET", SECRET);
        next.env("AUTH_DATABASE", self.users()).env("TODO_URL", &self.server.base_url);
        next.env("BETTER_AUTH_TELEMETRY", "0").env("NEXT_TELEMETRY_DISABLED", "1").stdout(Stdio::null());
        self.app = Some(next.spawn().expect("Node.js is needed: `apt-get install nodejs npm`"));
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
        until("the app to listen", connect).await;
    }

    fn stop_app(&mut self) {
        if let Some(mut app) = self.app.take() {
            let _ = app.kill();
            let _ = app.wait();
        }
    }

    fn users(&self) -> PathBuf {
        self.users.path().join("auth.db")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.stop_app();
    }
}

impl Steps for Pair {
    async fn step(&mut self, name: &str) {
        match name {
            "start the app without the server" => {
                self.stop_app();
                self.server.terminate();
                assert!(self.server.ended().await.success(), "{}", self.server.logs());
                self.start_app().await;
            }
            "start the server" => self.server.crash_and_restart().await,
            _ => panic!("nobody does {name}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_works_whichever_of_the_two_starts_first() {
    let (port, own) = (free_port(), free_port().to_string());
    let address = format!("http://localhost:{port}");
    let settings = [("BETTER_AUTH_URL", address.as_str()), ("PORT", &own)];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let users = TempDir::new().expect("a folder");
    let mut pair = Pair { port, server, app: None, users };
    pair.start_app().await;
    let (folder, users) = (example(), pair.users());
    let variables: [(&str, &Path); 2] = [("EXAMPLE", &folder), ("AUTH_DATABASE", &users)];
    drive("nextjs", &address, &variables, &mut pair).await;
}

#[test]
fn the_guide_prints_the_files_of_the_example() {
    let guide = page("docs/better-auth.md");
    let blocks: Vec<_> = ["ts", "tsx"].iter().flat_map(|language| code_blocks(&guide, language)).collect();
    assert!(blocks.len() >= 5, "the guide shows the app's files");
    for block in blocks {
        let (path, printed) = block.split_once('\n').expect("a path and a text");
        let path = path.trim_start_matches("// ");
        let file = page(&format!("examples/nextjs-better-auth/{path}"));
        assert!(printed == file, "the block of docs/better-auth.md differs from {path}:\n{file}");
    }
}
