//! Rate limits of guesses: passwords, of whoever and from wherever.

use std::net::Ipv6Addr;
use std::time::Duration;

use actix_web::test::TestRequest;
use domain::Clock as _;
use domain::limits::{LimitKey, Quota, Quotas, RateLimiter as _, network};
use serde_json::json;

use super::limits::{from, limited, limits, with_quotas};
use crate::harness::{Answer, PASSWORD, TestApi, User, address, get, patch, post};

async fn fail(api: &TestApi, email: &str, request: impl Fn(TestRequest) -> TestRequest) -> Answer {
    let body = json!({"email": email, "password": "Wrong-Stripe-7"});
    api.send(request(post("/auth/login", body))).await
}

#[actix_web::test]
async fn failed_logins_are_limited_per_network_despite_forged_headers() {
    let api = limited();
    for n in 0..5 {
        let forged =
            |request| from(request, "192.0.2.1").insert_header(("x-forwarded-for", format!("1.2.3.{n}")));
        fail(&api, &address(), forged).await.refused(401, "AUTH_001");
    }
    let refused = fail(&api, &address(), |request| from(request, "192.0.2.1")).await;
    refused.refused(429, "RATE_001");
    assert_eq!(refused.header("retry-after"), Some("180"));
    let expected = (Some(r#""default";q=5;w=900"#), Some(r#""default";r=0;t=180"#));
    assert_eq!(limits(&refused), expected);
    fail(&api, &address(), |request| from(request, "192.0.2.2")).await.expect(401);
}

#[actix_web::test]
async fn behind_a_trusted_proxy_each_client_network_has_its_own_limit() {
    let api = limited();
    let via = |client: String| {
        move |request| from(request, "10.0.0.1").insert_header(("x-forwarded-for", client.clone()))
    };
    for n in 0..5 {
        fail(&api, &address(), via(format!("2001:db8:1:2::{n}"))).await.expect(401);
    }
    fail(&api, &address(), via("2001:db8:1:2:ffff::1".to_owned())).await.refused(429, "RATE_001");
    fail(&api, &address(), via("2001:db8:1:3::1".to_owned())).await.expect(401);
}

#[actix_web::test]
async fn failed_logins_to_one_account_are_limited_across_networks() {
    let api = limited();
    for n in 0..10 {
        fail(&api, "ann@example.com", |request| from(request, &format!("192.0.2.{n}"))).await.expect(401);
    }
    fail(&api, "ANN@example.com", |request| from(request, "192.0.2.99")).await.refused(429, "RATE_001");
}

#[actix_web::test]
async fn an_ipv6_site_has_eight_times_the_limit_of_a_network() {
    let api = limited();
    let guess = async |network: u32| {
        let peer = format!("[2001:db8:1:{network:x}::1]");
        fail(&api, &address(), |request| from(request, &peer)).await
    };
    for n in 0..40 {
        guess(n).await.expect(401);
    }
    let refused = guess(40).await;
    refused.refused(429, "RATE_001");
    assert_eq!(limits(&refused).0, Some(r#""default";q=40;w=900"#));
    fail(&api, &address(), |request| from(request, "[2001:db8:2::1]")).await.expect(401);
}

#[actix_web::test]
async fn a_flood_of_networks_gives_no_further_guesses_at_an_account() {
    let api = limited();
    let mut guesses = 0;
    let mut guess = async |peer: u32| {
        let answer = fail(&api, "ann@example.com", |request| from(request, &format!("192.0.2.{peer}"))).await;
        guesses += u32::from(answer.status == 401);
    };
    for n in 0..7 {
        guess(n).await;
    }
    for n in 0..200_000 {
        let address = Ipv6Addr::from((0x2001_0db8 << 96) | (n << 64));
        let (key, quota) = (LimitKey::FlowFrom(network(address.into())), Quotas::default().flow);
        api.limiter.charge(&key, quota, api.clock.now()).await;
    }
    for n in 10..40 {
        guess(n).await;
    }
    assert_eq!(guesses, 10);
}

#[actix_web::test]
async fn a_login_with_an_unknown_provider_is_not_charged() {
    let quotas = Quotas { flow: Quota::new(2, Duration::from_mins(1)), ..Quotas::default() };
    let api = with_quotas(quotas);
    for _ in 0..5 {
        api.send(from(get("/auth/oauth/nope/login"), "192.0.2.1")).await.refused(404, "RESOURCE_002");
    }
    api.send(from(get("/auth/oauth/acme/login"), "192.0.2.1")).await.expect(302);
}

#[actix_web::test]
async fn a_stolen_token_allows_ten_password_guesses_over_all_endpoints() {
    let api = limited();
    let ann = api.register("ann").await;
    let bob = api.register("bob").await;
    let wrong = "Wrong-Stripe-7";
    let guesses = |user: &User, password: &str| {
        let change = json!({"current_password": password, "new_password": "Giraffe-Spot-8"});
        let address = json!({"email": address(), "current_password": password});
        [
            user.ask(post("/auth/change-password", change.clone())),
            user.ask(TestRequest::post().uri("/auth/change-password").set_json(change)),
            user.ask(patch("/users/me", address)),
            user.ask(TestRequest::delete().uri("/api/v1/users/me").set_json(json!({"password": password}))),
        ]
    };
    // The right password does not count.
    for _ in 0..20 {
        let same = json!({"current_password": PASSWORD, "new_password": PASSWORD});
        api.send(ann.ask(post("/auth/change-password", same))).await.refused(422, "VALIDATION_008");
    }
    let attempts = (0..3).flat_map(|_| guesses(&ann, wrong)).take(10);
    for attempt in attempts {
        api.send(attempt).await.refused(422, "VALIDATION_007");
    }
    for password in [wrong, PASSWORD] {
        for attempt in guesses(&ann, password) {
            let refused = api.send(attempt).await;
            refused.refused(429, "RATE_001");
            assert_eq!(refused.header("retry-after"), Some("90"));
            assert_eq!(limits(&refused).0, Some(r#""default";q=10;w=900"#));
        }
    }
    // Other accounts, and logins to this one, are not limited.
    for attempt in guesses(&bob, wrong) {
        api.send(attempt).await.refused(422, "VALIDATION_007");
    }
    let body = json!({"email": ann.email, "password": PASSWORD});
    api.send(post("/auth/login", body)).await.user(200);
    api.advance(Duration::from_secs(90));
    let change = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
    api.send(ann.ask(post("/auth/change-password", change))).await.expect(204);
}

#[actix_web::test]
async fn right_passwords_are_limited_per_account_on_every_contract() {
    let api = limited();
    let ann = api.register("ann").await;
    let bob = api.register("bob").await;
    let same = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    let login = |user: &User, path: &str| {
        TestRequest::post().uri(path).set_json(json!({"email": user.email, "password": PASSWORD}))
    };
    let paths = ["/api/v1/auth/login", "/auth/login", "/api/auth/signin"];
    for n in 0..59 {
        api.send(login(&ann, paths[n % 3])).await.expect(200);
    }
    api.send(ann.ask(post("/auth/change-password", same.clone()))).await.refused(422, "VALIDATION_008");
    for attempt in [login(&ann, paths[0]), login(&ann, paths[1]), login(&ann, paths[2])] {
        let refused = api.send(attempt).await;
        refused.refused(429, "RATE_001");
        assert_eq!(limits(&refused).0, Some(r#""default";q=60;w=900"#));
    }
    api.send(ann.ask(post("/auth/change-password", same))).await.refused(429, "RATE_001");
    // Neither wrong passwords nor other accounts count.
    for _ in 0..4 {
        fail(&api, &bob.email, |request| request).await.expect(401);
    }
    api.send(login(&bob, paths[0])).await.expect(200);
    api.advance(Duration::from_secs(15));
    api.send(login(&ann, paths[0])).await.expect(200);
}
