//! The list: filters, order, cursors, parameters.

use blackbox_tests::{Client, Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{add, at, check_each, items, text, texts};

const TODOS: &str = "/api/v1/todos";

async fn listed(client: &Client, query: &str) -> Value {
    client.get(&format!("{TODOS}{query}")).await.expect(200).json()
}

on_both_databases! {
    async fn the_list_is_an_array_with_metadata_in_headers(server: Server) {
        let ann = server.client().new_user().await;
        let empty = ann.get(TODOS).await;
        expect![[r#"
            200
            link: </api/v1/todos?page=1&per_page=50>; rel="first", </api/v1/todos?page=1&per_page=50>; rel="last"
            x-total-count: 0
            cache-control: private, no-store
            []
        "#]].assert_eq(&empty.to_string());
        add(&ann, "Buy milk").await;
        let newest = add(&ann, "Bake bread").await;
        let answer = ann.get(TODOS).await;
        expect![[r#"
            200
            link: </api/v1/todos?page=1&per_page=50>; rel="first", </api/v1/todos?page=1&per_page=50>; rel="last"
            x-total-count: 2
            cache-control: private, no-store
            [{"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
              "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "Bake bread",
              "updated_at": "[time]", "version": 1},
             {"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
              "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "Buy milk",
              "updated_at": "[time]", "version": 1}]
        "#]].assert_eq(&answer.to_string());
        assert_eq!(answer.header("x-sync-timestamp"), newest["updated_at"]);
    }

    async fn filters_select_by_completion(server: Server) {
        let ann = server.client().new_user().await;
        add(&ann, "open").await;
        let done = add(&ann, "done").await;
        ann.patch(&at(&done), json!({"completed": true})).await.expect(200);
        let gone = add(&ann, "gone").await;
        ann.delete(&at(&gone)).await.expect(204);
        for (query, expected) in [
            ("?filter=all", vec!["done", "open"]),
            ("?filter=active", vec!["open"]),
            ("?filter=completed", vec!["done"]),
            ("?filter=all&include_deleted=true", vec!["gone", "done", "open"]),
            ("?filter=active&include_deleted=true", vec!["gone", "open"]),
            ("?include_deleted=false", vec!["done", "open"]),
        ] {
            assert_eq!(texts(&listed(&ann, query).await), expected, "{query}");
        }
    }

    async fn the_list_is_sorted_by_age_or_alphabetically(server: Server) {
        let ann = server.client().new_user().await;
        for text in ["banana", "éclair", "Banana split", "zoo", "Äpfel", "apple"] {
            add(&ann, text).await;
        }
        for (query, expected) in [
            ("", ["apple", "Äpfel", "zoo", "Banana split", "éclair", "banana"]),
            ("?sort=newest", ["apple", "Äpfel", "zoo", "Banana split", "éclair", "banana"]),
            ("?sort=oldest", ["banana", "éclair", "Banana split", "zoo", "Äpfel", "apple"]),
            ("?sort=alpha", ["Äpfel", "apple", "banana", "Banana split", "éclair", "zoo"]),
        ] {
            assert_eq!(texts(&listed(&ann, query).await), expected, "{query}");
        }
        let by_title = ann.get("/todos?sort_by=title&sort_order=desc").await.expect(200).json();
        let titles: Vec<_> = items(&by_title["items"]).iter().map(|todo| text(&todo["title"])).collect();
        assert_eq!(titles, ["zoo", "éclair", "Banana split", "banana", "apple", "Äpfel"]);
    }

    async fn since_returns_what_changed_after_a_cursor(server: Server) {
        let ann = server.client().new_user().await;
        let old = add(&ann, "old").await;
        let gone = add(&ann, "gone").await;
        let cursor = ann.get(TODOS).await.expect(200).header("x-sync-timestamp").to_owned();
        assert_eq!(listed(&ann, &format!("?since={cursor}&include_deleted=true")).await, json!([]));
        ann.delete(&at(&gone)).await.expect(204);
        ann.patch(&at(&old), json!({"text": "changed"})).await.expect(200);
        add(&ann, "new").await;
        assert_eq!(texts(&listed(&ann, &format!("?since={cursor}&sort=oldest")).await), ["changed", "new"]);
        let all = listed(&ann, &format!("?since={cursor}&sort=oldest&include_deleted=true")).await;
        assert_eq!(texts(&all), ["changed", "gone", "new"]);
        // A cursor truncated to milliseconds, as by JavaScript's Date, only repeats rows.
        let cut = format!("{}Z", &cursor[..23]);
        assert!(listed(&ann, &format!("?since={cut}")).await.as_array().expect("a list").len() >= 2);
        // A URL must escape the plus sign.
        let offset = cursor.replace('Z', "%2B00:00");
        assert_eq!(texts(&listed(&ann, &format!("?since={offset}&sort=oldest")).await), ["changed", "new"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_parameter_with_a_bad_value_is_refused_and_an_unknown_one_ignored() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let cases = [
        ("?filter=done", "filter"),
        ("?filter=", "filter"),
        ("?filter=ALL", "filter"),
        ("?sort=random", "sort"),
        ("?page=0", "page"),
        ("?page=-1", "page"),
        ("?page=%2B1", "page"),
        ("?page=01", "page"),
        ("?page=1.0", "page"),
        ("?page=one", "page"),
        ("?page=99999999999999999999", "page"),
        ("?per_page=0", "per_page"),
        ("?per_page=101", "per_page"),
        ("?per_page=%2B50", "per_page"),
        ("?per_page=", "per_page"),
        ("?since=yesterday", "since"),
        ("?since=2026-02-30T00:00:00Z", "since"),
        ("?since=2026-01-01T25:00:00", "since"),
        ("?include_deleted=yes", "include_deleted"),
        ("?include_deleted=2", "include_deleted"),
        ("?since=0000-01-01T00:00:00Z", "since"),
        ("?since=10000-01-01T00:00:00Z", "since"),
        ("?include_deleted=perhaps", "include_deleted"),
        ("?search=a%00b", "search"),
    ];
    check_each(cases, async |(query, field)| {
        let refused = ann.get(&format!("{TODOS}{query}")).await;
        refused.expect_problem(422, "VALIDATION_006");
        assert_eq!(refused.json()["details"]["field"], *field, "{refused}");
    })
    .await;
    let several = ann.get(&format!("{TODOS}?page=0&per_page=0&sort=x")).await;
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "sort must be one of newest, oldest, alpha",
         "details": {"errors": [{"allowed": "newest, oldest, alpha", "code": "VALIDATION_006", "field": "sort",
            "message": "sort must be one of newest, oldest, alpha"},
           {"code": "VALIDATION_006", "field": "page", "max": 1000000000,
            "message": "page must be a whole number between 1 and 1000000000", "min": 1},
           {"code": "VALIDATION_006", "field": "per_page", "max": 100,
            "message": "per_page must be a whole number between 1 and 100", "min": 1}],
          "field": "sort"},
         "error_code": "VALIDATION_006"}
    "#]]
    .assert_eq(&several.to_string());
    assert_eq!(listed(&ann, "?colour=blue&&x=%F0%9F").await, json!([]));
}
