//! Schemathesis generates requests from the OpenAPI document and checks the responses against it.

use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::{Client, Server, on_both_databases};

use crate::support::{add, everything};

/// The operations that end their own session.
const ENDS_A_SESSION: &str = "/(logout|signout|devices/[^/]*|users/me)$";

/// Runs Schemathesis as `user` on the operations that `arguments` select.
async fn schemathesis(server: &Server, user: &Client, arguments: &[&str]) {
    let program = std::env::var_os("SCHEMATHESIS_BIN").expect(
        "SCHEMATHESIS_BIN names no program: `cargo xtask test` installs Schemathesis, or \
         `pip install --requirement tests/requirements.txt`",
    );
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(workspace().join("tests/schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", server.base_url)])
        .args(["--header", &format!("Authorization: Bearer {}", user.token())])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", "15", "--generation-deterministic", "--workers", "2", "--no-color"])
        .args(["--request-timeout", "120"])
        .args(arguments)
        .current_dir(server.folder());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("Schemathesis runs");
    let output_text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{output_text}");
}

on_both_databases! {
    async fn every_response_is_declared_in_the_document(database: Database) {
        // On a machine whose disk is busy with other tests, a commit may take seconds.
        let server = Server::start_with(database, &[("DATABASE_TIMEOUT_MS", "60000")]).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let (carol, _) = server.client().register("carol@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        add(&bob, "Bob's own business").await;
        let bobs = everything(&bob).await;
        // These operations end their session, so they run last and as another user.
        schemathesis(&server, &ann, &["--exclude-path-regex", ENDS_A_SESSION]).await;
        ann.get("/api/v1/todos").await.expect(200);
        schemathesis(&server, &carol, &["--include-path-regex", ENDS_A_SESSION]).await;
        assert_eq!(everything(&bob).await, bobs, "whatever one user sends, another's todos are untouched");
        assert!(!server.logs().contains("panicked"), "{}", server.logs());
    }
}
