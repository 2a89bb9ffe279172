//! Logging in with an OAuth provider.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::http::Method;
use actix_web::http::header::HOST;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::harness::{Answer, ORIGIN, TestApi, User, delete, get, post};

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The cookie that binds a flow to the browser. Each flow has a cookie of its own.
fn binding(reply: &Answer) -> &Cookie<'static> {
    let mut cookies = reply.cookies.iter().filter(|cookie| cookie.name().contains("oauth_binding_"));
    cookies.next().expect("a cookie")
}

/// What the browser keeps of a flow.
struct Flow {
    state: String,
    cookie: Cookie<'static>,
}

impl Flow {
    fn of(url: &str, reply: &Answer) -> Self {
        let (_, state) = url.split_once("state=").expect("the provider gets a state");
        Self { state: state.to_owned(), cookie: binding(reply).clone() }
    }

    async fn start(api: &TestApi) -> Self {
        let reply = api.send(get(&format!("/auth/oauth/acme/login?code_challenge={CHALLENGE}"))).await;
        Self::of(reply.header("location").expect("a redirect"), &reply)
    }

    async fn complete(&self, api: &TestApi, code: &str) -> Answer {
        self.complete_at(api, "acme", &format!("code={}", code.replace(' ', "%20"))).await
    }

    async fn complete_at(&self, api: &TestApi, provider: &str, answer: &str) -> Answer {
        let path = format!("/auth/oauth/{provider}/callback?state={}&{answer}", self.state);
        api.send(get(&path).cookie(self.cookie.clone())).await
    }
}

fn hand_off_code(reply: &Answer) -> String {
    assert_eq!(reply.status, 302, "{reply:?}");
    let (_, code) = reply.header("location").and_then(|to| to.split_once("code=")).expect("a code");
    code.to_owned()
}

async fn exchange(api: &TestApi, code: &str) -> Answer {
    let body = json!({"code": code, "code_verifier": VERIFIER, "client_id": "laptop"});
    api.send(post("/auth/oauth/exchange", body)).await
}

async fn log_in(api: &TestApi, code: &str) -> User {
    let back = Flow::start(api).await.complete(api, code).await;
    exchange(api, &hand_off_code(&back)).await.user(200)
}

#[actix_web::test]
async fn a_login_redirects_to_the_provider_and_back_and_its_code_is_exchanged_once() {
    let api = TestApi::new();
    let redirect = api
        .send(get(&format!("/auth/oauth/acme/login?redirect_to=/in%3Fa=1&code_challenge={CHALLENGE}")))
        .await;
    assert_eq!(redirect.status, 302, "{redirect:?}");
    let to = redirect.header("location").expect("a redirect");
    assert!(to.starts_with("https://acme.example/authorize?"), "{to}");
    let flow = Flow::of(to, &redirect);
    assert_eq!(flow.cookie.path(), Some("/api/v1/auth/oauth/acme/callback"));
    assert_eq!((flow.cookie.http_only(), flow.cookie.secure()), (Some(true), Some(true)));
    assert_eq!(flow.cookie.same_site(), Some(actix_web::cookie::SameSite::Lax));

    let back = flow.complete(&api, "ann ann@example.com").await;
    let code = hand_off_code(&back);
    assert_eq!(back.header("location"), Some(format!("{ORIGIN}/in?a=1&code={code}").as_str()));
    let user = exchange(&api, &code).await.user(200);
    exchange(&api, &code).await.refused(400, "AUTH_008");
    let me = api.send(user.ask(get("/users/me"))).await;
    assert_eq!((&me.body["providers"], &me.body["email_verified"]), (&json!(["acme"]), &json!(true)));
    assert_eq!(log_in(&api, "ann").await.id, user.id);
}

#[actix_web::test]
async fn logins_in_two_tabs_both_succeed() {
    let api = TestApi::new();
    let (first, second) = (Flow::start(&api).await, Flow::start(&api).await);
    assert_ne!(first.cookie.name(), second.cookie.name());
    for (flow, other) in [(&first, &second), (&second, &first)] {
        // A browser sends the cookies of both flows.
        let path = format!("/auth/oauth/acme/callback?state={}&code=ann", flow.state);
        let request = get(&path).cookie(other.cookie.clone()).cookie(flow.cookie.clone());
        let back = api.send(request).await;
        exchange(&api, &hand_off_code(&back)).await.user(200);
        let removed = binding(&back);
        assert_eq!(
            (removed.name(), removed.value()),
            (flow.cookie.name(), ""),
            "the cookie of the other flow stays"
        );
    }
}

