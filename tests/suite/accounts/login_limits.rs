//! The limits on wrong passwords.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Answer, Client, Database, Server};
use serde_json::json;

async fn attempt(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/api/v1/auth/login", json!({"email": email, "password": password})).await
}

fn expect_limited(answer: &Answer) {
    answer.expect_problem(429, "RATE_001");
    let seconds: u32 = answer.header("retry-after").parse().expect("whole seconds");
    assert!((1..=900).contains(&seconds), "{answer}");
    assert!(answer.header("ratelimit-policy").contains("q=5;w=900"), "{answer}");
    assert!(answer.header("ratelimit").contains("r=0"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_passwords_from_one_network_the_sixth_is_not_compared() {
    let server = Server::start_with(Database::Sqlite, &[("RATE_LIMIT_ENABLED", "true")]).await;
    let client = server.client();
    client.register("ann@example.com").await;
    for n in 0..5 {
        // Successful logins in between neither count nor reset the limit.
        attempt(&client, "ann@example.com", PASSWORD).await.expect(200);
        let email = if n % 2 == 0 { "ann@example.com" } else { "nobody@example.com" };
        attempt(&client, email, "Wrong-Horse-7").await.expect_problem(401, "AUTH_001");
    }
    expect_limited(&attempt(&client, "ann@example.com", "Wrong-Horse-7").await);
    expect_limited(&attempt(&client, "ann@example.com", PASSWORD).await);
    expect_limited(&attempt(&client, "nobody@example.com", "Wrong-Horse-7").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_guesses_do_not_exceed_the_limit() {
    let server = Server::start_with(Database::Sqlite, &[("RATE_LIMIT_ENABLED", "true")]).await;
    let client = server.client();
    client.register("ann@example.com").await;
    let guesses = (0..30).map(|_| attempt(&client, "ann@example.com", "Wrong-Horse-7"));
    let answers = futures_util::future::join_all(guesses).await;
    let compared = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(compared, 5);
    answers.iter().filter(|answer| answer.status != 401).for_each(expect_limited);
}
