//! Users of a Better Auth app call this server, with each signature algorithm.

use blackbox_tests::{Client, Socket, on_both_databases};
use serde_json::json;

use super::{BetterAuth, Server, add_task, caller, trusting_keys, trusting_secret};
use crate::support::{add, at, everything, items, members, text, texts};

/// Uses every contract and the socket as the user `id` of the issuer.
async fn uses_everything(server: &Server, ann: &Client, id: &str) {
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    let task = add_task(ann, "Buy milk").await.expect(201).json();
    assert_eq!((&task["title"], &task["user_id"]), (&json!("Buy milk"), &json!(id)));
    assert_eq!(socket.next().await["todo"]["text"], "Buy milk");

    let bread = add(ann, "Buy bread").await;
    assert_eq!(socket.next().await["type"], "todo_created");
    ann.patch(&at(&bread), json!({"completed": true})).await.expect(200);
    assert_eq!(socket.next().await["type"], "todo_updated");
    let tasks = ann.get("/api/tasks").await.expect(200).json();
    assert_eq!(members(&tasks, "title"), json!(["Buy bread", "Buy milk"]));
    assert_eq!(members(&tasks, "completed"), json!([true, false]));
    let todos = ann.get("/api/v1/todos").await.expect(200).json();
    assert_eq!(items(&todos).len(), 2, "{todos}");
    assert_eq!(texts(&everything(ann).await), ["Buy milk", "Buy bread"]);
    assert_eq!(ann.get(&format!("/api/{id}/tasks")).await.expect(200).json(), tasks);
    ann.get("/todos").await.expect(200);
    ann.get("/api/another-user/tasks").await.expect_problem(403, "AUTHZ_001");

    ann.delete(&format!("/api/tasks/{}", task["id"])).await.expect(200);
    assert_eq!(socket.next().await["type"], "todo_deleted");
}

/// Asserts that two users of the issuer can work and do not see each other's rows.
async fn serves(server: &Server, issuer: &BetterAuth) {
    let (ann, bob) = (issuer.sign_up("ann@example.com").await, issuer.sign_up("bob@example.com").await);
    let (ann_here, bob_here) = (caller(server, &ann).await, caller(server, &bob).await);
    uses_everything(server, &ann_here, &ann.id).await;
    assert_eq!(everything(&bob_here).await, json!([]));
    let bread = &ann_here.get("/api/tasks").await.expect(200).json()[0];
    bob_here.get(&format!("/api/tasks/{}", bread["id"])).await.expect_problem(404, "RESOURCE_001");
    let own = server.client().new_user().await;
    assert_eq!(text(&add_task(&own, "Mine").await.expect(201).json()["title"]), "Mine");
}

on_both_databases! {
    async fn tokens_signed_with_eddsa_are_accepted(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        serves(&trusting_keys(database, &issuer).await, &issuer).await;
    }

    async fn tokens_signed_with_es256_are_accepted(database: Database) {
        let issuer = BetterAuth::signing("ES256").await;
        serves(&trusting_keys(database, &issuer).await, &issuer).await;
    }

    async fn tokens_signed_with_rs256_are_accepted(database: Database) {
        let issuer = BetterAuth::signing("RS256").await;
        serves(&trusting_keys(database, &issuer).await, &issuer).await;
    }

    async fn tokens_signed_with_ps256_are_accepted(database: Database) {
        let issuer = BetterAuth::signing("PS256").await;
        serves(&trusting_keys(database, &issuer).await, &issuer).await;
    }

    async fn tokens_signed_with_the_shared_secret_are_accepted(database: Database) {
        let issuer = BetterAuth::signing("HS256").await;
        serves(&trusting_secret(database).await, &issuer).await;
    }
}
