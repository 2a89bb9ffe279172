//! The README's session with curl, run line by line as it stands.

use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::on_both_databases;
use serde_json::Value;

use crate::support::texts;

/// The shell lines of one section.
fn session(heading: &str) -> String {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("there is a README");
    let section = readme.split(&format!("## {heading}\n")).nth(1).expect("the section is there");
    let section = section.split("\n## ").next().expect("it ends");
    let lines: Vec<_> =
        section.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    assert!(!lines.is_empty(), "the section has shell lines");
    lines.concat()
}

on_both_databases! {
    async fn the_session_with_curl_does_what_the_readme_says(server: Server) {
        let session = session("The main job with curl");
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
}
