//! `/auth` and `/todos`.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::on_both_databases;
use reqwest::Method;
use serde_json::{Value, json};

use super::{account, token_user};
use crate::support::{UNKNOWN, members, text};

on_both_databases! {
    async fn a_transcript_of_the_token_contract(server: Server) {
        let client = server.client();
        let registered = client.post("/auth/register", account("ann@example.com")).await.expect(201).json();
        let refused = client.post("/auth/register", json!({"email": "ann", "password": "Zebra7"})).await;
        refused.expect_problem(422, "VALIDATION_001");
        assert_eq!(members(&refused.json()["details"]["errors"], "field"), json!(["email", "password"]));

        let login = client.post("/auth/login", account("ann@example.com")).await.expect(200);
        let cookie = login.header("set-cookie").to_owned();
        assert!(cookie.starts_with("refresh_token="), "{login}");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/auth/refresh", "Max-Age=604800"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let tokens = login.json();
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(3600)));
        let ann = client.with_token(text(&tokens["access_token"]));

        let body = json!({"title": "Buy milk", "description": "The blue carton"});
        let created = ann.post("/todos", body).await.expect(201);
        let path = created.header("location").to_owned();
        let milk = created.json();
        assert_eq!(milk["user_id"], registered["id"]);
        assert_eq!(ann.get(&path).await.expect(200).json(), milk);

        ann.post("/todos", json!({"title": "Apples"})).await.expect(201);
        let done = ann.put(&path, json!({"is_completed": true})).await.expect(200).json();
        assert!(done["completed_at"].is_string(), "{done}");
        for (query, titles, has_more) in [
            ("", json!(["Apples", "Buy milk"]), false),
            ("?is_completed=true", json!(["Buy milk"]), false),
            ("?sort_by=title&sort_order=desc&limit=1", json!(["Buy milk"]), true),
            ("?sort_by=completed_at&sort_order=asc", json!(["Buy milk", "Apples"]), false),
            ("?skip=1", json!(["Buy milk"]), false),
        ] {
            let page = ann.get(&format!("/todos{query}")).await.expect(200).json();
            assert_eq!(members(&page["items"], "title"), titles, "{query}");
            assert_eq!(page["has_more"], has_more, "{query}");
        }

        let (bob, _) = token_user(&client, "bob@example.com").await;
        bob.get(&path).await.expect_problem(403, "AUTHZ_001");
        bob.get(&format!("/todos/{UNKNOWN}")).await.expect_problem(404, "RESOURCE_001");

        ann.delete(&path).await.expect(204);
        ann.get(&path).await.expect_problem(404, "RESOURCE_001");
        bob.get(&path).await.expect_problem(404, "RESOURCE_001");

        let cookie = cookie.split(';').next().expect("the pair").to_owned();
        let refresh = client.request(Method::POST, "/auth/refresh").header("cookie", cookie);
        let renewed = client.send(refresh.header("origin", "http://localhost:3000")).await.expect(200).json();
        assert_eq!((&renewed["token_type"], &renewed["expires_in"]), (&json!("bearer"), &json!(3600)));
        assert_eq!(renewed["refresh_token"], Value::Null, "it is not rotated");

        // A logout ends the refresh token and every access token of the session.
        let refresh = json!({"refresh_token": tokens["refresh_token"]});
        let bye = ann.post("/auth/logout", refresh.clone()).await.expect(200).json();
        assert_eq!(bye, json!({"message": "Logout successful"}));
        let renewed = client.with_token(text(&renewed["access_token"]));
        for ended in [&ann, &renewed] {
            ended.get("/todos").await.expect_problem(401, "AUTH_004");
        }
        client.post("/auth/refresh", refresh).await.expect_problem(401, "AUTH_004");

        let change = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
        let changed = bob.post("/auth/change-password", change).await.expect(200).json();
        assert_eq!(changed, json!({"message": "Password changed successfully"}));
        client.post("/auth/login", account("bob@example.com")).await.expect_problem(401, "AUTH_001");
    }
}
