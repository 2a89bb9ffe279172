//! The tokens of the token contract, and their revocation.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::harness::{Limits, ORIGIN, PASSWORD, TestApi};

#[actix_web::test]
async fn a_refresh_token_can_be_used_repeatedly_until_it_expires() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    for _ in 0..2 {
        let renewed = api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.expect(200);
        let mut members: Vec<_> = renewed.as_object().expect("an object").keys().collect();
        members.sort_unstable();
        assert_eq!(members, ["access_token", "expires_in", "token_type"]);
        let token = renewed["access_token"].as_str().expect("text");
        api.get(token, "/todos").await.expect(200);
    }
    api.advance(Duration::from_hours(1) + Duration::from_mins(1));
    api.get(&ann.token, "/todos").await.refused(401, "AUTH_002");
    api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.expect(200);
    api.advance(Duration::from_hours(7 * 24));
    api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "AUTH_003");
}

#[actix_web::test]
async fn the_refresh_cookie_counts_only_from_an_allowed_origin() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let cookie = format!("refresh_token={}", ann.refresh);
    let request = || TestRequest::post().uri("/auth/refresh").insert_header(("cookie", cookie.clone()));
    api.send(request().insert_header(("origin", ORIGIN))).await.expect(200);
    api.send(request()).await.refused(403, "AUTHZ_002");
    api.post("", "/auth/refresh", json!({})).await.refused(401, "AUTH_005");
}

#[actix_web::test]
async fn an_access_token_is_not_accepted_as_a_refresh_token() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    api.post("", "/auth/refresh", json!({"refresh_token": ann.token})).await.refused(401, "AUTH_005");
    let forged = format!("{}A", &ann.refresh[..ann.refresh.len() - 4]);
    api.post("", "/auth/refresh", json!({"refresh_token": forged})).await.refused(401, "AUTH_006");
    let body = json!({"refresh_token": ann.token});
    api.post(&ann.token, "/auth/logout", body).await.refused(401, "AUTH_005");
    api.get(&ann.token, "/todos").await.expect(200);
}

#[actix_web::test]
async fn a_jwt_refresh_token_is_not_accepted_where_tokens_rotate() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let jwt = json!({"refresh_token": ann.refresh});
    api.post("", "/api/v1/auth/refresh", jwt.clone()).await.refused(401, "AUTH_005");
    api.post("", "/auth/refresh", jwt).await.expect(200);
}

#[actix_web::test]
async fn a_refresh_updates_the_device_of_its_session() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    api.advance(Duration::from_mins(5));
    let refresh = TestRequest::post().uri("/auth/refresh").insert_header(("user-agent", "Browser/2.0"));
    api.send(refresh.set_json(json!({"refresh_token": ann.refresh}))).await.expect(200);
    let device = &api.get(&ann.token, "/api/v1/users/me/devices").await.expect(200)[0];
    assert_eq!(device["user_agent"], "Browser/2.0");
    assert_ne!(device["last_used_at"], device["created_at"]);
}

#[actix_web::test]
async fn the_tokens_of_a_deleted_account_are_revoked_on_every_surface() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let me = "/api/v1/users/me";
    api.call(&ann.token, Method::DELETE, me, json!({"password": PASSWORD})).await.expect(204);
    for path in ["/todos", "/api/tasks", &format!("/api/{}/tasks", ann.id)] {
        api.get(&ann.token, path).await.refused(401, "AUTH_004");
    }
    api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "AUTH_004");
}

#[actix_web::test]
async fn a_session_that_refreshes_too_often_waits() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    api.limiter.set(Limits::RefuseAll);
    let answer = api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await;
    answer.refused(429, "RATE_001");
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""default";q=60;w=60"#));
}

#[actix_web::test]
async fn logging_out_revokes_both_tokens_and_no_others() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let (elsewhere, other_refresh) = api.log_in("ann").await;
    let answer = api.post(&ann.token, "/auth/logout", json!({"refresh_token": ann.refresh})).await;
    assert!(answer.header("set-cookie").expect("a cookie").starts_with("refresh_token=;"));
    assert_eq!(answer.expect(200), json!({"message": "Logout successful"}));
    api.get(&ann.token, "/todos").await.refused(401, "AUTH_004");
    api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "AUTH_004");
    api.get(&elsewhere, "/todos").await.expect(200);

    // The refresh token of another session ends that session as well as the caller's own.
    let (third, third_refresh) = api.log_in("ann").await;
    api.post(&third, "/auth/logout", json!({"refresh_token": other_refresh})).await.expect(200);
    for token in [&third, &elsewhere] {
        api.get(token, "/todos").await.refused(401, "AUTH_004");
    }
    for refresh in [third_refresh, other_refresh] {
        api.post("", "/auth/refresh", json!({"refresh_token": refresh})).await.refused(401, "AUTH_004");
    }
}

#[actix_web::test]
async fn logging_out_with_the_refresh_token_of_another_user_ends_only_the_callers_session() {
    let api = TestApi::new();
    let (ann, bob) = (api.user("ann").await, api.user("bob").await);
    api.post(&ann.token, "/auth/logout", json!({"refresh_token": bob.refresh})).await.expect(200);
    api.get(&ann.token, "/todos").await.refused(401, "AUTH_004");
    api.get(&bob.token, "/todos").await.expect(200);
    api.post("", "/auth/refresh", json!({"refresh_token": bob.refresh})).await.expect(200);
}

#[actix_web::test]
async fn changing_the_password_ends_every_session() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let (elsewhere, _) = api.log_in("ann").await;
    let change = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
    let done = api.post(&ann.token, "/auth/change-password", change).await.expect(200);
    assert_eq!(done, json!({"message": "Password changed successfully"}));
    for token in [&ann.token, &elsewhere] {
        api.get(token, "/todos").await.refused(401, "AUTH_004");
    }
    api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "AUTH_004");
    let credentials = |password: &str| json!({"email": "ann@example.com", "password": password});
    api.post("", "/auth/login", credentials(PASSWORD)).await.refused(401, "AUTH_001");
    api.post("", "/auth/login", credentials("Giraffe-Spot-8")).await.expect(200);
}

#[actix_web::test]
async fn a_disabled_account_is_locked_out_everywhere() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    api.store.set_active(ann.id, false);
    let credentials = json!({"email": "ann@example.com", "password": PASSWORD});
    api.post("", "/auth/login", credentials.clone()).await.refused(401, "AUTH_007");
    api.post("", "/api/auth/signin", credentials).await.refused(401, "AUTH_007");
    api.post("", "/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "AUTH_007");
}
