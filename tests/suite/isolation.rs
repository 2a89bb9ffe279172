//! Users are isolated: another user's ids reveal nothing and change nothing.

use blackbox_tests::{Client, Socket, on_both_databases};
use serde_json::{Value, json};

use crate::support::{at, everything, id, items, text};

const TODOS: &str = "/api/v1/todos";
const SECRET: &str = "Ann's own business";

/// Runs every operation that takes a todo's id; returns the bodies of the answers.
async fn every_operation(mallory: &Client, todo: &Value) -> Vec<String> {
    let (path, id) = (at(todo), todo["id"].clone());
    let mut bodies = Vec::new();
    for query in ["", "?include_deleted=true"] {
        let answer = mallory.get(&format!("{path}{query}")).await;
        answer.expect_problem(404, "RESOURCE_001");
        bodies.push(answer.text);
    }
    let etag = mallory.request(reqwest::Method::GET, &path).header("if-none-match", "*");
    mallory.send(etag).await.expect_problem(404, "RESOURCE_001");
    for body in [json!({"text": "mine"}), json!({"text": "mine", "version": 1}), json!({})] {
        let answer = mallory.patch(&path, body).await;
        answer.expect_problem(404, "RESOURCE_001");
        bodies.push(answer.text);
    }
    for query in ["", "?version=1"] {
        mallory.delete(&format!("{path}{query}")).await.expect_problem(404, "RESOURCE_001");
    }
    mallory.post(&format!("{path}/restore"), json!({})).await.expect_problem(404, "RESOURCE_001");
    let bulk = json!({"todos": [{"id": id, "text": "mine"}]});
    let changed = mallory.patch("/api/v1/todos/bulk", bulk).await.expect(200);
    assert_eq!((&changed.json()["not_found"], &changed.json()["conflicts"]), (&json!([id]), &json!([])));
    bodies.push(changed.text);
    let deletion =
        json!({"todos": [{"id": id, "deleted": true, "version": 1}, {"id": id, "completed": true}]});
    let synced = mallory.post("/api/v1/todos/sync", deletion).await.expect(200);
    assert_eq!(synced.json()["server_changes"], json!([]));
    bodies.push(synced.text);
    bodies
}

on_both_databases! {
    async fn another_users_ids_reveal_and_change_nothing(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        let (mallory, _) = server.client().register("mallory@example.com").await;
        let body = json!({"text": SECRET, "description": SECRET, "client_id": SECRET});
        let live = ann.post(TODOS, body.clone()).await.expect(201).json();
        let dead = ann.post(TODOS, body).await.expect(201).json();
        ann.delete(&at(&dead)).await.expect(204);
        let before = everything(&ann).await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;

        for todo in [&live, &dead] {
            for body in every_operation(&mallory, todo).await {
                assert!(!body.contains(SECRET), "{body}");
            }
        }
        for query in [
            "",
            "?include_deleted=true",
            "?search=business",
            "?sort=alpha&filter=all",
            "?since=2000-01-01T00:00:00Z",
        ] {
            let list = mallory.get(&format!("{TODOS}{query}")).await.expect(200);
            assert_eq!((list.json(), list.header("x-total-count")), (json!([]), "0"), "{query}");
        }
        assert_eq!(everything(&mallory).await, json!([]));
        assert_eq!(everything(&ann).await, before);
        assert_eq!(socket.drain().await, Vec::<Value>::new(), "no event");
    }

    async fn concurrent_users_each_see_only_their_own(server: Server) {
        let anonymous = server.client();
        let users = futures_util::future::join_all((0..10).map(|n| {
            let client = anonymous.clone();
            async move { client.register(&format!("user{n}@example.com")).await.0 }
        }))
        .await;
        futures_util::future::join_all(users.iter().enumerate().map(|(n, user)| async move {
            for k in 0..10 {
                let body =
                    json!({"id": id(k), "text": format!("user {n} todo {k}"), "client_id": format!("{n}")});
                user.post(TODOS, body).await.expect(201);
                user.patch(
                    &format!("{TODOS}/{}", id(k)),
                    json!({"completed": true, "client_id": format!("{n}")}),
                )
                .await
                .expect(200);
            }
        }))
        .await;
        for (n, user) in users.iter().enumerate() {
            let mine = everything(user).await;
            assert_eq!(items(&mine).len(), 10);
            for todo in items(&mine) {
                assert!(text(&todo["text"]).starts_with(&format!("user {n} todo")), "{todo}");
                assert_eq!((&todo["client_id"], &todo["version"]), (&json!(n.to_string()), &json!(2)));
            }
        }
    }
}
