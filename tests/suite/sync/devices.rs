//! Devices that run the example of a client, `clients/examples/todo-client.ts`, in one Node.js process.

use std::process::Stdio;

use blackbox_tests::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::support::{npm_project, sync, text};
use crate::typescript::npm;

/// The devices of a test, by name. Dropping the value ends them.
pub struct Devices {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Devices {
    /// Starts the process, in which there are no devices yet.
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(build).await.expect("the example compiles");
        let script = "dist/devices/tests/typescript-client/devices/main.js";
        let mut node = Command::new("node");
        node.arg(script).current_dir(npm_project("typescript-client")).kill_on_drop(true);
        let mut process =
            node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Node.js is needed");
        let commands = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped")).lines();
        Self { _process: process, commands, answers }
    }

    /// Runs one command of `main.ts`.
    async fn run(&mut self, device: &str, command: &str, mut more: Value) -> Result<Value, String> {
        (more["device"], more["command"]) = (device.into(), command.into());
        let line = format!("{more}\n");
        self.commands.write_all(line.as_bytes()).await.expect("the process reads");
        let answer = self.answers.next_line().await.expect("text").expect("an answer to each command");
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["value"].take()),
        }
    }

    async fn expect(&mut self, device: &str, command: &str, more: Value) -> Value {
        self.run(device, command, more).await.unwrap_or_else(|error| panic!("{device} {command}: {error}"))
    }

    /// Adds a device, or lets it go on with another server.
    pub async fn connect(&mut self, device: &str, server: &Server, token: &str) {
        self.expect(device, "connect", json!({"url": server.base_url, "token": token})).await;
    }

    /// Adds a device that reads pages of at most `limit` todos.
    pub async fn connect_with_pages(&mut self, device: &str, server: &Server, token: &str, limit: usize) {
        let connect = json!({"url": server.base_url, "token": token, "limit": limit});
        self.expect(device, "connect", connect).await;
    }

    /// Changes fields of a todo, by wire name, or creates one.
    pub async fn edit(&mut self, device: &str, id: &str, fields: Value) {
        self.expect(device, "edit", json!({"id": id, "fields": fields})).await;
    }

    /// Decides a conflict.
    pub async fn decide(&mut self, device: &str, id: &str, fields: Value) {
        self.expect(device, "decide", json!({"id": id, "fields": fields})).await;
    }

    /// The todo as the device shows it.
    pub async fn view(&mut self, device: &str, id: &str) -> Value {
        self.expect(device, "view", json!({"id": id})).await
    }

    /// Syncs until nothing is left to send or to read.
    pub async fn sync(&mut self, device: &str) {
        self.expect(device, "sync", json!({})).await;
    }

    /// Syncs with exchanges of which the `request` or the `answer` is lost, one a call.
    pub async fn sync_and_lose(&mut self, device: &str, losses: &[&str]) {
        self.expect(device, "lose", json!({"losses": losses})).await;
        for _ in losses {
            self.run(device, "sync", json!({})).await.expect_err("an exchange is lost");
        }
    }

    /// Syncs until the page of this number, from 1 on, is lost.
    pub async fn sync_and_lose_the_page(&mut self, device: &str, number: usize) {
        let mut losses = vec!["nothing"; number - 1];
        losses.push("answer");
        self.expect(device, "lose", json!({"losses": losses})).await;
        self.run(device, "sync", json!({})).await.expect_err("a page is lost");
    }

    /// What the device holds: `todos` by id, `conflicts`, `rejected`, the number of changes `waiting`, `digest`
    /// and `events`.
    pub async fn state(&mut self, device: &str) -> Value {
        self.expect(device, "state", json!({})).await
    }

    /// Asserts that all devices hold what the server has, and that nothing waits. Returns the todos by id.
    pub async fn expect_equal(&mut self, devices: &[&str], server: &Server, token: &str) -> Value {
        let answer = sync(&server.client().with_token(token), json!({})).await;
        let mut todos = Value::Null;
        for device in devices {
            let state = self.state(device).await;
            assert_eq!(state["digest"], answer["digest"], "{device}: {state}\n{answer}");
            assert_eq!(state["waiting"], 0, "{device}: {state}");
            for todo in answer["server_changes"].as_array().expect("todos") {
                let held = &state["todos"][text(&todo["id"])];
                for field in ["text", "description", "completed"] {
                    assert_eq!(held[field], todo[field], "{device}: {held} {todo}");
                }
                let metadata = held.as_object().expect("fields").iter();
                let metadata =
                    metadata.filter_map(|(name, value)| Some((name.strip_prefix("metadata.")?, value)));
                let metadata: serde_json::Map<_, _> = metadata
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (key.to_owned(), value.clone()))
                    .collect();
                assert_eq!(Value::Object(metadata), todo["metadata"], "{device}: {held}");
            }
            todos = state["todos"].clone();
        }
        todos
    }
}

/// Compiles the devices once.
fn build() {
    static BUILT: std::sync::OnceLock<()> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| npm("typescript-client", &["run", "--silent", "devices"], ""));
}
