//! What goes by mail.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use domain::account::Purpose;
use domain::mail::Template;
use serde_json::json;

use crate::server::{PASSWORD, Server, address, get, post};

const NEW_PASSWORD: &str = "Giraffe-Spot-8";

#[actix_web::test]
async fn the_token_of_the_registration_mail_verifies_the_address_once() {
    let server = Server::start();
    let user = server.register("ann@example.com").await;
    let token = server.mailed(Template::VerifyEmail, &user.email).await.expect("a mail");
    let verify = || post("/auth/verify-email", json!({"token": token}));
    let verified = server.send(verify()).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    assert_eq!(verified.body["email_verified"], true);
    assert_eq!(server.send(verify()).await.refusal(), (400, "AUTH_008"));
    let nothing = server.send(post("/auth/verify-email", json!({}))).await;
    assert_eq!(nothing.refusal(), (422, "VALIDATION_004"));
}

#[actix_web::test]
async fn a_verification_sent_again_voids_the_one_before_and_is_not_sent_to_a_verified_address() {
    let server = Server::start();
    let user = server.register("ann@example.com").await;
    let first = server.mailed(Template::VerifyEmail, &user.email).await.expect("a mail");
    let resend = || user.ask(post("/auth/resend-verification", json!({})));
    assert_eq!(server.send(resend()).await.status, 202);
    let second = server.mailed(Template::VerifyEmail, &user.email).await.expect("another mail");
    let verify = |token: &str| post("/auth/verify-email", json!({"token": token}));
    assert_eq!(server.send(verify(&first)).await.refusal(), (400, "AUTH_008"));
    assert_eq!(server.send(verify(&second)).await.status, 200);
    assert_eq!(server.send(resend()).await.status, 202);
    assert_eq!(server.mailed(Template::VerifyEmail, &user.email).await, None);
    let anonymous = server.send(post("/auth/resend-verification", json!({}))).await;
    assert_eq!(anonymous.refusal(), (401, "AUTH_005"));
}

#[actix_web::test]
async fn a_forgotten_password_is_reset_once_and_every_session_ends() {
    let server = Server::start();
    let user = server.register("ann@example.com").await;
    let forgot = server.send(post("/auth/forgot-password", json!({"email": "ANN@example.com"}))).await;
    assert_eq!((forgot.status, &forgot.body), (202, &json!(null)));
    let token = server.mailed(Template::ResetPassword, &user.email).await.expect("a mail");
    let reset = |password: &str| post("/auth/reset-password", json!({"token": token, "password": password}));
    assert_eq!(server.send(reset("weak")).await.refusal(), (422, "VALIDATION_002"));
    assert_eq!(server.send(reset(NEW_PASSWORD)).await.status, 204);
    assert_eq!(server.send(reset(NEW_PASSWORD)).await.refusal(), (400, "AUTH_008"));
    assert_eq!(server.send(user.ask(get("/users/me"))).await.refusal(), (401, "AUTH_004"));
    let refresh = server.send(post("/auth/refresh", json!({"refresh_token": user.refresh}))).await;
    assert_eq!(refresh.refusal(), (401, "AUTH_004"));
    let log_in =
        |password: &str| post("/auth/login", json!({"email": "ann@example.com", "password": password}));
    assert_eq!(server.send(log_in(PASSWORD)).await.refusal(), (401, "AUTH_001"));
    server.send(log_in(NEW_PASSWORD)).await.logged_in(200);
}

#[actix_web::test]
async fn whether_an_address_is_known_can_not_be_told() {
    let server = Server::start();
    server.register("ann@example.com").await;
    for path in ["/auth/forgot-password", "/auth/magic-link/request"] {
        let known = server.send(post(path, json!({"email": "ann@example.com"}))).await;
        let unknown = server.send(post(path, json!({"email": "bob@example.com"}))).await;
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body), "{path}");
        let names = |reply: &crate::server::Reply| {
            let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&known), names(&unknown), "{path}");
        assert_eq!(server.send(post(path, json!({}))).await.refusal(), (422, "VALIDATION_001"), "{path}");
    }
    assert_eq!(server.mailed(Template::ResetPassword, "bob@example.com").await, None);
}

