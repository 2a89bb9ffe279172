//! Instances whose clocks differ. What ends a session, and what a device has read, goes by the order of the database.

use std::path::PathBuf;

use blackbox_tests::{Client, Server, Socket, on_postgres};
use serde_json::{Value, json};

use crate::support::{add, items, log_in, refresh, revoked, sync, text, texts, until};

/// A library for `LD_PRELOAD` that sets the clock of one process. Its time-outs keep the pace of the machine.
fn libfaketime() -> PathBuf {
    let architectures =
        std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut libraries = architectures.map(|folder| folder.join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.is_file()).expect(
        "libfaketime is needed: `apt-get install libfaketime`, or `cargo xtask test`, which installs it",
    )
}

/// Another instance, whose clock shows another time than the database's.
async fn at(offset: &str, server: &Server) -> Server {
    let library = libfaketime();
    let settings = [
        ("LD_PRELOAD", library.to_str().expect("UTF-8")),
        ("FAKETIME", offset),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), &settings)
        .await
}

fn warnings(server: &Server) -> usize {
    server.logs().matches("this machine's clock differs from the database's").count()
}

/// Ends the session of another of the user's devices.
async fn end_session(client: &Client, device: &str) {
    let devices = client.get("/api/v1/users/me/devices").await.expect(200).json();
    let named = |found: &&Value| found["client_id"] == device;
    let found = items(&devices).iter().find(named).unwrap_or_else(|| panic!("{devices}"));
    client.delete(&format!("/api/v1/users/me/devices/{}", text(&found["id"]))).await.expect(204);
}

on_postgres! {
    async fn clocks_ten_minutes_apart_change_nothing(server: Server) {
        let ahead = at("+5m", &server).await;
        let behind = at("-5m", &server).await;
        for instance in [&ahead, &behind] {
            until("the difference to be logged", || (warnings(instance) > 0).then_some(())).await;
        }

        // A session that the fast instance opened goes on at the slow one. Its first access token is from the future.
        let (phone, opened) = ahead.client().register("ann@example.com").await;
        let phone_behind = behind.client().with_token(phone.token());
        phone_behind.get("/api/v1/todos").await.expect_problem(401, "AUTH_006");
        let renewed = refresh(&behind.client(), &opened).await.expect(200).json();
        let phone_behind = behind.client().with_token(text(&renewed["access_token"]));
        let phone_ahead = ahead.client().with_token(text(&renewed["access_token"]));
        // Requests that race on both are given one successor.
        let both = [&ahead, &behind].map(Server::client);
        let raced = futures_util::future::join_all(both.iter().map(|client| refresh(client, &renewed))).await;
        let raced = raced.into_iter().map(|answer| answer.expect(200).json()["refresh_token"].to_string());
        let raced: Vec<_> = raced.collect();
        assert_eq!(raced[0], raced[1]);

        // A device reads on, whichever instance wrote.
        add(&phone_ahead, "written ahead").await;
        let first = sync(&phone_behind, json!({})).await;
        assert_eq!(texts(&first["server_changes"]), ["written ahead"]);
        add(&phone_behind, "written behind").await;
        let cursor = json!({"last_sync": first["sync_timestamp"], "epoch": first["epoch"]});
        let second = sync(&phone_ahead, cursor).await;
        assert_eq!(texts(&second["server_changes"]), ["written behind"]);

        // A session ends on both, whichever instance opened it and whichever ended it.
        for (n, opener) in [&ahead, &behind].into_iter().enumerate() {
            for (m, (ender, other)) in [(&ahead, &behind), (&behind, &ahead)].into_iter().enumerate() {
                let (device, guard) = (format!("device {n} {m}"), format!("guard {n} {m}"));
                let (_, tokens) = log_in(&opener.client(), "ann@example.com", &device).await;
                // The slow instance's access tokens are valid on both.
                let tokens = refresh(&behind.client(), &tokens).await.expect(200).json();
                let on = |instance: &Server| instance.client().with_token(text(&tokens["access_token"]));
                on(ender).get("/api/v1/todos").await.expect(200);
                on(other).get("/api/v1/todos").await.expect(200);
                let (mut socket, _) = Socket::ready(&other.socket_url(), on(other).token(), "").await;
                let (guard, _) = log_in(&ender.client(), "ann@example.com", &guard).await;
                end_session(&guard, &device).await;
                on(ender).get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
                revoked(&on(other), "AUTH_004").await;
                assert_eq!(socket.closed().await, 4401);
                for instance in [ender, other] {
                    refresh(&instance.client(), &tokens).await.expect_problem(401, "AUTH_004");
                }
            }
        }
        phone_ahead.get("/api/v1/todos").await.expect(200);
        phone_behind.get("/api/v1/todos").await.expect(200);
        assert_eq!([&server, &ahead, &behind].map(warnings), [0, 1, 1]);
    }
}
