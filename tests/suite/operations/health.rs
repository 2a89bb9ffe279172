//! `/`, `/health`, `/health/live`, `/health/ready`.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

on_both_databases! {
    async fn the_root_names_the_server_and_its_entry_points(server: Server) {
        let client = server.client();
        let root = client.get("/").await;
        expect![[r#"
            200
            {"docs": "/docs", "health": "/health", "name": "todo-server", "openapi": "/openapi.json",
             "version": "VERSION"}
        "#]]
        .assert_eq(&root.to_string().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
        let links = links(&root.json());
        for wanted in ["/docs", "/openapi.json", "/health"] {
            assert!(links.iter().any(|link| link.trim_end_matches('/') == wanted), "{wanted}: {links:?}");
        }
        for link in links {
            client.get(&link).await.expect(200);
        }
    }

    async fn health_reports_the_state_of_the_database(server: Server) {
        let client = server.client();
        expect![[r#"
            200
            cache-control: no-store
            {"checks": {"db_connection": true, "redis": null, "revocations": true}, "database": "connected",
             "status": "healthy", "timestamp": "[time]"}
        "#]]
        .assert_eq(&client.get("/health").await.to_string());
        expect![[r#"
            200
            cache-control: no-store
            {"status": "alive"}
        "#]]
        .assert_eq(&client.get("/health/live").await.to_string());
        expect![[r#"
            200
            cache-control: no-store
            {"checks": {"db_connection": true, "redis": null, "revocations": true}, "database": "connected",
             "status": "healthy", "timestamp": "[time]"}
        "#]]
        .assert_eq(&client.get("/health/ready").await.to_string());
    }

    async fn the_server_names_its_limits_and_the_epoch_that_syncs_return(server: Server) {
        let described = server.client().get("/api/v1/server").await.expect(200).json();
        expect![[r#"
            {"batch_todos":1000,"body_bytes":2097152,"bulk_todos":10000,"description_chars":10000,"metadata":{"bytes":8192,"key_chars":64,"keys":50,"value_chars":2000},"page_size":100,"text_chars":500}"#]]
        .assert_eq(&described["limits"].to_string());
        let (ann, _) = server.client().register("ann@example.com").await;
        let synced = ann.post("/api/v1/todos/sync", json!({"todos": []})).await.expect(200).json();
        assert_eq!(described["epoch"], synced["epoch"]);
    }

    async fn an_instance_whose_database_refuses_writes_is_not_ready_until_it_accepts_one(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        let (fill, make_room) = match server.database() {
            Database::Postgres => (
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'the disk is full' USING errcode = 'disk_full'; END $$;
                 CREATE TRIGGER full_disk BEFORE INSERT ON todos FOR EACH ROW EXECUTE FUNCTION full_disk()",
                "DROP TRIGGER full_disk ON todos",
            ),
            Database::Sqlite => (
                "CREATE TRIGGER full_disk BEFORE UPDATE ON todo_numbers
                 BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
                "DROP TRIGGER full_disk",
            ),
        };
        server.execute(fill);
        ann.post("/api/v1/todos", json!({"text": "milk"})).await.expect(503);
        let health = ann.get("/health/ready").await.expect(503).json();
        assert_eq!(health["checks"]["db_connection"], false);
        ann.get("/health/live").await.expect(200);
        server.execute(make_room);
        crate::support::add(&ann, "milk").await;
        ann.get("/health/ready").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_can_start_at_once_on_an_empty_database() {
    // The database is empty, so that each server tries to create the whole schema.
    let database = postgres_testbed::Testbed::shared().create_database("twins");
    let (app, owner) = (database.app_url(), database.owner_url());
    let start = || Server::start_on(&app, &owner, &[]);
    let (one, two, three) = tokio::join!(start(), start(), start());
    let (ann, _) = one.client().register("ann@example.com").await;
    crate::support::add(&ann, "milk").await;
    for other in [&two, &three] {
        let there = other.client().with_token(ann.token()).get("/api/v1/todos").await.expect(200);
        assert_eq!(there.header("x-total-count"), "1");
    }
}

/// Every text in the answer that is a path.
fn links(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.starts_with('/') => vec![text.clone()],
        Value::Object(members) => members.values().flat_map(links).collect(),
        _ => Vec::new(),
    }
}
