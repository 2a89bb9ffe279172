//! `/api/v1/users/me/devices`: listing and ending the sessions of a user.

use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Client, Server, Socket, on_both_databases, on_postgres};
use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{items, log_in, members, refresh, revoked, text, twin};

const DEVICES: &str = "/api/v1/users/me/devices";

async fn devices(client: &Client) -> Value {
    client.get(DEVICES).await.expect(200).json()
}

/// The path of the device with this `client_id`.
async fn device(client: &Client, name: &str) -> String {
    let list = devices(client).await;
    let found = items(&list).iter().find(|device| device["client_id"] == name);
    format!("{DEVICES}/{}", text(&found.unwrap_or_else(|| panic!("no {name}: {list:#}"))["id"]))
}

/// Logs a registered user in with this `User-Agent`.
async fn log_in_by(server: &Server, device: &str, user_agent: &str) -> (Client, Value) {
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "client_id": device});
    let client = server.client();
    let login = client.request(Method::POST, "/api/v1/auth/login").header("user-agent", user_agent);
    let tokens = client.send(login.json(&body)).await.expect(200).json();
    (client.with_token(text(&tokens["access_token"])), tokens)
}

on_both_databases! {
    async fn a_user_sees_every_device_and_which_one_is_current(server: Server) {
        server.client().register("bob@example.com").await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let (phone, tokens) = log_in_by(&server, "phone", "Phone/1.0").await;
        let (laptop, _) = log_in_by(&server, "laptop", "Laptop/2.0 (with room)").await;
        ann.post("/api/v1/auth/logout", json!({})).await.expect(204);
        let list = phone.get(DEVICES).await;
        expect![[r#"
            200
            cache-control: private, no-store
            [{"client_id": "laptop", "created_at": "[time]", "current": false, "id": "[id]", "ip": "127.0.0.1",
              "last_used_at": "[time]", "user_agent": "Laptop/2.0 (with room)"},
             {"client_id": "phone", "created_at": "[time]", "current": true, "id": "[id]", "ip": "127.0.0.1",
              "last_used_at": "[time]", "user_agent": "Phone/1.0"}]
        "#]].assert_eq(&list.to_string());
        // The most recently used device comes first; `current` marks the device that sent the
        // request.
        assert_eq!(members(&devices(&laptop).await, "current"), json!([true, false]));
        refresh(&server.client(), &tokens).await.expect(200);
        let list = devices(&laptop).await;
        assert_eq!(members(&list, "client_id"), json!(["phone", "laptop"]));
        assert_eq!(members(&list, "current"), json!([false, true]));
    }

    async fn a_user_agent_is_cut_to_four_hundred_bytes(server: Server) {
        server.client().register("ann@example.com").await;
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "client_id": "phone"});
        let client = server.client();
        let login = client.request(Method::POST, "/api/v1/auth/login");
        let login = login.header("user-agent", format!("a{}", "é".repeat(500)).as_bytes());
        let tokens = client.send(login.json(&body)).await.expect(200).json();
        let list = devices(&client.with_token(text(&tokens["access_token"]))).await;
        let kept = format!("a{}", "é".repeat(199));
        let agents = members(&list, "user_agent");
        assert!(items(&agents).contains(&json!(kept)), "{agents}");
    }

    async fn a_device_can_end_itself(server: Server) {
        let (phone, tokens) = server.client().register("ann@example.com").await;
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        phone.delete(&device(&phone, "test").await).await.expect(204);
        phone.get(DEVICES).await.expect_problem(401, "AUTH_004");
        refresh(&server.client(), &tokens).await.expect_problem(401, "AUTH_004");
        assert_eq!(members(&devices(&laptop).await, "client_id"), json!(["laptop"]));
    }
}

on_postgres! {
    async fn ending_a_device_logs_it_out_on_every_instance_and_no_other_device(server: Server) {
        let other = twin(&server).await;
        let (phone, phone_tokens) = server.client().register("ann@example.com").await;
        let (laptop, laptop_tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let laptop_there = other.client().with_token(laptop.token());
        let (mut own, _) = Socket::ready(&server.socket_url(), phone.token(), "").await;
        let (mut here, _) = Socket::ready(&server.socket_url(), laptop.token(), "").await;
        let (mut there, _) = Socket::ready(&other.socket_url(), laptop.token(), "").await;
        let path = device(&phone, "laptop").await;
        let ended = Instant::now();
        assert_eq!(phone.delete(&path).await.expect(204).text, "");
        laptop.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        revoked(&laptop_there, "AUTH_004").await;
        assert_eq!((here.closed().await, there.closed().await), (4401, 4401));
        assert!(ended.elapsed() < Duration::from_secs(2), "the sockets close in time too");
        assert_eq!(Socket::open(&server.socket_url(), laptop.token(), "").await.err(), Some(401));
        refresh(&server.client(), &laptop_tokens).await.expect_problem(401, "AUTH_004");

        phone.delete(&path).await.expect_problem(404, "RESOURCE_002");
        assert_eq!(members(&devices(&phone).await, "current"), json!([true]));
        assert_eq!(own.drain().await, Vec::<Value>::new());
        refresh(&server.client(), &phone_tokens).await.expect(200);
    }
}
