//! New histories of the database: by command, and by the promotion of a standby.

use std::time::{Duration, Instant};

use blackbox_tests::server::command;
use blackbox_tests::{Server, on_both_databases};
use postgres_testbed::{Durability, PrivateCluster, Standby};
use serde_json::{Value, json};

use crate::support::{add, everything, id, sync, text, texts};
use crate::sync::devices::Devices;

const SYNC: &str = "/api/v1/todos/sync";
/// Upper bound for a wait that normally takes seconds.
const RECOVERY: Duration = Duration::from_mins(2);

/// The request of a device that goes on from an answer.
fn after(answer: &Value, todos: &Value) -> Value {
    json!({"last_sync": answer["sync_timestamp"], "epoch": answer["epoch"], "todos": todos})
}

on_both_databases! {
    async fn a_new_epoch_that_lost_nothing_begins_while_the_server_runs_and_devices_go_on(server: Server) {
        let ann = server.client().new_user().await;
        add(&ann, "milk").await;
        let before = sync(&ann, json!({})).await;
        let done = command(server.folder(), server.settings()).arg("new-epoch").output().expect("it runs");
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{printed}{}", String::from_utf8_lossy(&done.stderr));

        let on = sync(&ann, after(&before, &json!([{"id": id(1), "text": "bread"}]))).await;
        assert_ne!(on["epoch"], before["epoch"]);
        assert!(printed.contains(text(&on["epoch"])), "{printed}");
        assert_eq!((&on["applied"], &on["server_changes"]), (&json!([id(1)]), &json!([])));
        let next = sync(&ann, after(&on, &json!([]))).await;
        assert_eq!((&next["epoch"], &next["server_changes"]), (&on["epoch"], &json!([])));
    }
}

/// The URL of both databases, of which the server uses the one that accepts writes.
pub fn either(primary: &str, standby: &str) -> String {
    let (_, standby) = standby.split_once('@').expect("a role");
    let (host, _) = standby.split_once('/').expect("a name");
    let (start, name) = primary.rsplit_once('/').expect("a name");
    format!("{start},{host}/{name}?target_session_attrs=read-write")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_that_was_behind_begins_an_epoch_and_only_devices_ahead_of_it_notice() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("failover");
    let standby = Standby::of(&cluster);
    let copy = standby.database(&database);
    let (app, owner) =
        (either(&database.app_url(), &copy.app_url()), either(&database.owner_url(), &copy.owner_url()));
    let settings = [("DATABASE_EPOCH", "timeline"), ("DATABASE_TIMEOUT_MS", "1000")];
    let server = Server::start_on(&app, &owner, &settings).await;
    let ann = server.client().new_user().await;
    add(&ann, "kept").await;
    let mut devices = Devices::start().await;
    devices.connect("phone", &server, ann.token()).await;
    let laptop = sync(&ann, json!({})).await;
    assert!(text(&laptop["epoch"]).ends_with("-00000001"), "{}", laptop["epoch"]);
    standby.catch_up();
    standby.disconnect();
    add(&ann, "lost").await;
    let phone = sync(&ann, after(&laptop, &json!([]))).await;
    assert_eq!(texts(&phone["server_changes"]), ["lost"]);
    devices.sync("phone").await;

    cluster.stop_immediate();
    standby.promote();
    let promoted = Instant::now();
    let written = json!([{"id": id(1), "text": "written after the promotion"}]);
    let on = loop {
        let answer = ann.post(SYNC, after(&laptop, &written)).await;
        if answer.status == 200 {
            break answer.json();
        }
        assert!(answer.status == 503 && promoted.elapsed() < RECOVERY, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(text(&on["epoch"]).ends_with("-00000002"), "{}", on["epoch"]);
    assert_eq!((&on["applied"], &on["server_changes"]), (&json!([id(1)]), &json!([])));

    for todos in [json!([]), json!([{"id": id(2), "text": "never"}])] {
        let refused = ann.post(SYNC, after(&phone, &todos)).await;
        refused.expect_problem(410, "SYNC_001");
        let details = refused.json()["details"].take();
        assert_eq!((&details["reason"], &details["epoch"]), (&json!("restored"), &on["epoch"]));
        assert_eq!(details["restored_to"], laptop["sync_timestamp"], "where the histories part");
    }
    assert_eq!(texts(&everything(&ann).await), ["kept", "written after the promotion"]);

    devices.sync("phone").await;
    let healed = devices.expect_equal(&["phone"], &server, ann.token()).await;
    let mut healed: Vec<_> =
        healed.as_object().expect("todos").values().map(|todo| text(&todo["text"])).collect();
    healed.sort_unstable();
    assert_eq!(healed, ["kept", "lost", "written after the promotion"]);
    assert_eq!(devices.state("phone").await["events"], json!(["restored"]));
}
