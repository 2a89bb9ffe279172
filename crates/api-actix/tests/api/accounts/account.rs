//! The caller's own account and devices.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::header::ORIGIN as ORIGIN_HEADER;
use actix_web::test::TestRequest;
use domain::mail::Template;
use serde_json::{Value, json};

use crate::harness::{ORIGIN, PASSWORD, TestApi, User, address, delete, get, patch, post};

async fn without_password(api: &TestApi) -> User {
    let email = address();
    api.send(post("/auth/magic-link/request", json!({"email": email}))).await;
    let token = api.mailed(Template::MagicLink, &email).await.expect("a mail");
    api.send(get(&format!("/auth/magic-link/verify?token={token}"))).await.user(200)
}

#[actix_web::test]
async fn an_access_token_is_accepted_for_30_seconds_after_it_expires() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let lifetime = Duration::from_mins(15);
    api.advance(lifetime + Duration::from_secs(29));
    api.send(ann.ask(get("/todos"))).await.expect(200);
    api.advance(Duration::from_secs(1));
    api.send(ann.ask(get("/todos"))).await.refused(401, "AUTH_002");
}

#[actix_web::test]
async fn changing_the_email_needs_the_password_and_notifies_both_addresses() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    api.register("bob").await;
    let change = |email: &str, password: Value| {
        let body = json!({"email": email, "current_password": password, "display_name": "Ann"});
        ann.ask(patch("/users/me", body))
    };
    for (password, code) in [(json!("Wrong-Stripe-7"), "VALIDATION_007"), (json!(null), "VALIDATION_004")] {
        let wrong = api.send(change("new@example.com", password)).await;
        wrong.refused(422, code);
        assert_eq!(wrong.body["details"]["field"], "current_password");
    }
    api.send(change("BOB@example.com", json!(PASSWORD))).await.refused(409, "VALIDATION_003");
    api.send(change("not-an-address", json!(PASSWORD))).await.refused(422, "VALIDATION_001");
    let me = api.send(ann.ask(get("/users/me"))).await;
    assert_eq!((&me.body["email"], &me.body["display_name"]), (&json!("ann@example.com"), &json!(null)));

    let changed = api.send(change("new@example.com", json!(PASSWORD))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["email"], "new@example.com");
    assert_eq!(
        (&changed.body["email_verified"], &changed.body["display_name"]),
        (&json!(false), &json!("Ann"))
    );
    let mails = api.send(ann.ask(get("/users/me/export"))).await.body["mails"].clone();
    let sent = |template: &str, to: &str| {
        let mails = mails.as_array().expect("a list");
        mails.iter().any(|mail| mail["template"] == template && mail["to"] == to)
    };
    assert!(sent("verify_email", "new@example.com"), "{mails}");
    // The old address is not verified, and may be a stranger's.
    assert!(!sent("email_changed", "ann@example.com"), "{mails}");
}

#[actix_web::test]
async fn setting_the_same_email_needs_no_password_and_keeps_it_verified() {
    let api = TestApi::new();
    let ann = without_password(&api).await;
    api.advance(Duration::from_mins(11));
    let same = api.send(ann.ask(patch("/users/me", json!({"email": ann.email.to_uppercase()})))).await;
    assert_eq!((same.status, &same.body["email_verified"]), (200, &json!(true)));
    let absent = api.send(ann.ask(patch("/users/me", json!({"email": null})))).await;
    assert_eq!((absent.status, &absent.body["email"]), (200, &same.body["email"]), "null is as if absent");
}

#[actix_web::test]
async fn a_user_without_a_password_needs_a_recent_login() {
    let api = TestApi::new();
    let (ann, bob) = (without_password(&api).await, without_password(&api).await);
    let change = |user: &User| user.ask(patch("/users/me", json!({"email": address()})));
    api.send(change(&ann)).await.expect(200);
    api.send(ann.ask(delete("/users/me"))).await.expect(204);
    api.advance(Duration::from_mins(11));
    api.send(change(&bob)).await.refused(403, "AUTHZ_002");
    api.send(bob.ask(delete("/users/me"))).await.refused(403, "AUTHZ_002");
}

