//! A backup is restored, or an older copy is put in place, under devices that go on as before.

use blackbox_tests::{Backup, Server, on_both_databases};
use serde_json::{Value, json};

use super::devices::Devices;
use crate::support::id;

const KEPT: usize = 1;
const EDITED: usize = 2;
const DELETED: usize = 3;
const CREATED: usize = 4;
const TYPED_AWAY: usize = 5;

/// What each device of a user did after the backup.
const EDITOR: usize = 0;
const DELETER: usize = 1;
const CREATOR: usize = 2;
const AWAY: usize = 3;

/// One user's devices, and the order in which they come back.
struct User {
    token: String,
    devices: Vec<String>,
    order: Vec<usize>,
}

impl User {
    /// A user with three todos, which all devices hold.
    async fn new(server: &Server, all: &mut Devices, order: Vec<usize>) -> Self {
        let name = order.iter().map(ToString::to_string).collect::<String>();
        let client = server.client().register(&format!("{name}@example.com")).await.0;
        let devices = ["editor", "deleter", "creator", "away"].map(|device| format!("{device} of {name}"));
        let user = Self { token: client.token().to_owned(), devices: devices.into(), order };
        user.connect(server, all).await;
        let before = json!({"text": "before", "description": "old", "metadata.list": "home"});
        for (n, fields) in
            [(KEPT, json!({"text": "kept"})), (EDITED, before), (DELETED, json!({"text": "deleted"}))]
        {
            all.edit(&user.devices[EDITOR], &id(n), fields).await;
        }
        user.sync(all, &[EDITOR, DELETER, CREATOR, AWAY]).await;
        user
    }

    async fn connect(&self, server: &Server, all: &mut Devices) {
        for device in &self.devices {
            all.connect(device, server, &self.token).await;
        }
    }

    async fn sync(&self, all: &mut Devices, devices: &[usize]) {
        for device in devices {
            all.sync(&self.devices[*device]).await;
        }
    }

    /// Does what the backup lacks.
    async fn live_on(&self, all: &mut Devices) {
        let edit = json!({"text": "after", "description": null, "completed": true, "metadata.due": "2026-12-24",
                          "metadata.list": null});
        all.edit(&self.devices[EDITOR], &id(EDITED), edit).await;
        all.edit(&self.devices[DELETER], &id(DELETED), json!({"deleted": true})).await;
        let created = json!({"text": "created", "metadata.position": "a0"});
        all.edit(&self.devices[CREATOR], &id(CREATED), created).await;
        self.sync(all, &[EDITOR, DELETER, CREATOR]).await;
        all.edit(&self.devices[AWAY], &id(TYPED_AWAY), json!({"text": "typed while away"})).await;
    }

    /// All devices come back, twice, so that each gets what the later ones gave back.
    async fn come_back(&self, server: &Server, all: &mut Devices) {
        self.connect(server, all).await;
        for _ in 0..2 {
            self.sync(all, &self.order).await;
        }
    }

    /// Asserts that nothing is lost and nothing deleted is back. Returns the events of each device.
    async fn check(&self, server: &Server, all: &mut Devices) -> Vec<Value> {
        let names: Vec<_> = self.devices.iter().map(String::as_str).collect();
        let todos = all.expect_equal(&names, server, &self.token).await;
        let values = |n: usize, fields: &[&str]| -> Value {
            fields.iter().map(|field| todos[id(n)].get(*field).cloned().unwrap_or_default()).collect()
        };
        assert_eq!(todos.as_object().map(serde_json::Map::len), Some(4), "{todos}");
        assert_eq!(values(KEPT, &["text"]), json!(["kept"]));
        assert_eq!(
            values(EDITED, &["text", "description", "completed", "metadata.due", "metadata.list"]),
            json!(["after", null, true, "2026-12-24", null])
        );
        assert_eq!(values(CREATED, &["text", "metadata.position"]), json!(["created", "a0"]));
        assert_eq!(values(TYPED_AWAY, &["text"]), json!(["typed while away"]));
        let mut events = Vec::new();
        for device in &self.devices {
            let state = all.state(device).await;
            assert_eq!(
                (&state["conflicts"], &state["rejected"]),
                (&json!({}), &json!({})),
                "{device}: {state}"
            );
            events.push(state["events"].clone());
        }
        events
    }
}

