//! Creating todos in bulk, for example to import a list from a browser.

use blackbox_tests::{Client, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{add, at, everything, id, items, members, numbered, text, texts};

const BULK: &str = "/api/v1/todos/bulk";

/// Imports a list of which at least one todo is kept.
async fn import(client: &Client, todos: Value) -> Value {
    client.post(BULK, json!({"todos": todos})).await.expect(201).json()
}

/// The number of created, existing and rejected todos.
fn counts(imported: &Value) -> [usize; 3] {
    ["created", "existing", "rejected"].map(|list| items(&imported[list]).len())
}

on_both_databases! {
    async fn many_todos_are_created_in_request_order(server: Server) {
        let ann = server.client().new_user().await;
        let body =
            json!({"todos": [{"text": "one"}, {"text": "two", "completed": true, "client_id": "phone"}]});
        let created = ann.post(BULK, body).await;
        expect![[r#"
            201
            cache-control: private, no-store
            {"created": [{"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "one",
               "updated_at": "[time]", "version": 1},
              {"client_id": "phone", "completed": true, "completed_at": "[time]", "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "two",
               "updated_at": "[time]", "version": 1}],
             "existing": [], "ids": {}, "rejected": []}
        "#]]
        .assert_eq(&created.to_string());
        let all = ann.post(BULK, numbered(1000)).await.expect(201).json();
        assert_eq!((items(&all["created"]).len(), &all["existing"]), (1000, &json!([])));
        let stamps: Vec<_> = items(&all["created"]).iter().map(|todo| text(&todo["updated_at"])).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b), "each todo has its own stamp, in request order");
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "1002");
    }

    async fn a_browsers_list_is_kept_in_the_forms_that_browsers_write(server: Server) {
        let ann = server.client().new_user().await;
        let list = json!([
            {"id": 1, "title": "old names", "createdAt": "2019-05-01T08:00:00.000Z", "completed": true},
            {"id": 1_714_550_400_000.5, "text": "milliseconds", "createdAt": 1_556_697_600_000_i64, "completed": 0},
            {"id": "abc", "text": "a Date", "created_at": "Wed May 01 2019 10:00:00 GMT+0200 (CEST)", "completed": null},
            {"id": "", "text": "without offset", "created_at": "2019-05-01 08:00:00", "completed": 1},
            {"id": id(7), "text": null, "title": "a UUID stays", "created_at": null, "createdAt": 1_556_697_600_000_i64},
            {"text": "no id", "createdAt": 1_556_697_600_000_i64},
            {"text": "no id", "createdAt": 1_556_697_600_000_i64},
            {"id": 2, "text": "done", "completed": null, "completedAt": 1_556_697_600_000_i64, "createdAt": 1_556_697_600_000_i64},
        ]);
        let first = import(&ann, list.clone()).await;
        assert_eq!(counts(&first), [8, 0, 0], "{first}");
        let created = items(&first["created"]);
        for todo in created {
            assert_eq!(todo["created_at"], "2019-05-01T08:00:00.000000Z", "{todo}");
        }
        let completed: Vec<_> = created.iter().map(|todo| todo["completed"] == true).collect();
        assert_eq!(completed, [true, false, false, true, false, false, false, true]);
        assert_eq!(created[7]["completed_at"], "2019-05-01T08:00:00.000000Z");
        assert_eq!(texts(&first["created"])[..2], ["old names", "milliseconds"]);
        assert_eq!(created[4]["id"], id(7));
        let ids = |n: usize| created[n]["id"].clone();
        let sent = json!({"1": ids(0), "1714550400000.5": ids(1), "abc": ids(2), "": ids(3), id(7): id(7), "2": ids(7)});
        assert_eq!(first["ids"], sent);

        let again = import(&ann, list.clone()).await;
        assert_eq!((counts(&again), &again["ids"]), ([0, 8, 0], &sent));
        assert_eq!(again["existing"], first["created"]);
        // The same list of another user creates other todos.
        let bob = server.client().register("bob@example.com").await.0;
        let bobs = import(&bob, list).await;
        assert_eq!(counts(&bobs), [8, 0, 0]);
        assert_ne!(bobs["created"][0]["id"], ids(0));
    }

    async fn a_repeated_import_shows_what_became_of_the_todos(server: Server) {
        let ann = server.client().new_user().await;
        let list = json!([
            {"id": 1, "text": "changed"}, {"id": 2, "text": "deleted"}, {"id": id(3), "text": "same"},
            {"id": 4, "text": "new", "createdAt": 1}
        ]);
        let first = import(&ann, json!([list[0], list[1], list[2]])).await;
        let [changed, deleted] = [&first["created"][0], &first["created"][1]];
        let changed = ann.patch(&at(changed), json!({"text": "otherwise"})).await.expect(200).json();
        ann.delete(&at(deleted)).await.expect(204);
        let before = everything(&ann).await;
        let again = import(&ann, list).await;
        assert_eq!(texts(&again["created"]), ["new"]);
        assert_eq!(texts(&again["existing"]), ["otherwise", "deleted", "same"]);
        assert_eq!(again["existing"][0], changed);
        assert!(again["existing"][1]["deleted_at"].is_string(), "{again}");
        let after = everything(&ann).await;
        assert_eq!(items(&after)[..3], items(&before)[..], "nothing that existed is changed");
        assert_eq!(items(&after).len(), 4);
        // A UUID that is taken is not taken again, whatever its content.
        let taken = import(&ann, json!([{"id": id(3).to_uppercase(), "text": "other"}])).await;
        assert_eq!((texts(&taken["existing"]), &taken["ids"]), (vec!["same"], &json!({id(3).to_uppercase(): id(3)})));
        // Twice in one list: the first todo stays.
        let twice = import(&ann, json!([{"id": id(9), "text": "x"}, {"id": id(9), "text": "y"}])).await;
        assert_eq!((texts(&twice["created"]), texts(&twice["existing"])), (vec!["x"], vec!["x"]));
    }

    async fn two_browsers_that_count_from_one_stay_apart(server: Server) {
        let ann = server.client().new_user().await;
        let at_home = json!([{"id": 1, "text": "milk", "createdAt": 1}, {"id": 2, "text": "eggs", "createdAt": 2}]);
        let at_work = json!([{"id": 1, "text": "call", "createdAt": 1}, {"id": 2, "text": "eggs", "createdAt": 3}]);
        for list in [&at_home, &at_work] {
            assert_eq!(counts(&import(&ann, list.clone()).await), [2, 0, 0]);
        }
        for list in [&at_home, &at_work] {
            assert_eq!(counts(&import(&ann, list.clone()).await), [0, 2, 0]);
        }
        let both = import(&ann, json!([at_home[0], at_work[0]])).await;
        assert_eq!(both["ids"]["1"], both["existing"][0]["id"], "the first todo of an id");
        let without_time = json!([{"text": "milk"}]);
        for _ in 0..2 {
            assert_eq!(counts(&import(&ann, without_time.clone()).await), [1, 0, 0], "nothing identifies it");
        }
    }

    async fn long_and_blank_texts_lose_nothing(server: Server) {
        let ann = server.client().new_user().await;
        let long = "long ".repeat(120);
        let imported = import(&ann, json!([
            {"id": 1, "text": long}, {"id": 2, "text": long, "description": "notes"},
            {"id": 3, "text": " ", "description": "first\nsecond"}, {"id": 4, "description": "x".repeat(10_000)},
            {"id": 5, "text": "x".repeat(10_000)},
        ])).await;
        let created = &imported["created"];
        let title = format!("{}…", &long[..499]);
        assert_eq!(texts(created)[..3], [&*title, &title, "first"]);
        let long = long.trim();
        assert_eq!(created[0]["description"], long);
        assert_eq!(created[1]["description"], format!("{long}\n\nnotes"));
        assert_eq!(created[2]["description"], "first\nsecond");
        assert_eq!(text(&created[3]["description"]).len(), 10_000);
        assert_eq!(text(&created[4]["description"]).len(), 10_000);
    }

    async fn texts_are_cut_and_refused_by_characters(server: Server) {
        let ann = server.client().new_user().await;
        let imported = import(&ann, json!([
            {"id": "fits", "text": "é".repeat(500)},
            {"id": "cut", "text": "é".repeat(501)},
            {"id": "line", "text": null, "description": format!("\n \n{}\nlast", "x".repeat(501))},
            {"id": "too long together", "text": "x".repeat(501), "description": "y".repeat(9_498)},
            {"id": "just fits together", "text": "x".repeat(501), "description": "y".repeat(9_497)},
            {"id": "too long", "text": "x", "description": "y".repeat(10_001)},
            {"id": "nothing", "text": " ", "title": "", "description": "\n"},
            {"id": "invisible", "text": "\u{200b}", "description": "visible"},
            {"id": "550E8400-E29B-41D4-A716-446655440000", "text": null},
            {"id": 12_345_678_901_234_567_890_u64, "text": "a long number"},
        ])).await;
        let created = items(&imported["created"]);
        let shown = |n: usize| (text(&created[n]["text"]).to_owned(), created[n]["description"].clone());
        assert_eq!(shown(0), ("é".repeat(500), Value::Null));
        assert_eq!(shown(1), (format!("{}…", "é".repeat(499)), json!("é".repeat(501))));
        assert_eq!(shown(2).0, format!("{}…", "x".repeat(499)));
        assert_eq!(text(&created[3]["description"]).len(), 10_000);
        assert_eq!(texts(&imported["created"])[4..], ["visible", "a long number"]);
        assert_eq!(members(&imported["rejected"], "id"), json!([
            "too long together", "too long", "nothing", "550e8400-e29b-41d4-a716-446655440000"
        ]));
        let codes = json!(["VALIDATION_005", "VALIDATION_005", "VALIDATION_004", "VALIDATION_004"]);
        assert_eq!(members(&imported["rejected"], "error_code"), codes);
        assert_eq!(imported["ids"]["12345678901234567890"], created[5]["id"], "{}", imported["ids"]);
    }

    async fn each_bad_item_is_rejected_by_itself(server: Server) {
        let ann = server.client().new_user().await;
        let mixed = ann.post_raw(BULK, r#"{"todos": [
            {"id": 1, "text": "good"},
            {"id": 2, "text": ""},
            {"id": "three", "text": "x", "completed": 2},
            {"id": "550E8400-E29B-41D4-A716-446655440000", "text": "x", "created_at": "yesterday"},
            {"id": 5, "text": "a\u0007b"},
            {"id": 6, "text": "x", "text": "y"},
            {"id": 7, "text": "x", "client_id": "\ud800"},
            {"id": [8], "text": "x"},
            9
        ]}"#).await;
        expect![[r#"
            201
            cache-control: private, no-store
            {"created": [{"client_id": null, "completed": false, "completed_at": null, "created_at": "[time]",
               "deleted_at": null, "description": null, "id": "[id]", "metadata": {}, "text": "good",
               "updated_at": "[time]", "version": 1}],
             "existing": [], "ids": {"1": "[id]"},
             "rejected": [{"error_code": "VALIDATION_004", "id": "2", "index": 1, "message": "text must not be blank"},
              {"error_code": "VALIDATION_006", "id": "three", "index": 2,
               "message": "completed must be true or false"},
              {"error_code": "VALIDATION_006", "id": "[id]", "index": 3,
               "message": "created_at must be a time of the years 1 to 9999: an RFC 3339 timestamp such as 2026-01-09T10:15:00Z, the text of a JavaScript Date, or milliseconds since 1970"},
              {"error_code": "VALIDATION_006", "id": "5", "index": 4,
               "message": "text must not contain the control character U+0007"},
              {"error_code": "VALIDATION_009", "id": "6", "index": 5,
               "message": "todos holds an item that is not valid JSON, or has a duplicate member"},
              {"error_code": "VALIDATION_009", "id": "7", "index": 6,
               "message": "todos holds an item that is not valid JSON, or has a duplicate member"},
              {"error_code": "VALIDATION_006", "id": null, "index": 7,
               "message": "id must be a string or a number"},
              {"error_code": "VALIDATION_006", "id": null, "index": 8,
               "message": "todos holds an item that is not an object"}]}
        "#]]
        .assert_eq(&mixed.to_string());
        assert_eq!(ann.get("/api/v1/todos").await.header("x-total-count"), "1");
    }

    async fn a_list_without_a_single_good_item_is_refused_with_the_status_of_the_first(server: Server) {
        let ann = server.client().new_user().await;
        let body = json!({"todos": [{"text": ""}, {"text": "x", "completed": 7, "description": 7}]});
        let refused = ann.post(BULK, body).await;
        expect![[r#"
            422
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "text must not be blank",
             "details": {"errors": [{"code": "VALIDATION_004", "field": "text", "index": 0, "message": "text must not be blank"},
               {"code": "VALIDATION_006", "field": "description", "index": 1,
                "message": "description must be a string"},
               {"code": "VALIDATION_006", "field": "completed", "index": 1,
                "message": "completed must be true or false"}],
              "field": "text"},
             "error_code": "VALIDATION_004"}
        "#]]
        .assert_eq(&refused.to_string());
        let too_long = json!([{"text": "x".repeat(10_001)}, {"text": ""}]);
        ann.post(BULK, json!({"todos": too_long})).await.expect_problem(422, "VALIDATION_005");
        assert_eq!(everything(&ann).await, json!([]));
        add(&ann, "the account works").await;
    }
}
