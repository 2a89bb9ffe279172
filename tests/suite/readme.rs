//! The README's session with curl and its calls from Next.js, run as they stand.

use std::fmt::Write as _;
use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::client::PASSWORD;
use blackbox_tests::on_both_databases;
use serde_json::Value;

use crate::support::{text, texts};

/// The blocks of code in `language` of one section.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("there is a README");
    let section = readme.split(&format!("## {heading}\n")).nth(1).expect("the section is there");
    let section = section.split("\n## ").next().expect("it ends");
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1).filter_map(|block| block.split("```").next());
    let blocks: Vec<_> = blocks.map(str::to_owned).collect();
    assert!(!blocks.is_empty(), "the section has such code");
    blocks
}

/// What runs the blocks, each by itself: the names that they leave open, and a `fetch` that tells what it was answered.
const NODE: &str = r#"
const { EMAIL: email, PASSWORD: password, TOKEN: token } = process.env;
const [cursor, changes] = [null, [{ id: "018f3a6e-0000-7000-8000-000000000001", text: "Buy milk" }]];
const send = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  const answer = await send(url, init);
  console.log(init.method ?? "GET", url.replace(process.env.TODO_URL, ""), answer.status);
  return answer;
};
"#;

/// The names that a block takes out of answers.
fn taken(block: &str) -> impl Iterator<Item = &str> {
    let lists = block.lines().filter_map(|line| line.strip_prefix("const ")?.split(" = ").next());
    let names = lists.flat_map(|names| names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    names.filter(|name| !name.is_empty())
}

on_both_databases! {
    async fn the_session_with_curl_does_what_the_readme_says(server: Server) {
        let session = blocks("The main job with curl", "sh").concat();
        assert!(session.starts_with("TODO=${TODO:-http://127.0.0.1:8000}\n"), "{session}");
        let mut bash = Command::new("bash");
        bash.args(["-eu", "-o", "pipefail", "-c", &session]).env("TODO", &server.base_url);
        let output = tokio::task::spawn_blocking(move || bash.output()).await.expect("no panic");
        let output = output.expect("bash and curl are needed: `apt-get install bash curl`");
        let told = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{told}");
        let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        // The stale change was shown with both sides, Ann's decision stands, and the laptop's list shows it.
        let conflict =
            answers.iter().find_map(|answer| answer["conflicts"].get(0)).expect("a conflict is shown");
        assert_eq!(conflict["server_data"]["text"], "Buy oat milk");
        assert_eq!(conflict["client_data"]["text"], "Buy soy milk");
        assert_eq!(texts(answers.last().expect("the list")), ["Buy oat and soy milk"]);
    }

    async fn the_calls_from_next_js_do_what_the_readme_says(server: Server) {
        let mut script = NODE.to_owned();
        for block in blocks("Which API to use", "ts") {
            let names = taken(&block).collect::<Vec<_>>().join(", ");
            writeln!(script, "await (async () => {{\n{block}\nfor (const [name, value] of Object.entries({{ {names} }}))")
                .expect("a string takes it");
            script.push_str("  if (value === undefined) throw new Error(`the answer has no ${name}`);\n})();\n");
        }
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", &script]).env("TODO_URL", &server.base_url);
        node.env("EMAIL", "ann@example.com").env("PASSWORD", PASSWORD).env("TOKEN", ann.token());
        let output = tokio::task::spawn_blocking(move || node.output()).await.expect("no panic");
        let output = output.expect("node is needed: `apt-get install nodejs`");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let user = text(&tokens["user"]["id"]);
        let said = String::from_utf8_lossy(&output.stdout).replace(user, "ID");
        let expected = [
            "POST /api/v1/todos/sync 200",
            "POST /auth/login 200",
            "GET /todos?is_completed=false 200",
            "GET /api/tasks?status=pending 200",
            "POST /api/auth/signin 200",
            "GET /api/ID/tasks 200",
        ];
        assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    }
}