#[actix_web::test]
async fn a_head_request_neither_starts_nor_completes_a_login() {
    let api = TestApi::new();
    let flow = Flow::start(&api).await;
    let back = format!("/api/v1/auth/oauth/acme/callback?state={}&code=ann", flow.state);
    for (path, allow) in [(back.as_str(), "GET, POST"), ("/api/v1/auth/oauth/acme/login", "GET")] {
        let head = TestRequest::default().method(Method::HEAD).uri(path).cookie(flow.cookie.clone());
        let reply = api.send(head).await;
        assert_eq!(
            (reply.status, reply.header("allow"), reply.cookies.len()),
            (405, Some(allow), 0),
            "{path}"
        );
    }
    hand_off_code(&flow.complete(&api, "ann").await);
}

#[actix_web::test]
async fn a_started_link_is_void_once_its_session_ends() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let started = api.send(ann.ask(post("/auth/oauth/acme/link", json!({})))).await;
    let flow = Flow::of(started.body["authorization_url"].as_str().expect("an address"), &started);
    api.send(ann.ask(post("/auth/logout", json!({})))).await.expect(204);
    flow.complete(&api, "stranger").await.refused(400, "AUTH_008");
    assert_ne!(log_in(&api, "stranger").await.id, ann.id);
}

#[actix_web::test]
async fn a_login_is_refused_if_its_identity_was_unlinked_before_the_exchange() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    link(&api, &ann, "ann").await;
    let code = hand_off_code(&Flow::start(&api).await.complete(&api, "ann").await);
    api.send(ann.ask(delete("/auth/oauth/acme"))).await.expect(204);
    exchange(&api, &code).await.refused(400, "AUTH_008");
    let devices = api.send(ann.ask(get("/users/me/devices"))).await;
    assert_eq!(devices.body.as_array().map(Vec::len), Some(1), "the login left no session: {devices:?}");
}

#[actix_web::test]
async fn the_binding_cookie_needs_tls_and_says_so_in_its_name_except_on_localhost() {
    let api = TestApi::new();
    for (peer, host, secure) in [
        ("127.0.0.1:5000", "localhost:8000", false),
        ("[::1]:5000", "[::1]:8000", false),
        ("[::ffff:127.0.0.1]:5000", "127.0.0.1", false),
        ("127.0.0.1:5000", "api.example.com", true),
        ("192.0.2.1:5000", "localhost:8000", true),
    ] {
        let login = get("/auth/oauth/acme/login").insert_header((HOST, host));
        let answer = api.send(login.peer_addr(peer.parse().expect("an address"))).await;
        let cookie = binding(&answer);
        assert_eq!(cookie.secure().unwrap_or_default(), secure, "{peer} {host}");
        assert_eq!(cookie.name().starts_with("__Secure-oauth_binding_"), secure, "{peer} {host}");
    }
}

#[actix_web::test]
async fn a_callback_from_another_browser_flow_or_provider_is_refused() {
    let api = TestApi::new();
    let flow = Flow::start(&api).await;
    let other = Flow::start(&api).await;
    let mut cookie = other.cookie;
    cookie.set_name(flow.cookie.name().to_owned());
    let stolen = Flow { state: flow.state.clone(), cookie };
    stolen.complete(&api, "ann").await.refused(400, "AUTH_008");
    // The refused callback used up the state.
    flow.complete(&api, "ann").await.refused(400, "AUTH_008");

    let flow = Flow::start(&api).await;
    flow.complete_at(&api, "globex", "code=ann").await.refused(400, "AUTH_008");

    let flow = Flow::start(&api).await;
    let path = format!("/auth/oauth/acme/callback?code=ann&state={}", flow.state);
    api.send(get(&path)).await.refused(400, "AUTH_008");
    for path in ["/auth/oauth/acme/callback?code=ann", "/auth/oauth/acme/callback?code=ann&state=made-up"] {
        api.send(get(path)).await.refused(400, "AUTH_008");
    }
}

#[actix_web::test]
async fn a_login_at_a_provider_may_take_ten_minutes() {
    const TEN_MINUTES: u64 = 600_000_000;
    let api = TestApi::new();
    let (in_time, late) = (Flow::start(&api).await, Flow::start(&api).await);
    api.advance(Duration::from_micros(TEN_MINUTES - 1));
    hand_off_code(&in_time.complete(&api, "ann").await);
    api.advance(Duration::from_micros(1));
    late.complete(&api, "ann").await.refused(400, "AUTH_008");
}

