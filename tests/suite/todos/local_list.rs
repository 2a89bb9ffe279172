//! A client that gives up a browser's old list whatever the server answers.

use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::on_both_databases;

on_both_databases! {
    async fn a_client_that_deletes_its_list_in_any_case_loses_nothing(server: Server) {
        let mut node = Command::new("node");
        node.arg(workspace().join("tests/local-list/main.mjs")).env("BASE_URL", &server.base_url);
        let moved = tokio::task::spawn_blocking(move || node.output());
        let moved = moved.await.expect("it ends").expect("node is needed: `apt-get install nodejs npm`");
        assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    }
}
