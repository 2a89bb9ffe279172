//! The main job: one user, two devices, one of them offline; a conflict; live changes.

use blackbox_tests::{Client, Device, Socket, on_both_databases};
use serde_json::{Value, json};

const MILK: &str = "018f3a6e-0000-7000-8000-000000000001";
const BREAD: &str = "018f3a6e-0000-7000-8000-000000000002";

async fn log_in(client: &Client, device: &str) -> Client {
    let body = json!({"email": "ann@example.com", "password": "Correct-Horse-7", "client_id": device});
    let tokens = client.post("/api/v1/auth/login", body).await.expect(200).json();
    client.with_token(tokens["access_token"].as_str().expect("an access token"))
}

fn texts(server_changes: &Value) -> Vec<&str> {
    server_changes.as_array().expect("a list").iter().filter_map(|todo| todo["text"].as_str()).collect()
}

on_both_databases! {
    async fn a_conflict_made_offline_is_shown_and_resolved_and_both_devices_agree(server: Server) {
        let anonymous = server.client();
        anonymous.register("ann@example.com").await;
        let mut phone = Device::new(&log_in(&anonymous, "phone").await, "phone");
        let laptop_client = log_in(&anonymous, "laptop").await;
        let mut laptop = Device::new(&laptop_client, "laptop");

        // Both have the same list.
        phone.edit(MILK, json!({"text": "Buy milk"}));
        let sent = phone.sync("manual").await;
        assert_eq!(sent["applied"], json!([MILK]));
        assert_eq!(sent["versions"], json!({MILK: 1}));
        assert_eq!(sent["server_changes"], json!([]), "what it sent itself does not come back");
        assert_eq!(texts(&laptop.sync("manual").await["server_changes"]), ["Buy milk"]);

        // The laptop is online, the phone offline; both change the same field.
        let url = server.socket_url();
        let (mut socket, _) = Socket::ready(&url, laptop_client.token(), "").await;
        laptop.edit(MILK, json!({"text": "Buy oat milk"}));
        laptop.sync("manual").await;
        let event = socket.next().await;
        assert_eq!((&event["type"], &event["todo"]["text"]), (&json!("todo_updated"), &json!("Buy oat milk")));
        phone.edit(MILK, json!({"text": "Buy soy milk"}));
        phone.edit(BREAD, json!({"text": "Bake bread"}));

        // Back online, the conflict shows both sides and does not block the other changes.
        let answer = phone.sync("manual").await;
        assert_eq!(answer["applied"], json!([BREAD]));
        let conflict = &answer["conflicts"][0];
        assert_eq!(conflict["id"], MILK);
        assert_eq!((&conflict["client_version"], &conflict["server_version"]), (&json!(1), &json!(2)));
        assert_eq!(conflict["fields"], json!(["text"]));
        assert_eq!(conflict["server_data"]["text"], "Buy oat milk");
        assert_eq!(conflict["client_data"]["text"], "Buy soy milk");
        assert_eq!(
            (&conflict["resolution_strategy"], &conflict["resolved"]),
            (&json!("manual"), &Value::Null)
        );
        assert_eq!(socket.next().await["todo"]["text"], "Bake bread");

        // The user decides, on top of the server's version.
        phone.edit(MILK, json!({"text": "Buy oat and soy milk"}));
        let resolved = phone.sync("manual").await;
        assert_eq!(resolved["versions"], json!({MILK: 3}));
        assert_eq!(socket.next().await["todo"]["version"], 3);

        laptop.sync("manual").await;
        let agreed = vec![("Bake bread".to_owned(), false), ("Buy oat and soy milk".to_owned(), false)];
        assert_eq!((phone.shown(), laptop.shown()), (agreed.clone(), agreed));

        // A deletion reaches the other device too.
        laptop.delete(BREAD);
        laptop.sync("manual").await;
        assert_eq!(socket.next().await["type"], "todo_deleted");
        phone.sync("manual").await;
        assert_eq!(phone.shown(), laptop.shown());
        assert_eq!(phone.todos.len(), 1);
    }

    async fn a_sync_repeated_after_a_lost_answer_changes_nothing_twice(server: Server) {
        let client = server.client().new_user().await;
        let mut phone = Device::new(&client, "phone");
        phone.edit(MILK, json!({"text": "Buy milk"}));
        let request = phone.request("manual");
        // The first response is lost.
        client.post("/api/v1/todos/sync", request.clone()).await.expect(200);
        let again = client.post("/api/v1/todos/sync", request).await.expect(200);
        let body = phone.apply(&again);
        assert_eq!((&body["applied"], &body["versions"]), (&json!([MILK]), &json!({MILK: 1})));
        assert_eq!(client.get("/api/v1/todos").await.expect(200).header("x-total-count"), "1");
    }

    async fn edits_of_different_fields_merge_and_an_edit_beats_a_deletion(server: Server) {
        let client = server.client().new_user().await;
        let (mut phone, mut laptop) = (Device::new(&client, "phone"), Device::new(&client, "laptop"));
        phone.edit(MILK, json!({"text": "Buy milk"}));
        phone.edit(BREAD, json!({"text": "Bake bread"}));
        phone.sync("merge").await;
        laptop.sync("merge").await;

        laptop.edit(MILK, json!({"completed": true}));
        laptop.delete(BREAD);
        laptop.sync("merge").await;
        phone.edit(MILK, json!({"text": "Buy oat milk"}));
        phone.edit(BREAD, json!({"text": "Bake rye bread"}));
        let answer = phone.sync("merge").await;
        assert_eq!(answer["conflicts"], json!([]));
        laptop.sync("merge").await;
        let merged = vec![("Bake rye bread".to_owned(), false), ("Buy oat milk".to_owned(), true)];
        assert_eq!((phone.shown(), laptop.shown()), (merged.clone(), merged));
    }
}
