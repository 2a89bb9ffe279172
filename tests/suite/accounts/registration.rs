//! Registering.

use blackbox_tests::{Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{log_in, members};

const REGISTER: &str = "/api/v1/auth/register";

fn request(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

on_both_databases! {
    async fn registering_creates_the_account_and_logs_the_user_in(server: Server) {
        let client = server.client();
        let body = json!({"email": " Ann@Example.com ", "password": "Correct-Horse-7", "display_name": " Ann ",
                          "client_id": "phone", "unknown": "members are ignored"});
        let registered = client.post(REGISTER, body).await;
        expect![[r#"
            201
            cache-control: private, no-store
            {"access_token": "[access token]", "expires_in": 900, "refresh_token": "[refresh token]",
             "token_type": "bearer",
             "user": {"display_name": "Ann", "email": "Ann@Example.com", "email_verified": false, "id": "[id]"}}
        "#]]
        .assert_eq(&registered.to_string());
        let tokens = registered.json();
        let ann = client.with_token(tokens["access_token"].as_str().expect("a token"));
        ann.get("/api/v1/todos").await.expect(200);
    }

    async fn the_token_contract_also_requires_a_special_character(server: Server) {
        let client = server.client();
        let plain = request("ann@example.com", "ZebraStripe7");
        let refused = client.post("/auth/register", plain.clone()).await;
        refused.expect_problem(422, "VALIDATION_002");
        assert!(refused.text.contains("a special character"), "{refused}");
        let tokens = client.post(REGISTER, plain).await.expect(201).json();
        let ann = client.with_token(tokens["access_token"].as_str().expect("a token"));
        let change = json!({"current_password": "ZebraStripe7", "new_password": "GiraffeSpot8"});
        ann.post("/auth/change-password", change.clone()).await.expect_problem(422, "VALIDATION_002");
        ann.post("/api/v1/auth/change-password", change).await.expect(204);
    }

    async fn addresses_that_differ_in_case_are_the_same(server: Server) {
        let client = server.client();
        client.register("Ann@Example.com").await;
        let again = client.post(REGISTER, request("aNN@example.COM", "Correct-Horse-7")).await;
        expect![[r#"
            409
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "email is already registered; log in instead",
             "details": {"errors": [{"code": "VALIDATION_003", "field": "email",
                "message": "email is already registered; log in instead"}],
              "field": "email"},
             "error_code": "VALIDATION_003"}
        "#]]
        .assert_eq(&again.to_string());
        again.expect_problem(409, "VALIDATION_003");
        let (_, tokens) = log_in(&client, "ann@EXAMPLE.com", "laptop").await;
        assert_eq!(tokens["user"]["email"], "Ann@Example.com", "it stays as it was typed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_is_reported_at_once() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    let body =
        json!({"email": "nobody", "password": "short", "display_name": "x".repeat(101), "client_id": 7});
    let refused = client.post(REGISTER, body).await;
    expect![[r#"
        422
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "email must be an email address such as ann@example.com",
         "details": {"errors": [{"code": "VALIDATION_001", "field": "email",
            "message": "email must be an email address such as ann@example.com"},
           {"code": "VALIDATION_002", "field": "password",
            "message": "password must have 8 characters or more, an upper-case letter, a digit",
            "missing": ["8 characters or more", "an upper-case letter", "a digit"]},
           {"code": "VALIDATION_005", "field": "display_name", "got": 101, "max": 100,
            "message": "display_name must be at most 100 characters long; it has 101"},
           {"code": "VALIDATION_006", "field": "client_id", "message": "client_id must be a string"}],
          "field": "email"},
         "error_code": "VALIDATION_001"}
    "#]]
    .assert_eq(&refused.to_string());
    let nothing = client.post(REGISTER, json!({})).await;
    nothing.expect_problem(422, "VALIDATION_001");
    let errors = &nothing.json()["details"]["errors"];
    assert_eq!(members(errors, "field"), json!(["email", "password"]));
}
