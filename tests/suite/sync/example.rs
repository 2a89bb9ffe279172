//! The example of a client, `clients/examples/sync-loop.ts`, with lost answers, pages, conflicts and forgotten
//! tombstones. `restores` and `aged_restores` have its restores.

use blackbox_tests::{Server, on_both_databases};
use serde_json::json;

use super::devices::Devices;
use crate::support::{SWEEPING, add, at, id, sweep, text};

on_both_databases! {
    async fn a_device_alone_never_sees_a_conflict_whatever_it_loses(server: Server) {
        let (ann, mut all) = (server.client().new_user().await, Devices::start().await);
        all.connect("phone", &server, ann.token()).await;
        all.edit("phone", &id(1), json!({"text": "milk", "metadata.due": "2026-12-24"})).await;
        all.sync_and_lose("phone", &["answer"]).await;
        all.edit("phone", &id(1), json!({"text": "milk and bread"})).await;
        all.sync_and_lose("phone", &["request", "answer"]).await;
        all.edit("phone", &id(1), json!({"completed": true, "metadata.due": null})).await;
        all.edit("phone", &id(2), json!({"text": "never seen by another"})).await;
        all.edit("phone", &id(2), json!({"deleted": true})).await;
        all.sync_and_lose("phone", &["answer", "answer"]).await;
        all.edit("phone", &id(1), json!({"text": "milk, bread, eggs"})).await;
        all.sync("phone").await;
        let todos = all.expect_equal(&["phone"], &server, ann.token()).await;
        assert_eq!(todos, json!({id(1): {"text": "milk, bread, eggs", "description": null, "completed": true,
                                         "deleted": false, "metadata.due": null}}));
        let state = all.state("phone").await;
        assert_eq!([&state["conflicts"], &state["rejected"], &state["events"]], [&json!({}), &json!({}), &json!([])]);
    }

    async fn two_devices_merge_by_field_and_show_what_is_contested(server: Server) {
        let (ann, mut all) = (server.client().new_user().await, Devices::start().await);
        all.connect_with_pages("phone", &server, ann.token(), 2).await;
        all.connect_with_pages("laptop", &server, ann.token(), 3).await;
        for n in 1..8 {
            all.edit("phone", &id(n), json!({"text": format!("todo {n}")})).await;
        }
        all.sync("phone").await;
        all.sync("laptop").await;
        all.expect_equal(&["phone", "laptop"], &server, ann.token()).await;

        all.edit("phone", &id(1), json!({"text": "of the phone", "metadata.due": "2026-12-24"})).await;
        all.edit("laptop", &id(1), json!({"text": "of the laptop", "metadata.priority": 1})).await;
        all.edit("phone", &id(2), json!({"deleted": true})).await;
        all.edit("laptop", &id(2), json!({"description": "an edit beats a deletion"})).await;
        all.edit("laptop", &id(3), json!({"text": "x".repeat(501)})).await;
        all.edit("phone", &id(4), json!({"text": "sent, and the answer lost"})).await;
        all.sync_and_lose("phone", &["answer"]).await;
        all.edit("phone", &id(4), json!({"description": "typed before the laptop's arrived"})).await;
        all.edit("laptop", &id(4), json!({"description": "of the laptop"})).await;
        all.sync("laptop").await;
        all.sync("phone").await;
        let laptop = all.state("laptop").await;
        assert_eq!(laptop["conflicts"], json!({id(1): {"text": "of the laptop"}}), "{laptop}");
        assert_eq!(text(&laptop["rejected"][id(3)]["fields"]["text"]).len(), 501, "{laptop}");
        let phone = all.state("phone").await;
        assert_eq!(phone["conflicts"], json!({id(4): {"description": "typed before the laptop's arrived"}}), "{phone}");

        all.decide("laptop", &id(1), json!({"text": "of both"})).await;
        all.decide("phone", &id(4), json!({})).await;
        for device in ["laptop", "phone", "laptop"] {
            all.sync(device).await;
        }
        let todos = all.expect_equal(&["phone", "laptop"], &server, ann.token()).await;
        let both = &todos[id(1)];
        assert_eq!([&both["text"], &both["metadata.due"], &both["metadata.priority"]], [
            &json!("of both"), &json!("2026-12-24"), &json!(1)
        ]);
        assert_eq!(todos[id(2)]["description"], "an edit beats a deletion");
        assert_eq!(todos[id(3)]["text"], "todo 3");
        assert_eq!(todos[id(4)]["description"], "of the laptop");
        assert_eq!(all.view("phone", &id(4)).await["text"], "sent, and the answer lost");
    }

    async fn a_device_whose_cursor_is_forgotten_keeps_what_it_has_not_sent(database: Database) {
        let server = Server::start_with(database, &SWEEPING).await;
        let (ann, mut all) = (server.client().new_user().await, Devices::start().await);
        let names = ["untouched", "in flight", "edited here", "contested", "deleted here", "swept", "swept and edited"];
        let mut todos = Vec::new();
        for name in names {
            todos.push(add(&ann, name).await);
        }
        let ids: Vec<_> = todos.iter().map(|todo| text(&todo["id"]).to_owned()).collect();
        all.connect_with_pages("phone", &server, ann.token(), 3).await;
        all.sync("phone").await;
        all.edit("phone", &ids[1], json!({"text": "was in flight"})).await;
        all.sync_and_lose("phone", &["answer"]).await;
        for (n, fields) in [
            (1, json!({"text": "typed since"})),
            (2, json!({"text": "edited while away", "metadata.priority": 2})),
            (3, json!({"text": "of the phone"})),
            (4, json!({"deleted": true})),
            (6, json!({"completed": true})),
        ] {
            all.edit("phone", &ids[n], fields).await;
        }
        ann.patch(&at(&todos[3]), json!({"text": "of another"})).await.expect(200);
        for n in [5, 6] {
            ann.delete(&at(&todos[n])).await.expect(204);
            sweep(&server, names[n]).await;
        }

        all.sync("phone").await;
        let state = all.state("phone").await;
        assert_eq!(state["events"], json!(["forgotten", "reads again"]), "{state}");
        assert_eq!(state["conflicts"], json!({ids[3].clone(): {"text": "of the phone"}}), "{state}");
        all.decide("phone", &ids[3], json!({"text": "of the phone"})).await;
        all.sync("phone").await;
        let held = all.expect_equal(&["phone"], &server, ann.token()).await;
        let mut texts: Vec<_> = held.as_object().expect("todos").values().map(|todo| text(&todo["text"])).collect();
        texts.sort_unstable();
        assert_eq!(texts, ["edited while away", "of the phone", "swept and edited", "typed since", "untouched"]);
        assert_eq!(held[&ids[2]]["metadata.priority"], 2);
        assert_eq!(held[&ids[6]]["completed"], true, "a change of a forgotten todo is sent whole");
    }
    async fn what_a_change_left_out_follows_where_the_server_had_forgotten_the_todo(database: Database) {
        let server = Server::start_with(database, &SWEEPING).await;
        let (ann, mut all) = (server.client().new_user().await, Devices::start().await);
        all.connect("phone", &server, ann.token()).await;
        all.edit("phone", &id(1), json!({"text": "swept", "description": "notes", "metadata.due": "2026-12-24"})).await;
        all.sync("phone").await;
        all.edit("phone", &id(1), json!({"deleted": true})).await;
        all.sync("phone").await;
        sweep(&server, "swept").await;
        // Its cursor is not older than the horizon, so that nothing tells the device.
        all.edit("phone", &id(1), json!({"text": "back", "deleted": false})).await;
        all.sync("phone").await;
        let todos = all.expect_equal(&["phone"], &server, ann.token()).await;
        assert_eq!(todos, json!({id(1): {"text": "back", "description": "notes", "completed": false, "deleted": false,
                                         "metadata.due": "2026-12-24"}}));
        let state = all.state("phone").await;
        assert_eq!([&state["conflicts"], &state["events"]], [&json!({}), &json!([])]);
    }
}
