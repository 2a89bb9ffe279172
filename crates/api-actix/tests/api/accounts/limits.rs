//! Rate limits: what counts, and to which key.

use std::time::Duration;

use actix_web::test::TestRequest;
use api_actix::ApiSettings;
use domain::limits::{Quota, Quotas};
use serde_json::json;

use crate::harness::{Answer, Limits, PASSWORD, Setup, TestApi, User, address, get, patch, post, settings};

pub(super) fn limited() -> TestApi {
    with_quotas(Quotas::default())
}

pub(super) fn with_quotas(quotas: Quotas) -> TestApi {
    let trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    // The limit of all requests stays on: a refusal must report the limit that it is for.
    let settings = ApiSettings { trusted_proxies, ..settings() };
    TestApi::with(Setup { quotas: Some(quotas), settings, limits: Limits::Count, ..Setup::default() })
}

pub(super) fn from(request: TestRequest, peer: &str) -> TestRequest {
    request.peer_addr(format!("{peer}:5000").parse().expect("an address"))
}

pub(super) fn limits(reply: &Answer) -> (Option<&str>, Option<&str>) {
    (reply.header("ratelimit-policy"), reply.header("ratelimit"))
}

#[actix_web::test]
async fn a_user_over_the_request_limit_waits_and_others_do_not() {
    let quota = Quota { count: 60, period: Duration::from_mins(1), burst: 2 };
    let quotas = Some(Quotas { api: Some(quota), ..Quotas::default() });
    let api = TestApi::with(Setup { quotas, limits: Limits::Count, ..Setup::default() });
    let ann = api.register("ann").await;
    let bob = api.register("bob").await;
    let policy = Some(r#""default";q=60;w=60"#);
    for left in [r#""default";r=1;t=1"#, r#""default";r=0;t=2"#] {
        let reply = api.send(ann.ask(get("/todos"))).await;
        assert_eq!((reply.status, limits(&reply)), (200, (policy, Some(left))));
    }
    let refused = api.send(ann.ask(get("/users/me"))).await;
    refused.refused(429, "RATE_001");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(limits(&refused), (policy, Some(r#""default";r=0;t=1"#)));
    api.send(bob.ask(get("/todos"))).await.expect(200);
    api.advance(Duration::from_secs(1));
    let missing = api.send(ann.ask(get("/todos/00000000-0000-7000-8000-000000000000"))).await;
    assert_eq!((missing.status, limits(&missing).0), (404, policy));
}

#[actix_web::test]
async fn without_a_quota_no_request_is_counted_and_no_header_is_sent() {
    let api = TestApi::with(Setup { limits: Limits::RefuseAll, quotas: None, ..Setup::default() });
    let ann = api.register("ann").await;
    let reply = api.send(ann.ask(get("/users/me"))).await;
    assert_eq!((reply.status, limits(&reply)), (200, (None, None)));
}

#[actix_web::test]
async fn mails_are_limited_per_network_and_per_address() {
    for path in ["/auth/register", "/auth/forgot-password", "/auth/magic-link/request"] {
        let api = limited();
        let ask = |email: String, peer: String| {
            from(post(path, json!({"email": email, "password": PASSWORD})), &peer)
        };
        for n in 0..5 {
            let reply = api.send(ask(address(), "192.0.2.1".to_owned())).await;
            assert!(reply.status < 300, "{path} {n}: {reply:?}");
        }
        let network = api.send(ask(address(), "192.0.2.1".to_owned())).await;
        network.refused(429, "RATE_001");
        assert_eq!(limits(&network).0, Some(r#""default";q=5;w=3600"#), "{path}");
        for n in 2..7 {
            api.send(ask("ann@example.com".to_owned(), format!("192.0.2.{n}"))).await;
        }
        api.send(ask("ann@example.com".to_owned(), "192.0.2.99".to_owned())).await.refused(429, "RATE_001");
    }
}

#[actix_web::test]
async fn a_network_on_which_many_registered_can_still_ask_for_a_reset() {
    let api = limited();
    let ask = |path: &str, email: &str| {
        from(post(path, json!({"email": email, "password": PASSWORD})), "192.0.2.1")
    };
    for n in 0..5 {
        api.send(ask("/auth/register", &format!("user{n}@example.com"))).await.expect(201);
    }
    api.send(ask("/auth/register", "late@example.com")).await.refused(429, "RATE_001");
    for n in 0..4 {
        api.send(ask("/auth/forgot-password", &format!("user{n}@example.com"))).await.expect(202);
    }
    api.send(ask("/auth/magic-link/request", "user4@example.com")).await.expect(202);
    api.send(ask("/auth/forgot-password", "user4@example.com")).await.refused(429, "RATE_001");
}

#[actix_web::test]
async fn mails_requested_with_a_token_count_per_address_and_not_per_network() {
    let api = limited();
    let ann = api.register("ann").await;
    let bob = api.register("bob").await;
    let resend = |user: &User| from(user.ask(post("/auth/resend-verification", json!({}))), "192.0.2.1");
    for _ in 0..4 {
        api.send(resend(&ann)).await.expect(202);
    }
    api.send(resend(&ann)).await.refused(429, "RATE_001");
    api.send(resend(&bob)).await.expect(202);
    let change =
        |email: &str| bob.ask(patch("/users/me", json!({"email": email, "current_password": PASSWORD})));
    api.send(change("ann@example.com")).await.refused(429, "RATE_001");
    api.send(change("new@example.com")).await.expect(200);
}

#[actix_web::test]
async fn a_user_has_one_mail_limit_over_all_addresses() {
    let api = limited();
    let ann = api.register("ann").await;
    let change = |n: usize| {
        let to = format!("stranger{n}@example.com");
        ann.ask(patch("/users/me", json!({"email": to, "current_password": PASSWORD})))
    };
    for n in 0..5 {
        api.send(change(n)).await.expect(200);
    }
    api.send(change(5)).await.refused(429, "RATE_001");
}

#[actix_web::test]
async fn changes_of_how_an_account_logs_in_are_limited_together_before_they_are_made() {
    const OTHER: &str = "Giraffe-Spot-8";
    let api = limited();
    let [ann, bob] = [api.register("ann").await, api.register("bob").await];
    let link = |user: &User| user.ask(post("/auth/oauth/acme/link", json!({})));
    let change = |current: &str, new: &str| {
        ann.ask(post("/auth/change-password", json!({"current_password": current, "new_password": new})))
    };
    // What changes nothing does not count.
    for _ in 0..5 {
        api.send(change("Wrong-Horse-7", OTHER)).await.refused(422, "VALIDATION_007");
        api.send(change(PASSWORD, PASSWORD)).await.refused(422, "VALIDATION_008");
    }
    for _ in 0..9 {
        api.send(link(&ann)).await.expect(200);
    }
    api.send(change(PASSWORD, OTHER)).await.expect(204);
    let refused = api.send(link(&ann)).await;
    assert_eq!((refused.refusal(), refused.header("retry-after")), ((429, "RATE_001"), Some("360")));
    api.send(change(OTHER, PASSWORD)).await.refused(429, "RATE_001");
    // It was not made: the earlier password is still the wrong one.
    api.send(change(PASSWORD, "Third-Horse-9")).await.refused(422, "VALIDATION_007");
    api.send(link(&bob)).await.expect(200);
}

#[actix_web::test]
async fn logins_with_a_provider_are_limited_per_network_and_links_are_not() {
    let quotas = Quotas { flow: Quota::new(2, Duration::from_mins(1)), ..Quotas::default() };
    let api = with_quotas(quotas);
    let begin = |peer: &str| from(get("/auth/oauth/acme/login"), peer);
    for _ in 0..2 {
        api.send(begin("192.0.2.1")).await.expect(302);
    }
    let refused = api.send(begin("192.0.2.1")).await;
    assert_eq!((refused.refusal(), refused.header("retry-after")), ((429, "RATE_001"), Some("30")));
    api.send(begin("192.0.2.2")).await.expect(302);
    let ann = api.register("ann").await;
    let link = ann.ask(post("/auth/oauth/acme/link", json!({})));
    api.send(from(link, "192.0.2.1")).await.expect(200);
}

#[actix_web::test]
async fn a_session_that_refreshes_too_often_waits() {
    let quotas = Quotas { refresh: Quota::new(1, Duration::from_mins(1)), ..Quotas::default() };
    let api = with_quotas(quotas);
    let ann = api.register("ann").await;
    let refresh = |token: &str| post("/auth/refresh", json!({"refresh_token": token}));
    let next = api.send(refresh(&ann.refresh)).await.user(200);
    // A retry does not count.
    api.send(refresh(&ann.refresh)).await.user(200);
    let refused = api.send(refresh(&next.refresh)).await;
    assert_eq!((refused.refusal(), refused.header("retry-after")), ((429, "RATE_001"), Some("60")));
}