/// Every order of four devices.
fn orders() -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for device in [EDITOR, DELETER, CREATOR, AWAY] {
        let insert = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, device);
                longer
            })
        };
        orders = orders.into_iter().flat_map(insert).collect();
    }
    orders
}

/// A user for each order, whose devices live on after the backup.
async fn backed_up(server: &mut Server, all: &mut Devices) -> (Backup, Vec<User>) {
    let mut users = Vec::new();
    for order in orders() {
        users.push(User::new(server, all, order).await);
    }
    let backup = server.back_up().await;
    for user in &users {
        user.connect(server, all).await;
        user.live_on(all).await;
    }
    (backup, users)
}

on_both_databases! {
    async fn devices_give_back_what_an_announced_restore_lost_in_every_order_of_coming_back(server: Server) {
        let (mut server, mut all) = (server, Devices::start().await);
        let (mut backup, users) = backed_up(&mut server, &mut all).await;
        backup.begin_epoch();
        let restored = backup.serve(&[]).await;
        for user in &users {
            user.come_back(&restored, &mut all).await;
            let events = user.check(&restored, &mut all).await;
            let expected = [json!(["restored"]), json!(["restored"]), json!(["restored"]), json!([])];
            assert_eq!(events, expected, "only devices ahead of the backup notice it");
        }
    }

    async fn devices_notice_an_older_copy_and_give_back_what_it_lacks(server: Server) {
        let (mut server, mut all) = (server, Devices::start().await);
        let (mut backup, users) = backed_up(&mut server, &mut all).await;
        let copy = backup.serve(&[]).await;
        let (mut ahead, mut by_comparing) = (0, 0);
        for user in &users {
            user.come_back(&copy, &mut all).await;
            // The editor never saw the deletion: if it compares, its user has to decide about it.
            let editor = &user.devices[EDITOR];
            let conflicts = &all.state(editor).await["conflicts"];
            if *conflicts == json!({id(DELETED): {"deleted": false}}) {
                all.decide(editor, &id(DELETED), json!({})).await;
            }
            let events = user.check(&copy, &mut all).await;
            assert_eq!(events[AWAY], json!([]), "the device that was away just goes on");
            for events in &events[..AWAY] {
                assert_ne!(*events, json!([]), "a device that held more noticed it");
                ahead += usize::from(events[0] == "restored");
                by_comparing += usize::from(events[0] == "reads again");
            }
        }
        assert!(ahead > 0, "the first device whose cursor is ahead of the clock");
        assert!(by_comparing > 0, "devices that came after others had written");
    }

    async fn an_announced_epoch_that_lost_nothing_costs_no_reading_from_the_beginning(server: Server) {
        let (mut server, mut all) = (server, Devices::start().await);
        let user = User::new(&server, &mut all, vec![EDITOR, DELETER, CREATOR, AWAY]).await;
        user.live_on(&mut all).await;
        let mut copy = server.back_up().await;
        copy.begin_epoch();
        let copy = copy.serve(&[]).await;
        user.come_back(&copy, &mut all).await;
        assert_eq!(user.check(&copy, &mut all).await, [json!([]), json!([]), json!([]), json!([])]);
    }

    async fn a_key_that_was_removed_after_the_backup_does_not_come_back(server: Server) {
        let (mut server, mut all) = (server, Devices::start().await);
        let token = server.client().new_user().await.token().to_owned();
        all.connect("phone", &server, &token).await;
        all.edit("phone", &id(KEPT), json!({"text": "milk", "metadata.list": "home", "metadata.due": "2026-12-24"})).await;
        all.sync("phone").await;
        let mut backup = server.back_up().await;
        all.connect("phone", &server, &token).await;
        all.edit("phone", &id(KEPT), json!({"metadata.list": null})).await;
        all.sync("phone").await;
        // This device never held the key, and is the first to come back.
        all.connect("laptop", &server, &token).await;
        all.sync("laptop").await;
        backup.begin_epoch();
        let restored = backup.serve(&[]).await;
        for device in ["laptop", "phone"] {
            all.connect(device, &restored, &token).await;
            all.sync(device).await;
            let todos = all.expect_equal(&[device], &restored, &token).await;
            assert_eq!((&todos[id(KEPT)]["metadata.list"], &todos[id(KEPT)]["metadata.due"]), (&Value::Null, &json!("2026-12-24")));
            assert_eq!(all.state(device).await["conflicts"], json!({}), "{device}");
        }
    }

    async fn a_removed_key_stays_away_when_a_conflict_of_a_restore_is_decided(server: Server) {
        let (mut server, mut all) = (server, Devices::start().await);
        let token = server.client().new_user().await.token().to_owned();
        all.connect("phone", &server, &token).await;
        all.edit("phone", &id(KEPT), json!({"text": "milk", "metadata.list": "home"})).await;
        all.sync("phone").await;
        let mut backup = server.back_up().await;
        all.connect("phone", &server, &token).await;
        all.edit("phone", &id(KEPT), json!({"text": "of the phone", "metadata.list": null})).await;
        all.sync("phone").await;
        backup.begin_epoch();
        let restored = backup.serve(&[]).await;
        all.connect("tablet", &restored, &token).await;
        all.sync("tablet").await;
        all.edit("tablet", &id(KEPT), json!({"text": "of the tablet"})).await;
        all.sync("tablet").await;
        all.connect("phone", &restored, &token).await;
        all.sync("phone").await;
        let mine = all.state("phone").await["conflicts"][id(KEPT)].clone();
        assert_eq!(mine, json!({"text": "of the phone", "metadata.list": null}));
        all.decide("phone", &id(KEPT), mine).await;
        all.sync("phone").await;
        all.sync("tablet").await;
        let todos = all.expect_equal(&["phone", "tablet"], &restored, &token).await;
        assert_eq!(todos[id(KEPT)]["text"], "of the phone");
        assert_eq!(todos[id(KEPT)]["metadata.list"], Value::Null);
    }

    async fn what_was_accepted_with_a_page_is_sent_again_if_a_restore_comes_before_the_last_one(server: Server) {
        let (mut server, mut all) = (server, Devices::start().await);
        let token = server.client().new_user().await.token().to_owned();
        all.connect("laptop", &server, &token).await;
        for n in 1..=5 {
            all.edit("laptop", &id(n), json!({"text": format!("todo {n}")})).await;
        }
        all.sync("laptop").await;
        all.connect_with_pages("phone", &server, &token, 2).await;
        all.sync("phone").await;
        for n in 1..=5 {
            all.edit("laptop", &id(n), json!({"completed": true})).await;
        }
        all.sync("laptop").await;
        let mut backup = server.back_up().await;
        all.connect("phone", &server, &token).await;
        all.edit("phone", &id(9), json!({"text": "accepted with the first page"})).await;
        all.sync_and_lose_the_page("phone", 2).await;
        let held = server.client().with_token(&token).get(&format!("/api/v1/todos/{}", id(9))).await;
        held.expect(200);
        backup.begin_epoch();
        let restored = backup.serve(&[]).await;
        for device in ["phone", "laptop", "phone"] {
            all.connect(device, &restored, &token).await;
            all.sync(device).await;
        }
        let todos = all.expect_equal(&["phone", "laptop"], &restored, &token).await;
        assert_eq!(todos[id(9)]["text"], "accepted with the first page");
        assert_eq!(all.state("phone").await["conflicts"], json!({}));
    }
}
