//! Tokens that are sent by mail.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use domain::mail::Template;
use domain::one_time::Purpose;
use serde_json::json;

use crate::harness::{PASSWORD, TestApi, address, get, post};

const NEW_PASSWORD: &str = "Giraffe-Spot-8";

#[actix_web::test]
async fn the_token_of_the_registration_mail_verifies_the_address_once() {
    let api = TestApi::new();
    let user = api.register("ann").await;
    let token = api.mailed(Template::VerifyEmail, &user.email).await.expect("a mail");
    let verify = || post("/auth/verify-email", json!({"token": token}));
    let verified = api.send(verify()).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    assert_eq!(verified.body["email_verified"], true);
    api.send(verify()).await.refused(400, "AUTH_008");
    api.send(post("/auth/verify-email", json!({}))).await.refused(422, "VALIDATION_004");
}

#[actix_web::test]
async fn a_new_verification_mail_voids_the_previous_one_and_a_verified_address_gets_none() {
    let api = TestApi::new();
    let user = api.register("ann").await;
    let first = api.mailed(Template::VerifyEmail, &user.email).await.expect("a mail");
    let resend = || user.ask(post("/auth/resend-verification", json!({})));
    api.send(resend()).await.expect(202);
    let second = api.mailed(Template::VerifyEmail, &user.email).await.expect("another mail");
    let verify = |token: &str| post("/auth/verify-email", json!({"token": token}));
    api.send(verify(&first)).await.refused(400, "AUTH_008");
    api.send(verify(&second)).await.expect(200);
    api.send(resend()).await.expect(202);
    assert_eq!(api.mailed(Template::VerifyEmail, &user.email).await, None);
    api.send(post("/auth/resend-verification", json!({}))).await.refused(401, "AUTH_005");
}

#[actix_web::test]
async fn a_forgotten_password_is_reset_once_and_every_session_ends() {
    let api = TestApi::new();
    let user = api.register("ann").await;
    let forgot = api.send(post("/auth/forgot-password", json!({"email": "ANN@example.com"}))).await;
    assert_eq!((forgot.status, &forgot.body), (202, &json!(null)));
    let token = api.mailed(Template::ResetPassword, &user.email).await.expect("a mail");
    let reset = |password: &str| post("/auth/reset-password", json!({"token": token, "password": password}));
    api.send(reset("weak")).await.refused(422, "VALIDATION_002");
    api.send(reset(NEW_PASSWORD)).await.expect(204);
    api.send(reset(NEW_PASSWORD)).await.refused(400, "AUTH_008");
    api.send(user.ask(get("/users/me"))).await.refused(401, "AUTH_004");
    api.send(post("/auth/refresh", json!({"refresh_token": user.refresh}))).await.refused(401, "AUTH_004");
    let log_in =
        |password: &str| post("/auth/login", json!({"email": "ann@example.com", "password": password}));
    api.send(log_in(PASSWORD)).await.refused(401, "AUTH_001");
    api.send(log_in(NEW_PASSWORD)).await.user(200);
}

#[actix_web::test]
async fn mail_endpoints_do_not_reveal_whether_an_address_has_an_account() {
    let api = TestApi::new();
    api.register("ann").await;
    for path in ["/auth/forgot-password", "/auth/magic-link/request"] {
        let known = api.send(post(path, json!({"email": "ann@example.com"}))).await;
        let unknown = api.send(post(path, json!({"email": "bob@example.com"}))).await;
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body), "{path}");
        let names = |reply: &crate::harness::Answer| {
            let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&known), names(&unknown), "{path}");
        api.send(post(path, json!({}))).await.refused(422, "VALIDATION_001");
    }
    assert_eq!(api.mailed(Template::ResetPassword, "bob@example.com").await, None);
}

#[actix_web::test]
async fn a_mailed_token_serves_its_purpose_alone_until_it_expires() {
    let api = TestApi::new();
    let user = api.register("ann").await;
    let verification = api.mailed(Template::VerifyEmail, &user.email).await.expect("a mail");
    let reset = |token: &str| post("/auth/reset-password", json!({"token": token, "password": NEW_PASSWORD}));
    api.send(reset(&verification)).await.refused(400, "AUTH_008");
    api.send(post("/auth/forgot-password", json!({"email": user.email}))).await;
    let token = api.mailed(Template::ResetPassword, &user.email).await.expect("a mail");
    api.send(get(&format!("/auth/magic-link/verify?token={token}"))).await.refused(400, "AUTH_008");
    api.advance(Purpose::ResetPassword.lifetime());
    api.send(reset(&token)).await.refused(400, "AUTH_008");
}

#[actix_web::test]
async fn a_magic_link_creates_the_account_and_logs_in_once() {
    let api = TestApi::new();
    let email = address();
    api.send(post("/auth/magic-link/request", json!({"email": email}))).await.expect(202);
    let token = api.mailed(Template::MagicLink, &email).await.expect("a mail");
    let link = || get(&format!("/auth/magic-link/verify?token={token}&client_id=laptop"));
    let user = api.send(link()).await.user(200);
    assert_eq!(user.email, email);
    let me = api.send(user.ask(get("/users/me"))).await;
    assert_eq!((&me.body["email_verified"], &me.body["has_password"]), (&json!(true), &json!(false)));
    let devices = api.send(user.ask(get("/users/me/devices"))).await;
    assert_eq!(devices.body[0]["client_id"], "laptop");
    api.send(link()).await.refused(400, "AUTH_008");
}

#[actix_web::test]
async fn a_head_request_does_not_use_up_a_magic_link() {
    let api = TestApi::new();
    let email = address();
    api.send(post("/auth/magic-link/request", json!({"email": email}))).await;
    let token = api.mailed(Template::MagicLink, &email).await.expect("a mail");
    let path = format!("/api/v1/auth/magic-link/verify?token={token}");
    let head = api.send(TestRequest::default().method(Method::HEAD).uri(&path)).await;
    assert_eq!((head.status, head.header("allow")), (405, Some("GET")));
    let user = api.send(TestRequest::get().uri(&path)).await.user(200);
    assert_eq!(user.email, email);
    // Other paths answer HEAD as they do GET.
    let me = user.ask(TestRequest::default().method(Method::HEAD).uri("/api/v1/users/me"));
    api.send(me).await.expect(200);
}

#[actix_web::test]
async fn a_magic_link_does_not_log_in_to_a_disabled_account() {
    let api = TestApi::new();
    let user = api.register("ann").await;
    api.send(post("/auth/magic-link/request", json!({"email": user.email}))).await;
    let token = api.mailed(Template::MagicLink, &user.email).await.expect("a mail");
    api.disable(user.id);
    let link = api.send(get(&format!("/auth/magic-link/verify?token={token}"))).await;
    link.refused(401, "AUTH_007");
    api.send(user.ask(get("/users/me"))).await.refused(401, "AUTH_007");
    api.send(get("/auth/magic-link/verify?client_id=a")).await.refused(422, "VALIDATION_004");
}
