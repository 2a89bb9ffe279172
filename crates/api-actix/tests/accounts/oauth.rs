//! Logging in through providers.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::Method;
use actix_web::http::header::HOST;
use actix_web::test::TestRequest;
use domain::account::Purpose;
use domain::mail::Template;
use serde_json::json;

use crate::server::{ORIGIN, Reply, Server, User, delete, get, post};

/// The cookie that binds a flow, of which each has its own.
fn binding(reply: &Reply) -> &Cookie<'static> {
    let mut cookies = reply.cookies.iter().filter(|cookie| cookie.name().starts_with("oauth_binding_"));
    cookies.next().expect("a cookie")
}

/// A flow as the browser keeps it.
struct Flow {
    state: String,
    cookie: Cookie<'static>,
}

impl Flow {
    fn begun(url: &str, reply: &Reply) -> Self {
        let (_, state) = url.split_once("state=").expect("the provider gets a state");
        Self { state: state.to_owned(), cookie: binding(reply).clone() }
    }

    async fn begin(server: &Server) -> Self {
        let reply = server.send(get("/auth/oauth/acme/login")).await;
        Self::begun(reply.header("location").expect("a redirect"), &reply)
    }

    async fn end(&self, server: &Server, code: &str) -> Reply {
        self.end_at(server, "acme", &format!("code={}", code.replace(' ', "%20"))).await
    }

    async fn end_at(&self, server: &Server, provider: &str, answer: &str) -> Reply {
        let path = format!("/auth/oauth/{provider}/callback?state={}&{answer}", self.state);
        server.send(get(&path).cookie(self.cookie.clone())).await
    }
}

fn hand_off(reply: &Reply) -> String {
    assert_eq!(reply.status, 302, "{reply:?}");
    let (_, code) = reply.header("location").and_then(|to| to.split_once("code=")).expect("a code");
    code.to_owned()
}

async fn exchange(server: &Server, code: &str) -> Reply {
    server.send(post("/auth/oauth/exchange", json!({"code": code, "client_id": "laptop"}))).await
}

async fn log_in(server: &Server, code: &str) -> User {
    let back = Flow::begin(server).await.end(server, code).await;
    exchange(server, &hand_off(&back)).await.logged_in(200)
}

#[actix_web::test]
async fn a_login_goes_there_and_back_and_its_code_turns_into_tokens_once() {
    let server = Server::start();
    let there = server.send(get("/auth/oauth/acme/login?redirect_to=/in%3Fa=1")).await;
    assert_eq!(there.status, 302, "{there:?}");
    let to = there.header("location").expect("a redirect");
    assert!(to.starts_with("https://acme.example/authorize?"), "{to}");
    let flow = Flow::begun(to, &there);
    assert_eq!(flow.cookie.path(), Some("/api/v1/auth/oauth/acme/callback"));
    assert_eq!((flow.cookie.http_only(), flow.cookie.secure()), (Some(true), Some(true)));
    assert_eq!(flow.cookie.same_site(), Some(actix_web::cookie::SameSite::Lax));

    let back = flow.end(&server, "ann ann@example.com").await;
    let code = hand_off(&back);
    assert_eq!(back.header("location"), Some(format!("{ORIGIN}/in?a=1&code={code}").as_str()));
    let user = exchange(&server, &code).await.logged_in(200);
    assert_eq!(exchange(&server, &code).await.refusal(), (400, "AUTH_008"));
    let me = server.send(user.ask(get("/users/me"))).await;
    assert_eq!((&me.body["providers"], &me.body["email_verified"]), (&json!(["acme"]), &json!(true)));
    assert_eq!(log_in(&server, "ann").await.id, user.id);
}

