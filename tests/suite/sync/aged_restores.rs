//! A restore meets devices that were away longer than tombstones are kept.

use blackbox_tests::{Server, on_both_databases};
use serde_json::{Value, json};

use super::devices::Devices;
use crate::support::{SWEEPING, everything, id, sweep, texts};

const KEPT: usize = 1;
const GONE: usize = 2;
const LOST: usize = 3;
const DEVICES: [&str; 3] = ["active", "ahead", "away"];

/// The conflicts and the events of a device.
async fn conflicts_and_events(all: &mut Devices, device: &str) -> [Value; 2] {
    let mut state = all.state(device).await;
    ["conflicts", "events"].map(|member| state[member].take())
}

on_both_databases! {
    async fn what_was_lost_too_long_ago_is_given_back_only_if_the_user_says_so(database: Database) {
        let (mut server, mut all) = (Server::start_with(database, &SWEEPING).await, Devices::start().await);
        let client = server.client().new_user().await;
        let token = client.token().to_owned();
        for device in DEVICES {
            all.connect(device, &server, &token).await;
        }
        all.edit("active", &id(KEPT), json!({"text": "kept", "metadata.list": "home"})).await;
        all.edit("active", &id(GONE), json!({"text": "gone"})).await;
        for device in DEVICES {
            all.sync(device).await;
        }
        let mut backup = server.back_up().await;
        all.connect("ahead", &server, &token).await;
        all.edit("ahead", &id(KEPT), json!({"text": "edited after the backup"})).await;
        all.edit("ahead", &id(LOST), json!({"text": "lost", "metadata.due": "2026-12-24"})).await;
        all.sync("ahead").await;
        all.edit("away", &id(KEPT), json!({"description": "typed while away"})).await;

        // In the new history, a todo is deleted, and its tombstone becomes too old to be kept.
        backup.begin_epoch();
        let server = backup.serve(&SWEEPING).await;
        let client = server.client().with_token(&token);
        for device in DEVICES {
            all.connect(device, &server, &token).await;
        }
        all.edit("active", &id(GONE), json!({"deleted": true})).await;
        all.sync("active").await;
        sweep(&server, "gone").await;

        all.sync("ahead").await;
        let asked = json!({id(KEPT): {"text": "edited after the backup"}, id(LOST): {
            "text": "lost", "description": null, "completed": false, "deleted": false, "metadata.due": "2026-12-24",
        }});
        let expected = [asked.clone(), json!(["restored", "reads again"])];
        assert_eq!(conflicts_and_events(&mut all, "ahead").await, expected);
        assert_eq!(texts(&everything(&client).await), ["kept"], "nothing is sent unasked");

        // The device that was away does not hold more than the server: to it, the tombstone is forgotten.
        all.sync("away").await;
        let expected = [json!({}), json!(["forgotten", "reads again"])];
        assert_eq!(conflicts_and_events(&mut all, "away").await, expected);

        for (id, mine) in asked.as_object().expect("conflicts") {
            all.decide("ahead", id, mine.clone()).await;
        }
        for _ in 0..2 {
            for device in DEVICES {
                all.sync(device).await;
            }
        }
        let todos = all.expect_equal(&DEVICES, &server, &token).await;
        let shown = |n: usize| ["text", "description", "metadata.list", "metadata.due"].map(|f| todos[id(n)][f].clone());
        let kept = json!(["edited after the backup", "typed while away", "home", null]);
        assert_eq!(json!(shown(KEPT)), kept);
        assert_eq!(json!(shown(LOST)), json!(["lost", null, null, "2026-12-24"]));
        assert_eq!(todos.as_object().map(serde_json::Map::len), Some(2), "what was deleted stays deleted: {todos}");
        for device in ["active", "ahead", "away"] {
            assert_eq!(conflicts_and_events(&mut all, device).await[0], json!({}), "{device}");
        }
    }
}
