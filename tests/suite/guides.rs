//! Runs the code examples of the README and the guides exactly as they are printed.

use std::fmt::Write as _;
use std::process::{Command, Output};

use blackbox_tests::binary::workspace;
use blackbox_tests::client::PASSWORD;
use blackbox_tests::on_both_databases;
use serde_json::Value;

use crate::support::{text, texts};

/// A page of the documentation, by its path from the root of the repository.
pub fn page(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The code blocks of `page` in `language`; an empty string selects the blocks that name none.
pub fn code_blocks(page: &str, language: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    blocks.filter(|(name, _)| *name == language).map(|(_, code)| code.to_owned()).collect()
}

/// The text under `heading`, up to the next heading of the same level.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("the page has the section");
    section.split("\n## ").next().unwrap_or_default()
}

/// Runs a program that must succeed.
pub async fn run_program(mut command: Command, install_hint: &str) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.unwrap_or_else(|e| panic!("{e}; {install_hint}"));
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{stdout}{stderr}");
    output
}

/// Prepended to the examples in JavaScript: defines the names that they leave open, and makes
/// `fetch` print each status.
const PRELUDE: &str = r#"
const { EMAIL: email, PASSWORD: password, TOKEN: token } = process.env;
const [cursor, changes] = [null, [{ id: "018f3a6e-0000-7000-8000-000000000001", text: "Buy milk" }]];
const send = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  const response = await send(url, init);
  console.log(init.method ?? "GET", url.replace(process.env.TODO_URL, ""), response.status);
  return response;
};
"#;

/// The variables that an example destructures from responses.
fn variables(example: &str) -> impl Iterator<Item = &str> {
    let patterns = example.lines().filter_map(|line| line.strip_prefix("const ")?.split(" = ").next());
    let names = patterns.flat_map(|names| names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    names.filter(|name| !name.is_empty())
}

on_both_databases! {
    async fn the_curl_session_of_the_readme_syncs_two_devices(server: Server) {
        let session = code_blocks(section(&page("README.md"), "Sync two devices"), "sh").concat();
        assert!(session.starts_with("TODO=${TODO:-http://127.0.0.1:8000}\n"), "{session}");
        let mut bash = Command::new("bash");
        bash.args(["-eu", "-o", "pipefail", "-c", &session]).env("TODO", &server.base_url);
        let output = run_program(bash, "bash and curl are needed: `apt-get install bash curl`").await;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let answers: Vec<Value> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();

        // The laptop receives the phone's todo.
        assert_eq!(texts(&answers[1]["server_changes"]), ["Buy milk"]);
        // The stale change is shown with both sides, and Ann's decision reaches the laptop's list.
        let conflict = answers.iter().find_map(|answer| answer["conflicts"].get(0)).expect("a conflict");
        assert_eq!(conflict["server_data"]["text"], "Buy oat milk");
        assert_eq!(conflict["client_data"]["text"], "Buy soy milk");
        assert_eq!(texts(answers.last().expect("the list")), ["Buy oat and soy milk"]);
    }

    async fn the_calls_from_next_js_work_as_printed(server: Server) {
        let mut script = PRELUDE.to_owned();
        for example in code_blocks(&page("docs/contracts.md"), "ts") {
            let names = variables(&example).collect::<Vec<_>>().join(", ");
            writeln!(
                script,
                "await (async () => {{\n{example}\n\
                 for (const [name, value] of Object.entries({{ {names} }}))\n  \
                 if (value === undefined) throw new Error(`the response has no ${{name}}`);\n}})();"
            )
            .expect("writing to a string succeeds");
        }
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", &script]).env("TODO_URL", &server.base_url);
        node.env("EMAIL", "ann@example.com").env("PASSWORD", PASSWORD).env("TOKEN", ann.token());
        let output = run_program(node, "Node.js is needed: `apt-get install nodejs`").await;
        let stdout = String::from_utf8_lossy(&output.stdout).replace(text(&tokens["user"]["id"]), "ID");
        let expected = [
            "POST /api/v1/todos/sync 200",
            "POST /auth/login 200",
            "GET /todos?is_completed=false 200",
            "GET /api/tasks?status=pending 200",
            "POST /api/auth/signin 200",
            "GET /api/ID/tasks 200",
        ];
        assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_page_on_syncing_prints_the_example_as_it_is_tested() {
    let printed = code_blocks(&page("docs/sync.md"), "ts");
    let files = ["sync-loop.ts", "types.ts", "server.ts", "todo-client.ts"];
    assert_eq!(printed.len(), files.len());
    for (printed, file) in printed.iter().zip(files) {
        let example = page(&format!("clients/examples/{file}"));
        assert!(*printed == example, "the block in docs/sync.md differs from clients/examples/{file}");
    }
    let example = page("clients/examples/sync-loop.ts");
    let lines = example.lines().count();
    assert!(lines <= 200, "the loop stays short: {lines} lines");
    let imports: Vec<_> = example.lines().filter(|line| line.contains(" from \"")).collect();
    assert!(imports.iter().all(|line| line.starts_with("import type ")), "no code is elsewhere: {imports:?}");
}
