//! The caller's own account and devices.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::header::ORIGIN as ORIGIN_HEADER;
use actix_web::test::TestRequest;
use domain::mail::Template;
use serde_json::{Value, json};

use crate::server::{ORIGIN, PASSWORD, Server, User, address, delete, get, patch, post};

async fn without_password(server: &Server) -> User {
    let email = address();
    server.send(post("/auth/magic-link/request", json!({"email": email}))).await;
    let token = server.mailed(Template::MagicLink, &email).await.expect("a mail");
    server.send(get(&format!("/auth/magic-link/verify?token={token}"))).await.logged_in(200)
}

#[actix_web::test]
async fn a_new_address_needs_the_password_is_unverified_and_both_are_told() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    server.register("bob@example.com").await;
    let change = |email: &str, password: Value| {
        let body = json!({"email": email, "current_password": password, "display_name": "Ann"});
        ann.ask(patch("/users/me", body))
    };
    for (password, code) in [(json!("Wrong-Stripe-7"), "VALIDATION_007"), (json!(null), "VALIDATION_004")] {
        let wrong = server.send(change("new@example.com", password)).await;
        assert_eq!(wrong.refusal(), (422, code));
        assert_eq!(wrong.body["details"]["field"], "current_password");
    }
    let taken = server.send(change("BOB@example.com", json!(PASSWORD))).await;
    assert_eq!(taken.refusal(), (409, "VALIDATION_003"));
    assert_eq!(server.send(change("nobody", json!(PASSWORD))).await.refusal(), (422, "VALIDATION_001"));
    let me = server.send(ann.ask(get("/users/me"))).await;
    assert_eq!((&me.body["email"], &me.body["display_name"]), (&json!("ann@example.com"), &json!(null)));

    let changed = server.send(change("new@example.com", json!(PASSWORD))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["email"], "new@example.com");
    assert_eq!(
        (&changed.body["email_verified"], &changed.body["display_name"]),
        (&json!(false), &json!("Ann"))
    );
    let mails = server.send(ann.ask(get("/users/me/export"))).await.body["mails"].clone();
    let told = |template: &str, to: &str| {
        let mails = mails.as_array().expect("a list");
        mails.iter().any(|mail| mail["template"] == template && mail["to"] == to)
    };
    assert!(told("email_changed", "ann@example.com") && told("verify_email", "new@example.com"), "{mails}");
}

#[actix_web::test]
async fn the_same_address_again_asks_for_nothing_and_stays_verified() {
    let server = Server::start();
    let ann = without_password(&server).await;
    server.advance(Duration::from_mins(11)).await;
    let same = server.send(ann.ask(patch("/users/me", json!({"email": ann.email.to_uppercase()})))).await;
    assert_eq!((same.status, &same.body["email_verified"]), (200, &json!(true)));
    let null = server.send(ann.ask(patch("/users/me", json!({"email": null})))).await;
    assert_eq!(null.refusal(), (422, "VALIDATION_006"));
}

#[actix_web::test]
async fn without_a_password_a_recent_login_proves_enough_and_an_old_one_does_not() {
    let server = Server::start();
    let (ann, bob) = (without_password(&server).await, without_password(&server).await);
    let change = |user: &User| user.ask(patch("/users/me", json!({"email": address()})));
    assert_eq!(server.send(change(&ann)).await.status, 200);
    assert_eq!(server.send(ann.ask(delete("/users/me"))).await.status, 204);
    server.advance(Duration::from_mins(11)).await;
    assert_eq!(server.send(change(&bob)).await.refusal(), (403, "AUTHZ_002"));
    assert_eq!(server.send(bob.ask(delete("/users/me"))).await.refusal(), (403, "AUTHZ_002"));
}

#[actix_web::test]
async fn a_deleted_account_is_gone_with_its_tokens() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let remove = |password: &str| {
        let request = TestRequest::delete().uri("/api/v1/users/me").set_json(json!({"password": password}));
        ann.ask(request).insert_header((ORIGIN_HEADER, ORIGIN))
    };
    let wrong = server.send(remove("Wrong-Stripe-7")).await;
    assert_eq!(
        (wrong.refusal(), &wrong.body["details"]["field"]),
        ((422, "VALIDATION_007"), &json!("password"))
    );
    assert_eq!(server.send(ann.ask(delete("/users/me"))).await.refusal(), (422, "VALIDATION_004"));
    let gone = server.send(remove(PASSWORD)).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(gone.cookie("refresh_token").map(Cookie::value), Some(""));
    assert_eq!(server.send(ann.ask(get("/users/me"))).await.refusal(), (401, "AUTH_004"));
    let log_in = json!({"email": "ann@example.com", "password": PASSWORD});
    assert_eq!(server.send(post("/auth/login", log_in)).await.refusal(), (401, "AUTH_001"));
    assert_ne!(server.register("ann@example.com").await.id, ann.id);
}

