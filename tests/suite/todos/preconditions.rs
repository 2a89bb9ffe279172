//! `ETag`, `If-None-Match` and `If-Match`.

use blackbox_tests::{Answer, Client, Database, Server, on_both_databases};
use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{add, at, check_each};

async fn with(
    client: &Client,
    method: Method,
    path: &str,
    header: (&str, &str),
    body: Option<Value>,
) -> Answer {
    let request = client.request(method, path).header(header.0, header.1);
    client.send(if let Some(body) = body { request.json(&body) } else { request }).await
}

on_both_databases! {
    async fn a_current_copy_is_not_sent_again(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        let cases = [
            ("\"1\"", 304),
            ("\"7\", \"1\"", 304),
            ("W/\"1\"", 304),
            ("*", 304),
            ("\"2\"", 200),
            ("\"01\"", 200),
            ("W/\"+1\"", 200),
            ("w/\"1\"", 200),
            ("\"7\", \"8\"", 200),
            ("nonsense", 200),
        ];
        check_each(cases, async |(etag, status)| {
            let answer = with(&ann, Method::GET, &at(&todo), ("if-none-match", etag), None).await;
            assert_eq!((answer.status, answer.header("etag")), (*status, "\"1\""), "{answer}");
        })
        .await;
        let unchanged = with(&ann, Method::GET, &at(&todo), ("if-none-match", "\"1\""), None).await;
        expect![[r#"
            304
            etag: "1"
            cache-control: private, no-cache
        "#]]
        .assert_eq(&unchanged.to_string());
        ann.patch(&at(&todo), json!({"text": "Buy oat milk"})).await.expect(200);
        let changed = with(&ann, Method::GET, &at(&todo), ("if-none-match", "\"1\""), None).await;
        assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    }

    async fn a_change_is_refused_if_if_match_names_another_version(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        let path = at(&todo);
        let change = |etag: &'static str, text: &'static str| {
            with(&ann, Method::PATCH, &path, ("if-match", etag), Some(json!({"text": text})))
        };
        change("\"1\"", "Buy oat milk").await.expect(200);
        let stale = change("\"1\"", "Buy soy milk").await;
        expect![[r#"
            412
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "Version conflict: the request is not based on the todo's current version; `details` has its current state",
             "details": {"client_version": 1, "resolution_strategy": "manual",
              "server_data": {"client_id": null, "completed": false, "completed_at": null,
               "created_at": "[time]", "deleted_at": null, "description": null, "id": "[id]", "metadata": {},
               "text": "Buy oat milk", "updated_at": "[time]", "version": 2},
              "server_version": 2},
             "error_code": "CONFLICT_002"}
        "#]]
        .assert_eq(&stale.to_string());
        change("\"9\"", "Buy soy milk").await.expect_problem(412, "CONFLICT_002");
        // A weak tag never matches strongly (RFC 9110 section 13.1.1).
        change("W/\"2\"", "Buy soy milk").await.expect_problem(412, "CONFLICT_002");
        change("\"1\", \"2\"", "Buy rice milk").await.expect(200);
        assert_eq!(change("*", "Buy almond milk").await.expect(200).json()["version"], 4);
    }

    async fn a_deletion_honours_if_match_and_version(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "Buy milk").await;
        let path = at(&todo);
        ann.patch(&path, json!({"completed": true})).await.expect(200);
        with(&ann, Method::DELETE, &path, ("if-match", "\"1\""), None)
            .await
            .expect_problem(412, "CONFLICT_002");
        let stale = ann.delete(&format!("{path}?version=1")).await;
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "Version conflict: the request is not based on the todo's current version; `details` has its current state",
             "details": {"client_version": 1, "resolution_strategy": "manual",
              "server_data": {"client_id": null, "completed": true, "completed_at": "[time]",
               "created_at": "[time]", "deleted_at": null, "description": null, "id": "[id]", "metadata": {},
               "text": "Buy milk", "updated_at": "[time]", "version": 2},
              "server_version": 2},
             "error_code": "CONFLICT_001"}
        "#]]
        .assert_eq(&stale.to_string());
        ann.delete(&format!("{path}?version=9")).await.expect_problem(409, "CONFLICT_001");
        ann.delete(&format!("{path}?version=two")).await.expect_problem(422, "VALIDATION_006");
        ann.get(&path).await.expect(200);
        with(&ann, Method::DELETE, &path, ("if-match", "\"2\""), None).await.expect(204);
        // A repeat after a lost response succeeds.
        with(&ann, Method::DELETE, &path, ("if-match", "\"2\""), None).await.expect(204);
        ann.delete(&format!("{path}?version=2")).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_overrides_version_and_invalid_tags_match_nothing() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let todo = add(&ann, "Buy milk").await;
    // Tags are compared byte by byte (RFC 9110 section 8.8.3.2).
    let invalid_tags = [
        "\"01\"",
        "\"+1\"",
        "\" 1\"",
        "W/\"1\"",
        "1",
        "\"one\"",
        "\"\"",
        "\"1",
        "\u{e4}",
        "\"0\"",
        "\"-1\"",
        "\"9223372036854775807\"",
    ];
    check_each(invalid_tags, async |tag| {
        let request = ann.request(Method::PATCH, &at(&todo)).header("if-match", tag.as_bytes());
        let refused = ann.send(request.json(&json!({"text": "Buy oat milk"}))).await;
        refused.expect_problem(412, "CONFLICT_002");
    })
    .await;
    assert_eq!(ann.get(&at(&todo)).await.json(), todo);
    let change = |text: &str, version: i64| Some(json!({"text": text, "version": version}));
    let path = at(&todo);
    let stale = with(&ann, Method::PATCH, &path, ("if-match", "\"7\""), change("Buy oat milk", 1)).await;
    stale.expect_problem(412, "CONFLICT_002");
    let fits = with(&ann, Method::PATCH, &path, ("if-match", "\"1\""), change("Buy oat milk", 7)).await;
    assert_eq!(fits.expect(200).json()["version"], 2);
}
