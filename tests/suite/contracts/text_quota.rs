//! The quota of stored text, on every contract that can exceed it.

use blackbox_tests::{Answer, Server, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::limits::user_with_lists;
use crate::support::{at, id, members, sync, text, texts};

const TODOS: &str = "/api/v1/todos";
const BULK: &str = "/api/v1/todos/bulk";
/// The least that the setting allows.
const LIMIT: [(&str, &str); 1] = [("MAX_TEXT_BYTES_PER_USER", "1024")];

fn expect_refused(answer: &Answer) {
    answer.expect_problem(409, "QUOTA_001");
    let body = answer.json();
    assert_eq!(body["details"]["max"], 1024, "{answer}");
    assert_eq!(body["message"], "The account has reached its limit of 1024 bytes of text");
}

/// The code and the message of each rejected item.
fn rejections(answer: &Value) -> Value {
    json!([members(&answer["rejected"], "error_code"), members(&answer["rejected"], "message")])
}

on_both_databases! {
    async fn what_would_exceed_the_bytes_of_an_account_is_refused_by_every_contract(database: Database) {
        let server = Server::start_with(database, &LIMIT).await;
        let (ann, [todos, tasks, user_tasks]) = user_with_lists(&server, "ann@example.com").await;
        // A character counts as its bytes in UTF-8.
        let filling = json!({"id": id(1), "text": "milk", "description": "é".repeat(450)});
        let milk = ann.post(TODOS, filling).await.expect(201).json();
        let number = ann.get(&tasks).await.json()[0]["id"].to_string();
        let long = "x".repeat(150);
        let metadata = json!({"note": long});
        for (method, path, body) in [
            (Method::POST, TODOS, json!({"text": long})),
            (Method::POST, TODOS, json!({"text": "x", "metadata": metadata})),
            (Method::PATCH, &at(&milk), json!({"text": long})),
            (Method::PATCH, &at(&milk), json!({"description": "é".repeat(520)})),
            (Method::PATCH, &at(&milk), json!({"metadata": metadata})),
            (Method::POST, &todos, json!({"title": long})),
            (Method::PUT, &format!("/todos/{}", id(1)), json!({"title": long})),
            (Method::POST, &tasks, json!({"title": long})),
            (Method::PUT, &format!("{tasks}/{number}"), json!({"title": long})),
            (Method::POST, &user_tasks, json!({"title": long})),
            (Method::PUT, &format!("{user_tasks}/{number}"), json!({"title": long})),
        ] {
            expect_refused(&ann.send(ann.request(method, path).json(&body)).await);
        }
        assert_eq!(ann.get(&at(&milk)).await.json(), milk);

        let message = "todos would exceed the account's limit of 1024 bytes of text";
        let rejected = json!([["QUOTA_001"], [message]]);
        let import = ann.post(BULK, json!({"todos": [{"text": long}, {"id": id(2), "text": "fits"}]})).await;
        let import = import.expect(201).json();
        assert_eq!((texts(&import["created"]), rejections(&import)), (vec!["fits"], rejected.clone()));
        let all_bad = ann.post(BULK, json!({"todos": [{"text": long}]})).await;
        all_bad.expect_problem(409, "QUOTA_001");
        let error = json!({"field": "todos", "index": 0, "code": "QUOTA_001", "max": 1024, "message": message});
        assert_eq!(all_bad.json()["details"]["errors"], json!([error]));
        let changes = json!([{"id": id(1), "text": long}, {"id": id(2), "completed": true}]);
        let changed = ann.patch(BULK, json!({"todos": changes})).await.expect(200).json();
        assert_eq!((texts(&changed["updated"]), rejections(&changed)), (vec!["fits"], rejected));

        // A deletion and a restoration do not grow.
        ann.delete(&format!("{TODOS}/{}", id(2))).await.expect(204);
        let answer = sync(&ann, json!({"todos": [
            {"id": id(3), "text": long},
            {"id": id(1), "version": 1, "description": "é".repeat(520)},
            {"id": id(1), "version": 1, "completed": true},
            {"id": id(2), "version": 3, "text": long, "deleted": false},
            {"id": id(4), "text": "small"},
        ]})).await;
        assert_eq!(answer["applied"], json!([id(4)]), "a change that rests on a rejected one goes with it");
        assert_eq!(rejections(&answer), json!([vec!["QUOTA_001"; 4], vec![message; 4]]));
        assert_eq!(members(&answer["rejected"], "id"), json!([id(3), id(1), id(1), id(2)]));
        ann.post(&format!("{TODOS}/{}/restore", id(2)), json!({})).await.expect(200);

        ann.patch(&at(&milk), json!({"description": null})).await.expect(200);
        ann.post(TODOS, json!({"text": long})).await.expect(201);
    }

    async fn only_what_grows_is_refused_to_an_account_over_the_limit(database: Database) {
        let mut server = Server::start_with(database, &[]).await;
        let ann = server.client().new_user().await;
        let large = json!({"id": id(1), "text": "large", "description": "x".repeat(3000), "metadata": {"list": "a"}});
        let path = at(&ann.post(TODOS, large).await.expect(201).json());
        ann.post(TODOS, json!({"id": id(2), "text": "small"})).await.expect(201);
        server.set(LIMIT[0].0, LIMIT[0].1);
        server.crash_and_restart().await;
        let ann = server.client().with_token(ann.token());
        expect_refused(&ann.patch(&path, json!({"text": "larger"})).await);
        expect_refused(&ann.post(TODOS, json!({"text": "x"})).await);
        for smaller in [
            json!({"text": "Large"}),
            json!({"completed": true}),
            json!({"metadata": {"list": null}}),
            json!({"description": "x".repeat(2000)}),
        ] {
            ann.patch(&path, smaller).await.expect(200);
        }
        let listed = ann.get(&format!("{TODOS}?sort=alpha")).await.expect(200).json();
        assert_eq!(listed.as_array().map(|todos| todos.iter().map(|todo| text(&todo["text"])).collect::<Vec<_>>()),
                   Some(vec!["Large", "small"]));
        ann.delete(&path).await.expect(204);
        // The text of a tombstone counts until it is removed.
        expect_refused(&ann.post(TODOS, json!({"text": "x"})).await);
    }
}
