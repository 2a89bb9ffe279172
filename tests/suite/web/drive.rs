//! Runs the browser tests of `tests/web`, and does what they ask for beside the browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use blackbox_tests::binary::workspace;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::npm_project;

/// One browser at a time: several would take the cores from each other's pages.
static BROWSER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What a browser test may ask for by name, such as a restart of the server.
pub trait Steps {
    async fn step(&mut self, name: &str);
}

/// For tests that need the browser alone.
impl Steps for () {
    async fn step(&mut self, name: &str) {
        panic!("nobody does {name}");
    }
}

/// The app as `npm run build` wrote it.
pub fn built() -> PathBuf {
    let folder = workspace().join("web/out");
    assert!(
        folder.join("sw.js").is_file(),
        "the web app is not built: `cargo xtask test` does it, or `npm ci`, `npm run build -w todo-sync-client` \
         and `npm run build -w todo-sync-web`"
    );
    folder
}

/// A port that is free at this moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Runs one file of `tests/web/test` on the pages of `base_url`. The file asks for a step by connecting to
/// the port in `CONTROL`, and goes on when it receives an answer.
pub async fn drive(file: &str, base_url: &str, variables: &[(&str, &Path)], steps: &mut impl Steps) {
    let _alone = BROWSER.lock().await;
    let control = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", &format!("test/{file}.test.mjs")]);
    node.current_dir(npm_project("web")).env("BASE_URL", base_url).envs(variables.iter().copied());
    node.env("CONTROL", control.local_addr().expect("its address").port().to_string());
    let mut running = tokio::task::spawn_blocking(move || node.output());
    let output = loop {
        tokio::select! {
            ended = &mut running => break ended.expect("it ends"),
            asked = control.accept() => answer(asked.expect("a connection").0, steps).await,
        }
    };
    let output = output.expect("Node.js is needed: `apt-get install nodejs npm`");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

async fn answer(mut stream: TcpStream, steps: &mut impl Steps) {
    let mut name = String::new();
    BufReader::new(&mut stream).read_line(&mut name).await.expect("the name of a step");
    steps.step(name.trim()).await;
    stream.write_all(b"done\n").await.expect("the test waits");
}