#[actix_web::test]
async fn deleting_an_account_revokes_its_tokens_and_frees_its_email() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let remove = |password: &str| {
        let request = TestRequest::delete().uri("/api/v1/users/me").set_json(json!({"password": password}));
        ann.ask(request).insert_header((ORIGIN_HEADER, ORIGIN))
    };
    let wrong = api.send(remove("Wrong-Stripe-7")).await;
    assert_eq!(
        (wrong.refusal(), &wrong.body["details"]["field"]),
        ((422, "VALIDATION_007"), &json!("password"))
    );
    api.send(ann.ask(delete("/users/me"))).await.refused(422, "VALIDATION_004");
    let deleted = api.send(remove(PASSWORD)).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert_eq!(deleted.cookie("refresh_token").map(Cookie::value), Some(""));
    api.send(ann.ask(get("/users/me"))).await.refused(401, "AUTH_004");
    let log_in = json!({"email": "ann@example.com", "password": PASSWORD});
    api.send(post("/auth/login", log_in)).await.refused(401, "AUTH_001");
    assert_ne!(api.register("ann").await.id, ann.id);
}

#[actix_web::test]
async fn devices_are_listed_and_logged_out() {
    let api = TestApi::new();
    let phone = api.register("ann").await;
    api.advance(Duration::from_secs(1));
    let body = json!({"email": phone.email, "password": PASSWORD, "client_id": "laptop"});
    let request = post("/auth/login", body).insert_header(("user-agent", "Browser/1"));
    let peer = "192.0.2.7:5000".parse().expect("an address");
    let laptop = api.send(request.peer_addr(peer)).await.user(200);

    let devices = api.send(laptop.ask(get("/users/me/devices"))).await.body;
    assert_eq!(devices.as_array().map(Vec::len), Some(2), "{devices}");
    let newest = &devices[0];
    assert_eq!((&newest["client_id"], &newest["current"]), (&json!("laptop"), &json!(true)));
    assert_eq!((&newest["user_agent"], &newest["ip"]), (&json!("Browser/1"), &json!("192.0.2.7")));
    assert_eq!((&devices[1]["client_id"], &devices[1]["current"]), (&json!("phone"), &json!(false)));

    let end = |id: &str| laptop.ask(delete(&format!("/users/me/devices/{id}")));
    let id = devices[1]["id"].as_str().expect("an id");
    api.send(end(id)).await.expect(204);
    api.send(phone.ask(get("/users/me"))).await.refused(401, "AUTH_004");
    for id in [id, "00000000-0000-7000-8000-000000000000", "none"] {
        api.send(end(id)).await.refused(404, "RESOURCE_002");
    }
    let bob = api.register("bob").await;
    let own = newest["id"].as_str().expect("an id");
    api.send(bob.ask(delete(&format!("/users/me/devices/{own}")))).await.refused(404, "RESOURCE_002");
    api.send(laptop.ask(get("/users/me"))).await.expect(200);
}

#[actix_web::test]
async fn a_refused_refresh_leaves_the_cookie_alone() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let refresh = |origin: &'static str, token: &str| {
        let cookie = Cookie::new("refresh_token", token.to_owned());
        let request = TestRequest::post().uri("/api/v1/auth/refresh").cookie(cookie);
        request.insert_header((ORIGIN_HEADER, origin))
    };
    let next = api.send(refresh(ORIGIN, &ann.refresh)).await;
    let second = next.user(200).refresh;
    assert_eq!(next.cookie("refresh_token").map(Cookie::value), Some(second.as_str()));
    api.send(refresh(ORIGIN, &second)).await.user(200);
    api.advance(Duration::from_mins(1));
    let reused = api.send(refresh(ORIGIN, &ann.refresh)).await;
    assert_eq!((reused.refusal(), reused.cookies.len()), ((401, "AUTH_004"), 0));
    let unknown = api.send(refresh(ORIGIN, "made-up")).await;
    assert_eq!((unknown.refusal(), unknown.cookies.len()), ((401, "AUTH_005"), 0));
    let foreign = api.send(refresh("https://evil.example", &second)).await;
    assert_eq!((foreign.status, foreign.cookies.len()), (403, 0));
}