#[actix_web::test]
async fn a_hand_off_code_expires_after_a_minute() {
    let api = TestApi::new();
    let code = hand_off_code(&Flow::start(&api).await.complete(&api, "ann").await);
    api.advance(Duration::from_mins(1));
    exchange(&api, &code).await.refused(400, "AUTH_008");
    api.send(post("/auth/oauth/exchange", json!({}))).await.refused(422, "VALIDATION_004");
}

#[actix_web::test]
async fn a_failing_provider_is_a_bad_gateway_without_internals() {
    let api = TestApi::new();
    let flow = Flow::start(&api).await;
    flow.complete_at(&api, "acme", "error=access_denied").await.refused(502, "AUTH_010");
    flow.complete(&api, "ann").await.refused(400, "AUTH_008");
    let down = Flow::start(&api).await.complete(&api, "down").await;
    down.refused(502, "AUTH_010");
    assert!(!down.body.to_string().contains("10.1.2.3"), "{down:?}");
    Flow::start(&api).await.complete_at(&api, "acme", "x=y").await.refused(502, "AUTH_010");
    api.send(get("/auth/oauth/broken/login")).await.refused(502, "AUTH_010");
}

#[actix_web::test]
async fn a_provider_does_not_log_in_to_a_disabled_account() {
    let api = TestApi::new();
    let code = hand_off_code(&Flow::start(&api).await.complete(&api, "ann").await);
    let ann = log_in(&api, "ann").await;
    api.store.set_active(ann.id, false);
    Flow::start(&api).await.complete(&api, "ann").await.refused(401, "AUTH_007");
    exchange(&api, &code).await.refused(401, "AUTH_007");
}

async fn link(api: &TestApi, user: &User, code: &str) -> Answer {
    let redirect = api.send(user.ask(post("/auth/oauth/acme/link", json!({})))).await;
    assert_eq!(redirect.status, 200, "{redirect:?}");
    let url = redirect.body["authorization_url"].as_str().expect("an address").to_owned();
    Flow::of(&url, &redirect).complete(api, code).await
}

#[actix_web::test]
async fn a_logged_in_user_links_and_unlinks_a_provider() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let linked = link(&api, &ann, "a1 other@example.com").await;
    let home = format!("{ORIGIN}/home");
    assert_eq!((linked.status, linked.header("location")), (302, Some(home.as_str())));
    assert_eq!(log_in(&api, "a1").await.id, ann.id);

    let bob = api.register("bob").await;
    link(&api, &bob, "a1").await.refused(409, "AUTH_009");
    let unlink = |user: &User| user.ask(delete("/auth/oauth/acme"));
    api.send(unlink(&bob)).await.refused(404, "RESOURCE_002");
    api.send(unlink(&ann)).await.expect(204);
    api.send(unlink(&ann)).await.refused(404, "RESOURCE_002");
}

#[actix_web::test]
async fn the_last_way_to_log_in_is_not_unlinked() {
    let api = TestApi::new();
    let ann = log_in(&api, "ann").await;
    api.send(ann.ask(delete("/auth/oauth/acme"))).await.refused(403, "AUTHZ_002");
    assert_eq!(log_in(&api, "ann").await.id, ann.id);
}

#[actix_web::test]
async fn providers_are_listed_and_others_are_not_found() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let list = api.send(get("/auth/oauth/providers")).await;
    assert_eq!(list.body[0], json!({"name": "acme", "display_name": "A provider"}));
    for request in [
        get("/auth/oauth/unknown/login"),
        get("/auth/oauth/unknown/callback?state=a&code=b"),
        ann.ask(post("/auth/oauth/unknown/link", json!({}))),
        ann.ask(delete("/auth/oauth/unknown")),
    ] {
        api.send(request).await.refused(404, "RESOURCE_002");
    }
    let wrong_method = api.send(ann.ask(delete("/auth/oauth/providers"))).await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("GET, HEAD")));
}

#[actix_web::test]
async fn a_login_returns_only_to_allowed_origins() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let elsewhere = "redirect_to=https%3A%2F%2Fevil.example%2F";
    api.send(get(&format!("/auth/oauth/acme/login?{elsewhere}"))).await.refused(422, "VALIDATION_006");
    api.send(ann.ask(post(&format!("/auth/oauth/acme/link?{elsewhere}"), json!({}))))
        .await
        .refused(422, "VALIDATION_006");
}