#[actix_web::test]
async fn a_token_is_good_for_its_purpose_and_its_time_only() {
    let server = Server::start();
    let user = server.register("ann@example.com").await;
    let verification = server.mailed(Template::VerifyEmail, &user.email).await.expect("a mail");
    let reset = |token: &str| post("/auth/reset-password", json!({"token": token, "password": NEW_PASSWORD}));
    assert_eq!(server.send(reset(&verification)).await.refusal(), (400, "AUTH_008"));
    server.send(post("/auth/forgot-password", json!({"email": user.email}))).await;
    let token = server.mailed(Template::ResetPassword, &user.email).await.expect("a mail");
    let magic = server.send(get(&format!("/auth/magic-link/verify?token={token}"))).await;
    assert_eq!(magic.refusal(), (400, "AUTH_008"));
    server.advance(Purpose::ResetPassword.lifetime()).await;
    assert_eq!(server.send(reset(&token)).await.refusal(), (400, "AUTH_008"));
}

#[actix_web::test]
async fn a_magic_link_makes_the_account_and_logs_in_once() {
    let server = Server::start();
    let email = address();
    assert_eq!(server.send(post("/auth/magic-link/request", json!({"email": email}))).await.status, 202);
    let token = server.mailed(Template::MagicLink, &email).await.expect("a mail");
    let link = || get(&format!("/auth/magic-link/verify?token={token}&client_id=laptop"));
    let user = server.send(link()).await.logged_in(200);
    assert_eq!(user.email, email);
    let me = server.send(user.ask(get("/users/me"))).await;
    assert_eq!((&me.body["email_verified"], &me.body["has_password"]), (&json!(true), &json!(false)));
    let devices = server.send(user.ask(get("/users/me/devices"))).await;
    assert_eq!(devices.body[0]["client_id"], "laptop");
    assert_eq!(server.send(link()).await.refusal(), (400, "AUTH_008"));
}

#[actix_web::test]
async fn a_scanner_that_looks_at_a_magic_link_does_not_use_it_up() {
    let server = Server::start();
    let email = address();
    server.send(post("/auth/magic-link/request", json!({"email": email}))).await;
    let token = server.mailed(Template::MagicLink, &email).await.expect("a mail");
    let path = format!("/api/v1/auth/magic-link/verify?token={token}");
    let head = server.send(TestRequest::default().method(Method::HEAD).uri(&path)).await;
    assert_eq!((head.status, head.header("allow")), (405, Some("GET")));
    let user = server.send(TestRequest::get().uri(&path)).await.logged_in(200);
    assert_eq!(user.email, email);
    // Elsewhere HEAD is answered as GET is.
    let me = user.ask(TestRequest::default().method(Method::HEAD).uri("/api/v1/users/me"));
    assert_eq!(server.send(me).await.status, 200);
}

#[actix_web::test]
async fn a_magic_link_does_not_open_a_disabled_account() {
    let server = Server::start();
    let user = server.register("ann@example.com").await;
    server.send(post("/auth/magic-link/request", json!({"email": user.email}))).await;
    let token = server.mailed(Template::MagicLink, &user.email).await.expect("a mail");
    server.store.set_active(user.id, false);
    server.advance(Duration::from_secs(1)).await;
    let link = server.send(get(&format!("/auth/magic-link/verify?token={token}"))).await;
    assert_eq!(link.refusal(), (401, "AUTH_007"));
    assert_eq!(server.send(user.ask(get("/users/me"))).await.refusal(), (401, "AUTH_007"));
    let nothing = server.send(get("/auth/magic-link/verify?client_id=a")).await;
    assert_eq!(nothing.refusal(), (422, "VALIDATION_004"));
}
