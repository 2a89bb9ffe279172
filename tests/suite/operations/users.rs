//! `todo-server user`: administers accounts beside a running server, which knows within two seconds.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::{TIMEOUT, command};
use blackbox_tests::{Database, Server, Socket, on_both_databases};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{log_in, refresh, revoked, text};

/// Runs `user` with these arguments. The error is what the command prints.
fn user(server: &Server, arguments: &[&str]) -> Result<String, String> {
    user_with(server, arguments, "")
}

fn user_with(server: &Server, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut command = command(server.folder(), server.settings());
    // The log of the statements is the server's business.
    command.env("DATABASE_ECHO", "false").arg("user").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().expect("it runs");
    running.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    let done = running.wait_with_output().expect("it ends");
    let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    if done.status.success() {
        assert!(input.is_empty() || !err.contains(input.trim()), "the log has no secret: {err}");
        Ok(out)
    } else {
        Err(err)
    }
}

/// What a use of the command logs.
fn logged(server: &Server, arguments: &[&str]) -> String {
    let mut command = command(server.folder(), server.settings());
    let done = command.env("DATABASE_ECHO", "false").arg("user").args(arguments).output().expect("it runs");
    let logged = String::from_utf8(done.stderr).expect("text");
    assert!(done.status.success(), "{arguments:?}: {logged}");
    logged
}

fn json(server: &Server, arguments: &[&str]) -> Value {
    let printed = user(server, &[arguments, &["--json"]].concat()).expect("done");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

on_both_databases! {
    async fn accounts_are_listed_shown_disabled_enabled_and_verified(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        server.client().register("bob@example.com").await;
        let mut listed = json(&server, &["list"]);
        let emails = listed.as_array_mut().expect("a list");
        emails.sort_by_key(|user| text(&user["email"]).to_owned());
        assert_eq!((emails.len(), text(&emails[0]["email"])), (2, "ann@example.com"));
        let id = text(&emails[0]["id"]).to_owned();
        assert_eq!(json(&server, &["show", &id]), json(&server, &["show", "Ann@Example.com"]));
        assert!(user(&server, &["list"]).expect("done").contains("bob@example.com (not verified)"));

        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        assert_eq!(json(&server, &["disable", "ann@example.com"])["active"], false);
        revoked(&ann, "AUTH_007").await;
        assert_eq!(socket.closed().await, 4401);
        assert_eq!(json(&server, &["enable", &id])["active"], true);
        let admitted = async {
            while ann.get("/api/v1/todos").await.status != 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(TIMEOUT, admitted).await.expect("the account is enabled");
        assert_eq!(json(&server, &["verify", &id])["email_verified"], true);
        assert_eq!(ann.get("/api/v1/users/me").await.expect(200).json()["email_verified"], true);
        let unknown = user(&server, &["show", "eve@example.com"]).expect_err("no such user");
        assert!(unknown.contains("there is no user eve@example.com"), "{unknown}");
    }

    async fn an_export_is_that_of_the_api(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        crate::support::add(&ann, "milk").await;
        let mut compared = false;
        while !compared {
            let before = ann.get("/api/v1/users/me/export").await.expect(200).json();
            let done = command(server.folder(), server.settings()).args(["export", "--user", "ann@example.com"]).output();
            let by_command = serde_json::from_slice::<Value>(&done.expect("it runs").stdout).expect("JSON");
            let after = ann.get("/api/v1/users/me/export").await.expect(200).json();
            let [before, by_command, after] = [before, by_command, after].map(|mut export| {
                assert_eq!(export["todos"][0]["text"], "milk");
                // When the export began.
                export["exported_at"].take();
                export
            });
            // The mail that confirms the address may be sent meanwhile.
            compared = before == after;
            assert!(!compared || by_command == after, "{by_command}\n{after}");
        }
    }

    async fn sessions_are_listed_and_ended(server: Server) {
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let listed = json(&server, &["sessions", "ann@example.com"]);
        let of_laptop = listed.as_array().expect("a list").iter().find(|session| session["client_id"] == "laptop");
        let id = text(&of_laptop.expect("it is listed")["id"]).to_owned();
        assert_eq!(json(&server, &["revoke", "ann@example.com", "--session", &id])["ended"], 1);
        revoked(&laptop, "AUTH_004").await;
        ann.get("/api/v1/todos").await.expect(200);
        let again = user(&server, &["revoke", "ann@example.com", "--session", &id]).expect_err("it has ended");
        assert!(again.contains("no such session"), "{again}");
        assert_eq!(json(&server, &["revoke", "ann@example.com"])["ended"], 1);
        revoked(&ann, "AUTH_004").await;
        refresh(&server.client(), &tokens).await.expect(401);
    }

    async fn accounts_are_created_and_deleted(server: Server) {
        let password = format!("{PASSWORD}\n");
        let created = user_with(&server, &["create", "ann@example.com", "--name", "Ann", "--password-stdin"], &password);
        assert!(created.expect("created").contains("ann@example.com"));
        let (ann, _) = log_in(&server.client(), "ann@example.com", "phone").await;
        let taken = user(&server, &["create", "ann@example.com"]).expect_err("taken");
        assert!(taken.contains("has an account already"), "{taken}");
        let weak = user_with(&server, &["create", "eve@example.com", "--password-stdin"], "short").expect_err("weak");
        assert!(weak.contains("the password must have"), "{weak}");

        // Without a password, a link sets one; once.
        user(&server, &["create", "bob@example.com"]).expect("created");
        let reset = json(&server, &["reset-password", "bob@example.com"]);
        assert!(text(&reset["link"]).starts_with("http://localhost:3000/reset-password?token="), "{reset}");
        let body = json!({"token": reset["token"], "password": PASSWORD});
        server.client().post("/api/v1/auth/reset-password", body.clone()).await.expect(204);
        server.client().post("/api/v1/auth/reset-password", body).await.expect_problem(400, "AUTH_008");
        log_in(&server.client(), "bob@example.com", "phone").await;

        let unconfirmed = user(&server, &["delete", "ann@example.com"]).expect_err("unconfirmed");
        assert!(unconfirmed.contains("nothing was deleted") && unconfirmed.contains("--yes"), "{unconfirmed}");
        ann.get("/api/v1/todos").await.expect(200);
        user(&server, &["delete", "ann@example.com", "--yes"]).expect("deleted");
        // Which code depends on whether the server knows of the revocation yet.
        ann.get("/api/v1/todos").await.expect(401);
        assert_eq!(json(&server, &["list"]).as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_use_is_logged_with_the_id_of_the_user() {
    let server = Server::start(Database::Sqlite).await;
    server.client().register("ann@example.com").await;
    let id = text(&json(&server, &["show", "ann@example.com"])["id"]).to_owned();
    for arguments in [["list"].as_slice(), &["create", "bob@example.com"], &["invite", "eve@example.com"]] {
        let lines = logged(&server, arguments);
        assert!(lines.contains(&format!("the command `user {}`", arguments[0])), "{arguments:?}: {lines}");
    }
    for action in ["show", "sessions", "verify", "disable", "enable", "revoke", "reset-password", "delete"] {
        let mut arguments = vec![action, "ann@example.com"];
        arguments.extend((action == "delete").then_some("--yes"));
        let lines = logged(&server, &arguments);
        assert!(lines.contains("the command `user") && lines.contains(&id), "{action}: {lines}");
        assert!(!lines.contains("ann@example.com"), "{action}: {lines}");
    }
}
