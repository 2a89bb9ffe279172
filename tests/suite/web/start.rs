//! `cargo xtask start`, in this workspace, whose app and server are built.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use blackbox_tests::Client;
use blackbox_tests::binary::workspace;
use blackbox_tests::server::SECRET_KEY;
use reqwest::Method;
use tempfile::TempDir;

use super::drive::built;

/// Ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_command_serves_the_app_until_ctrl_c() {
    built();
    let folder = TempDir::new().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("todos.db").display());
    let mut start = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    start.args(["run", "--quiet", "--package", "xtask", "--", "start", "--profile", "dev"]);
    start.current_dir(workspace()).stdin(Stdio::null()).stdout(Stdio::piped());
    start.env("DATABASE_URL", database).env("SECRET_KEY", SECRET_KEY).env("PORT", "0").env("MAIL", "off");
    let mut running = Running(start.spawn().expect("cargo can be run"));
    let mut output = BufReader::new(running.0.stdout.take().expect("piped")).lines();
    let address = output.find_map(|line| {
        let line = line.expect("text");
        let (_, rest) = line.split_once("in a browser: ")?;
        rest.split_once(',').map(|(address, _)| address.to_owned())
    });
    let address = address.expect("it prints its address");
    let client = Client::new(&address);
    let page = client.send(client.request(Method::GET, "/").header("accept", "text/html")).await.expect(200);
    assert!(page.text.contains("<title>Todos"), "{page}");

    // What Ctrl-C sends. The process that was started has become the server.
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    let rest = tokio::task::spawn_blocking(move || output.map_while(Result::ok).last());
    rest.await.expect("it closes its output");
    assert!(running.0.wait().expect("it ends").success());
    assert!(reqwest::get(&address).await.is_err(), "nobody listens any more");
}
