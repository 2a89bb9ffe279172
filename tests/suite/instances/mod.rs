//! Several instances on one database.

mod caddy;
mod clocks;
mod commands;
mod events;
mod nginx;
mod promotion;
mod redis;

use std::time::{Duration, Instant};

use blackbox_tests::{Socket, on_postgres};
use serde_json::json;

use crate::support::{add, log_in, refresh, revoked, sync, texts, twin};

on_postgres! {
    async fn each_instance_reads_the_writes_of_the_other(server: Server) {
        let other = twin(&server).await;
        let ann = server.client().new_user().await;
        let ann_there = other.client().with_token(ann.token());
        add(&ann, "here").await;
        let first = sync(&ann_there, json!({})).await;
        assert_eq!(texts(&first["server_changes"]), ["here"]);
        add(&ann_there, "there").await;
        let later = sync(&ann, json!({"last_sync": first["sync_timestamp"], "epoch": first["epoch"]})).await;
        assert_eq!(texts(&later["server_changes"]), ["there"]);
    }

    async fn a_session_ended_on_one_instance_ends_on_the_other(server: Server) {
        let other = twin(&server).await;
        let (phone, _) = server.client().register("ann@example.com").await;
        let (laptop, laptop_tokens) = log_in(&other.client(), "ann@example.com", "laptop").await;
        let phone_there = other.client().with_token(phone.token());
        phone_there.get("/api/v1/todos").await.expect(200);
        let (mut socket, _) = Socket::ready(&other.socket_url(), phone.token(), "").await;
        phone.post("/api/v1/auth/logout", json!({})).await.expect(204);
        revoked(&phone_there, "AUTH_004").await;
        assert_eq!(socket.closed().await, 4401);
        laptop.get("/api/v1/todos").await.expect(200);

        // A new password ends the user's other sessions on both.
        let (tablet, _) = log_in(&server.client(), "ann@example.com", "tablet").await;
        let body =
            json!({"current_password": blackbox_tests::client::PASSWORD, "new_password": "Other-Horse-8"});
        tablet.post("/api/v1/auth/change-password", body).await.expect(204);
        revoked(&laptop, "AUTH_004").await;
        refresh(&other.client(), &laptop_tokens).await.expect_problem(401, "AUTH_004");
        tablet.get("/api/v1/todos").await.expect(200);
    }

    async fn a_session_ended_on_one_instance_ends_on_the_other_within_two_seconds(server: Server) {
        let other = twin(&server).await;
        server.client().register("ann@example.com").await;
        // A busy machine can delay a poll, so only one of several sessions has to end in time.
        let mut waits = Vec::new();
        while waits.iter().all(|wait| *wait >= Duration::from_secs(2)) {
            assert!(waits.len() < 5, "{waits:?}");
            let (phone, _) = log_in(&server.client(), "ann@example.com", "phone").await;
            let phone_there = other.client().with_token(phone.token());
            phone_there.get("/api/v1/todos").await.expect(200);
            let (mut socket_here, _) = Socket::ready(&server.socket_url(), phone.token(), "").await;
            let (mut socket_there, _) = Socket::ready(&other.socket_url(), phone.token(), "").await;
            let start = Instant::now();
            phone.post("/api/v1/auth/logout", json!({})).await.expect(204);
            revoked(&phone_there, "AUTH_004").await;
            assert_eq!((socket_here.closed().await, socket_there.closed().await), (4401, 4401));
            waits.push(start.elapsed());
        }
    }

    async fn concurrent_refreshes_on_both_instances_return_the_same_successor(server: Server) {
        let other = twin(&server).await;
        let (_, first) = server.client().register("ann@example.com").await;
        let clients = [server.client(), other.client()];
        let refreshes = (0..200).map(|n| refresh(&clients[n % 2], &first));
        let answers = futures_util::future::join_all(refreshes).await;
        let mut successors: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.expect(200).json()["refresh_token"].to_string())
            .collect();
        successors.sort();
        successors.dedup();
        assert_eq!(successors.len(), 1);
    }

    async fn racing_changes_on_both_instances_are_accepted_once_and_never_lost_silently(server: Server) {
        let other = twin(&server).await;
        let ann = server.client().new_user().await;
        let todo = add(&ann, "start").await;
        let clients = [ann.clone(), other.client().with_token(ann.token())];
        let changes =
            (0..20).map(|n| {
                let (client, path) = (&clients[n % 2], crate::support::at(&todo));
                async move {
                    client.patch(&path, json!({"text": format!("racer {n}"), "version": 1})).await.status
                }
            });
        let statuses = futures_util::future::join_all(changes).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    }
}
