//! Schemathesis: requests made up from the document, answers held to it.

use std::process::Command;

use blackbox_tests::on_both_databases;

on_both_databases! {
    async fn no_request_gets_an_answer_that_the_document_does_not_declare(server: Server) {
        let program = std::env::var_os("SCHEMATHESIS_BIN").expect(
            "SCHEMATHESIS_BIN names no program: `cargo xtask test` installs Schemathesis, or \
             `pip install --requirement tests/requirements.txt`",
        );
        let ann = server.client().new_user().await;
        let mut schemathesis = Command::new(program);
        schemathesis
            .args(["run", &format!("{}/openapi.json", server.base_url)])
            .args(["--header", &format!("Authorization: Bearer {}", ann.token())])
            .args(["--phases", "examples,coverage,fuzzing,stateful"])
            .args(["--checks", "all"])
            .args(["--max-examples", "15", "--seed", "7", "--workers", "2", "--generation-deterministic"])
            .args(["--no-color", "--suppress-health-check", "all"])
            // What would log this very user out is for the other suites.
            .args(["--exclude-path-regex", "/auth/logout$"])
            .current_dir(server.folder());
        let output = tokio::task::spawn_blocking(move || schemathesis.output()).await.expect("no panic");
        let output = output.expect("Schemathesis runs");
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{told}");
        assert!(!server.logs().contains("panicked"), "{}", server.logs());
    }
}