#[actix_web::test]
async fn devices_are_listed_and_ended() {
    let server = Server::start();
    let phone = server.register("ann@example.com").await;
    server.advance(Duration::from_secs(1)).await;
    let body = json!({"email": phone.email, "password": PASSWORD, "client_id": "laptop"});
    let request = post("/auth/login", body).insert_header(("user-agent", "Browser/1"));
    let peer = "192.0.2.7:5000".parse().expect("an address");
    let laptop = server.send(request.peer_addr(peer)).await.logged_in(200);

    let devices = server.send(laptop.ask(get("/users/me/devices"))).await.body;
    assert_eq!(devices.as_array().map(Vec::len), Some(2), "{devices}");
    let newest = &devices[0];
    assert_eq!((&newest["client_id"], &newest["current"]), (&json!("laptop"), &json!(true)));
    assert_eq!((&newest["user_agent"], &newest["ip"]), (&json!("Browser/1"), &json!("192.0.2.7")));
    assert_eq!((&devices[1]["client_id"], &devices[1]["current"]), (&json!("phone"), &json!(false)));

    let end = |id: &str| laptop.ask(delete(&format!("/users/me/devices/{id}")));
    let id = devices[1]["id"].as_str().expect("an id");
    assert_eq!(server.send(end(id)).await.status, 204);
    assert_eq!(server.send(phone.ask(get("/users/me"))).await.refusal(), (401, "AUTH_004"));
    for id in [id, "00000000-0000-7000-8000-000000000000", "none"] {
        assert_eq!(server.send(end(id)).await.refusal(), (404, "RESOURCE_002"), "{id}");
    }
    let bob = server.register("bob@example.com").await;
    let own = newest["id"].as_str().expect("an id");
    let foreign = server.send(bob.ask(delete(&format!("/users/me/devices/{own}")))).await;
    assert_eq!(foreign.refusal(), (404, "RESOURCE_002"));
    assert_eq!(server.send(laptop.ask(get("/users/me"))).await.status, 200);
}

#[actix_web::test]
async fn the_account_needs_its_scope() {
    let server = Server::start();
    let narrow = server.register("ann@example.com").await.narrow();
    for request in [
        get("/users/me"),
        patch("/users/me", json!({})),
        delete("/users/me"),
        get("/users/me/export"),
        get("/users/me/devices"),
        delete("/users/me/devices/00000000-0000-7000-8000-000000000000"),
        post("/auth/resend-verification", json!({})),
        post("/auth/oauth/acme/link", json!({})),
        delete("/auth/oauth/acme"),
    ] {
        assert_eq!(server.send(narrow.ask(request)).await.refusal(), (403, "AUTHZ_002"));
    }
}

#[actix_web::test]
async fn a_losing_refresh_never_clears_the_cookie() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let refresh = |origin: &'static str, token: &str| {
        let cookie = Cookie::new("refresh_token", token.to_owned());
        let request = TestRequest::post().uri("/api/v1/auth/refresh").cookie(cookie);
        request.insert_header((ORIGIN_HEADER, origin))
    };
    let next = server.send(refresh(ORIGIN, &ann.refresh)).await;
    let second = next.logged_in(200).refresh;
    assert_eq!(next.cookie("refresh_token").map(Cookie::value), Some(second.as_str()));
    server.send(refresh(ORIGIN, &second)).await.logged_in(200);
    server.advance(Duration::from_mins(1)).await;
    let reused = server.send(refresh(ORIGIN, &ann.refresh)).await;
    assert_eq!((reused.refusal(), reused.cookies.len()), ((401, "AUTH_004"), 0));
    let unknown = server.send(refresh(ORIGIN, "made-up")).await;
    assert_eq!((unknown.refusal(), unknown.cookies.len()), ((401, "AUTH_005"), 0));
    let foreign = server.send(refresh("https://evil.example", &second)).await;
    assert_eq!((foreign.status, foreign.cookies.len()), (403, 0));
}
