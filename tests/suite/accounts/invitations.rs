//! Registration by invitation, which a command of the binary makes beside the running server.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::command;
use blackbox_tests::{Server, on_both_databases};
use serde_json::{Value, json};

const CONTRACTS: [&str; 3] = ["/api/v1/auth/register", "/auth/register", "/api/auth/signup"];

fn invite(server: &Server, arguments: &[&str]) -> Result<String, String> {
    let mut command = command(server.folder(), server.settings());
    let done = command.args(["user", "invite"]).args(arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
}

on_both_databases! {
    async fn an_invitation_admits_its_address_once_on_each_contract(database: Database) {
        let server = Server::start_with(database, &[("REGISTRATION", "invite")]).await;
        let client = server.client();
        let described = client.get("/api/v1/server").await.expect(200).json();
        assert_eq!(described["registration"], "invite");
        for (n, path) in CONTRACTS.into_iter().enumerate() {
            let address = format!("ann{n}@example.com");
            let json: Value =
                serde_json::from_str(&invite(&server, &["--json", &address]).expect("invited")).expect("JSON");
            let invitation = json["invitation"].as_str().expect("a token");
            let body = |email: &str, invitation: Value| {
                json!({"email": email, "password": PASSWORD, "invitation": invitation})
            };
            client.post(path, body(&address, Value::Null)).await.expect_problem(403, "AUTHZ_002");
            for (email, invitation) in [("eve@example.com", invitation), (&*address, "made-up")] {
                client.post(path, body(email, json!(invitation))).await.expect_problem(400, "AUTH_008");
            }
            client.post(path, body(&address, json!(invitation))).await.expect(201);
            client.post(path, body(&address, json!(invitation))).await.expect_problem(400, "AUTH_008");
            let taken = invite(&server, &[&address]).expect_err("it has an account");
            assert!(taken.contains("has an account already"), "{taken}");
        }
        let link = invite(&server, &["bob@example.com"]).expect("invited");
        assert!(link.starts_with("http://localhost:3000/register?invitation="), "{link}");
        let refused = invite(&server, &["bob"]).expect_err("no address");
        assert!(refused.contains("is not an email address"), "{refused}");
        client.post("/api/v1/auth/magic-link/request", json!({"email": "eve@example.com"})).await.expect(202);
        let mailed = server.column("SELECT \"to\" AS value FROM mail_outbox ORDER BY 1");
        assert!(!mailed.contains(&"eve@example.com".to_owned()), "{mailed:?}");
        assert!(!server.logs().contains("made-up"), "an invitation is a secret");
    }
}