#[actix_web::test]
async fn logins_begun_in_two_tabs_both_come_to_an_end() {
    let server = Server::start();
    let (first, second) = (Flow::begin(&server).await, Flow::begin(&server).await);
    assert_ne!(first.cookie.name(), second.cookie.name());
    for (flow, other) in [(&first, &second), (&second, &first)] {
        // A browser sends all that it has.
        let path = format!("/auth/oauth/acme/callback?state={}&code=ann", flow.state);
        let request = get(&path).cookie(other.cookie.clone()).cookie(flow.cookie.clone());
        let back = server.send(request).await;
        exchange(&server, &hand_off(&back)).await.logged_in(200);
        let removed = binding(&back);
        assert_eq!((removed.name(), removed.value()), (flow.cookie.name(), ""), "the other's stays");
    }
}

#[actix_web::test]
async fn a_login_is_neither_begun_nor_ended_by_head() {
    let server = Server::start();
    let flow = Flow::begin(&server).await;
    let back = format!("/api/v1/auth/oauth/acme/callback?state={}&code=ann", flow.state);
    for path in [back.as_str(), "/api/v1/auth/oauth/acme/login"] {
        let head = TestRequest::default().method(Method::HEAD).uri(path).cookie(flow.cookie.clone());
        let reply = server.send(head).await;
        assert_eq!(
            (reply.status, reply.header("allow"), reply.cookies.len()),
            (405, Some("GET"), 0),
            "{path}"
        );
    }
    hand_off(&flow.end(&server, "ann").await);
}

#[actix_web::test]
async fn whoever_squatted_an_address_gets_in_by_no_provider_once_its_owner_came() {
    let server = Server::start();
    let squatter = server.register("ann@example.com").await;
    link(&server, &squatter, "squatter").await;
    let waiting = hand_off(&Flow::begin(&server).await.end(&server, "squatter").await);
    let begun = server.send(squatter.ask(post("/auth/oauth/globex/link", json!({})))).await;
    let begun = Flow::begun(begun.body["authorization_url"].as_str().expect("an address"), &begun);

    server.send(post("/auth/magic-link/request", json!({"email": "ann@example.com"}))).await;
    let token = server.mailed(Template::MagicLink, "ann@example.com").await.expect("a mail");
    let ann = server.send(get(&format!("/auth/magic-link/verify?token={token}"))).await.logged_in(200);
    assert_eq!(ann.id, squatter.id);

    assert_ne!(log_in(&server, "squatter").await.id, ann.id);
    assert_eq!(exchange(&server, &waiting).await.refusal(), (400, "AUTH_008"));
    assert_eq!(begun.end_at(&server, "globex", "code=squatter").await.refusal(), (400, "AUTH_008"));
    let me = server.send(ann.ask(get("/users/me"))).await;
    assert_eq!((&me.body["providers"], &me.body["has_password"]), (&json!([]), &json!(false)));
}

#[actix_web::test]
async fn a_link_that_was_begun_ends_with_its_session() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let begun = server.send(ann.ask(post("/auth/oauth/acme/link", json!({})))).await;
    let flow = Flow::begun(begun.body["authorization_url"].as_str().expect("an address"), &begun);
    assert_eq!(server.send(ann.ask(post("/auth/logout", json!({})))).await.status, 204);
    assert_eq!(flow.end(&server, "stranger").await.refusal(), (400, "AUTH_008"));
    assert_ne!(log_in(&server, "stranger").await.id, ann.id);
}

#[actix_web::test]
async fn a_login_whose_identity_was_taken_away_before_its_exchange_is_refused() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    link(&server, &ann, "ann").await;
    let code = hand_off(&Flow::begin(&server).await.end(&server, "ann").await);
    assert_eq!(server.send(ann.ask(delete("/auth/oauth/acme"))).await.status, 204);
    assert_eq!(exchange(&server, &code).await.refusal(), (400, "AUTH_008"));
    let devices = server.send(ann.ask(get("/users/me/devices"))).await;
    assert_eq!(devices.body.as_array().map(Vec::len), Some(1), "no session is left of it: {devices:?}");
}

#[actix_web::test]
async fn the_cookie_needs_no_tls_on_this_machine_alone() {
    let server = Server::start();
    for (peer, host, secure) in [
        ("127.0.0.1:5000", "localhost:8000", false),
        ("[::1]:5000", "[::1]:8000", false),
        ("[::ffff:127.0.0.1]:5000", "127.0.0.1", false),
        ("127.0.0.1:5000", "api.example.com", true),
        ("192.0.2.1:5000", "localhost:8000", true),
    ] {
        let login = get("/auth/oauth/acme/login").insert_header((HOST, host));
        let answer = server.send(login.peer_addr(peer.parse().expect("an address"))).await;
        assert_eq!(binding(&answer).secure().unwrap_or_default(), secure, "{peer} {host}");
    }
}

#[actix_web::test]
async fn a_callback_of_another_browser_flow_or_provider_is_refused() {
    let server = Server::start();
    let flow = Flow::begin(&server).await;
    let other = Flow::begin(&server).await;
    let mut cookie = other.cookie;
    cookie.set_name(flow.cookie.name().to_owned());
    let stolen = Flow { state: flow.state.clone(), cookie };
    assert_eq!(stolen.end(&server, "ann").await.refusal(), (400, "AUTH_008"));
    // The state is used up, whatever came of it.
    assert_eq!(flow.end(&server, "ann").await.refusal(), (400, "AUTH_008"));

    let flow = Flow::begin(&server).await;
    assert_eq!(flow.end_at(&server, "globex", "code=ann").await.refusal(), (400, "AUTH_008"));

    let flow = Flow::begin(&server).await;
    let path = format!("/auth/oauth/acme/callback?code=ann&state={}", flow.state);
    assert_eq!(server.send(get(&path)).await.refusal(), (400, "AUTH_008"));
    for path in ["/auth/oauth/acme/callback?code=ann", "/auth/oauth/acme/callback?code=ann&state=made-up"] {
        assert_eq!(server.send(get(path)).await.refusal(), (400, "AUTH_008"), "{path}");
    }

    let flow = Flow::begin(&server).await;
    server.advance(Purpose::OAuthState.lifetime()).await;
    assert_eq!(flow.end(&server, "ann").await.refusal(), (400, "AUTH_008"));
}

#[actix_web::test]
async fn a_hand_off_code_lives_for_a_minute() {
    let server = Server::start();
    let code = hand_off(&Flow::begin(&server).await.end(&server, "ann").await);
    server.advance(Duration::from_mins(1)).await;
    assert_eq!(exchange(&server, &code).await.refusal(), (400, "AUTH_008"));
    let nothing = server.send(post("/auth/oauth/exchange", json!({}))).await;
    assert_eq!(nothing.refusal(), (422, "VALIDATION_004"));
}

#[actix_web::test]
async fn what_fails_at_the_provider_is_a_bad_gateway_without_its_details() {
    let server = Server::start();
    let flow = Flow::begin(&server).await;
    let denied = flow.end_at(&server, "acme", "error=access_denied").await;
    assert_eq!(denied.refusal(), (502, "AUTH_010"));
    assert_eq!(flow.end(&server, "ann").await.refusal(), (400, "AUTH_008"));
    let down = Flow::begin(&server).await.end(&server, "down").await;
    assert_eq!(down.refusal(), (502, "AUTH_010"));
    assert!(!down.body.to_string().contains("10.1.2.3"), "{down:?}");
    let empty = Flow::begin(&server).await.end_at(&server, "acme", "x=y").await;
    assert_eq!(empty.refusal(), (502, "AUTH_010"));
    assert_eq!(server.send(get("/auth/oauth/broken/login")).await.refusal(), (502, "AUTH_010"));
}

#[actix_web::test]
async fn an_address_joins_accounts_only_where_both_sides_verified_it() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let squatted = Flow::begin(&server).await.end(&server, "a1 ann@example.com").await;
    assert_eq!(squatted.refusal(), (409, "AUTH_009"));
    let token = server.mailed(Template::VerifyEmail, &ann.email).await.expect("a mail");
    server.send(post("/auth/verify-email", json!({"token": token}))).await;
    assert_eq!(log_in(&server, "a1 ann@example.com").await.id, ann.id);
    server.store.set_active(ann.id, false);
    let disabled = Flow::begin(&server).await.end(&server, "a1").await;
    assert_eq!(disabled.refusal(), (401, "AUTH_007"));
}

#[actix_web::test]
async fn a_disabled_account_gets_no_tokens_for_its_code() {
    let server = Server::start();
    let code = hand_off(&Flow::begin(&server).await.end(&server, "ann ann@example.com").await);
    let ann = log_in(&server, "ann").await;
    server.store.set_active(ann.id, false);
    assert_eq!(exchange(&server, &code).await.refusal(), (401, "AUTH_007"));
}

async fn link(server: &Server, user: &User, code: &str) -> Reply {
    let there = server.send(user.ask(post("/auth/oauth/acme/link", json!({})))).await;
    assert_eq!(there.status, 200, "{there:?}");
    let url = there.body["authorization_url"].as_str().expect("an address").to_owned();
    Flow::begun(&url, &there).end(server, code).await
}

#[actix_web::test]
async fn a_logged_in_user_links_and_unlinks_a_provider() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let linked = link(&server, &ann, "a1 other@example.com").await;
    let home = format!("{ORIGIN}/home");
    assert_eq!((linked.status, linked.header("location")), (302, Some(home.as_str())));
    assert_eq!(log_in(&server, "a1").await.id, ann.id);

    let bob = server.register("bob@example.com").await;
    assert_eq!(link(&server, &bob, "a1").await.refusal(), (409, "AUTH_009"));
    let unlink = |user: &User| user.ask(delete("/auth/oauth/acme"));
    assert_eq!(server.send(unlink(&bob)).await.refusal(), (404, "RESOURCE_002"));
    assert_eq!(server.send(unlink(&ann)).await.status, 204);
    assert_eq!(server.send(unlink(&ann)).await.refusal(), (404, "RESOURCE_002"));
}

#[actix_web::test]
async fn the_last_way_to_log_in_is_not_unlinked() {
    let server = Server::start();
    let ann = log_in(&server, "ann").await;
    let last = server.send(ann.ask(delete("/auth/oauth/acme"))).await;
    assert_eq!(last.refusal(), (403, "AUTHZ_002"));
    assert_eq!(log_in(&server, "ann").await.id, ann.id);
}

#[actix_web::test]
async fn providers_are_listed_and_others_are_not_found() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let list = server.send(get("/auth/oauth/providers")).await;
    assert_eq!(list.body[0], json!({"name": "acme", "display_name": "A provider"}));
    for request in [
        get("/auth/oauth/nobody/login"),
        get("/auth/oauth/nobody/callback?state=a&code=b"),
        ann.ask(post("/auth/oauth/nobody/link", json!({}))),
        ann.ask(delete("/auth/oauth/nobody")),
    ] {
        assert_eq!(server.send(request).await.refusal(), (404, "RESOURCE_002"));
    }
    let wrong_method = server.send(ann.ask(delete("/auth/oauth/providers"))).await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("GET, HEAD")));
}

#[actix_web::test]
async fn a_login_comes_out_nowhere_else() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let elsewhere = "redirect_to=https%3A%2F%2Fevil.example%2F";
    let there = server.send(get(&format!("/auth/oauth/acme/login?{elsewhere}"))).await;
    assert_eq!(there.refusal(), (422, "VALIDATION_006"));
    let link = server.send(ann.ask(post(&format!("/auth/oauth/acme/link?{elsewhere}"), json!({})))).await;
    assert_eq!(link.refusal(), (422, "VALIDATION_006"));
}
