//! What is answered when something behind the API fails in ways that no request can cause.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

mod broken;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::test::{self, TestRequest};
use api_actix::app;
use domain::StoreError;
use domain::account::HasherError;
use domain::session::AuthFailure;
use serde_json::Value;

use broken::{Fault, api};

const TODO: &str = "/api/v1/todos/0190163d-8694-739b-aea5-966c26f8ad91";

/// Sends the request, as one called `the-request`; the answer's status, headers and problem.
async fn answer(fault: Fault, request: TestRequest) -> (StatusCode, HeaderMap, Value) {
    let app = test::init_service(app(api(fault))).await;
    let request = request.insert_header(("x-request-id", "the-request")).to_request();
    let (status, headers, body) = match test::try_call_service(&app, request).await {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            (status, headers, test::read_body(answer).await)
        }
        // What the connection makes of a layer that failed.
        Err(error) => {
            let answer = error.error_response();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = actix_web::body::to_bytes(answer.into_body()).await.expect("a body");
            (status, headers, body)
        }
    };
    let problem: Value = serde_json::from_slice(&body).expect("a problem");
    assert_eq!(headers.get("content-type").expect("a type"), "application/problem+json");
    assert_eq!(headers.get("x-request-id").expect("an id"), "the-request");
    assert!(headers.contains_key("x-content-type-options"));
    assert_eq!(problem["request_id"], "the-request");
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["message"], problem["detail"]);
    assert!(problem["details"].is_object());
    (status, headers, problem)
}

fn with_token(request: TestRequest, scopes: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {scopes}")))
}

fn get_todo() -> TestRequest {
    with_token(TestRequest::get().uri(TODO), "todos:read")
}

fn register() -> TestRequest {
    let body = serde_json::json!({"email": "ann@example.com", "password": "Zebra-Stripe-7"});
    TestRequest::post().uri("/api/v1/auth/register").set_json(body)
}

#[actix_web::test]
async fn a_lost_database_is_told_with_when_to_try_again() {
    let fault = Fault::Store(|| StoreError::Unavailable("secret host".into()));
    let (status, headers, problem) = answer(fault, get_todo()).await;
    assert_eq!(
        (status, problem["error_code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("SERVER_001"))
    );
    assert_eq!(headers.get(RETRY_AFTER).expect("a delay"), "1");
    assert!(!problem.to_string().contains("secret"), "{problem}");
}

#[actix_web::test]
async fn a_corrupt_row_and_a_panic_are_told_in_one_plain_sentence() {
    let corrupt = Fault::Store(|| StoreError::corrupt("todos", "secret_column", "nonsense"));
    let panic = Fault::Store(|| panic!("a secret of the handler"));
    for fault in [corrupt, panic] {
        let (status, _, problem) = answer(fault, get_todo()).await;
        assert_eq!(
            (status, problem["error_code"].as_str()),
            (StatusCode::INTERNAL_SERVER_ERROR, Some("SERVER_002"))
        );
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
}

#[actix_web::test]
async fn a_hasher_that_fails_and_one_that_is_busy_are_told_apart() {
    let failed = Fault::Hasher(|| HasherError::Failed("secret".into()));
    let (status, _, problem) = answer(failed, register()).await;
    assert_eq!(
        (status, problem["error_code"].as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, Some("SERVER_004"))
    );
    assert!(!problem.to_string().contains("secret"), "{problem}");
    let (status, headers, problem) = answer(Fault::Hasher(|| HasherError::Busy), register()).await;
    assert_eq!((status, problem["error_code"].as_str()), (StatusCode::TOO_MANY_REQUESTS, Some("RATE_001")));
    assert!(headers.contains_key(RETRY_AFTER));
}

#[actix_web::test]
async fn every_way_in_which_a_token_is_no_good_has_its_code() {
    let invalid = r#"Bearer error="invalid_token""#;
    for (failure, status, code, challenge) in [
        (AuthFailure::Malformed, 401, "AUTH_005", Some(invalid)),
        (AuthFailure::NotTrusted, 401, "AUTH_006", Some(invalid)),
        (AuthFailure::Expired, 401, "AUTH_002", Some(invalid)),
        (AuthFailure::Revoked, 401, "AUTH_004", Some(invalid)),
        (AuthFailure::RevocationsUnknown, 503, "SERVER_003", None),
    ] {
        let (found, headers, problem) = answer(Fault::Token(failure), get_todo()).await;
        assert_eq!((found.as_u16(), problem["error_code"].as_str()), (status, Some(code)));
        assert_eq!(headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().expect("text")), challenge);
        assert_eq!(headers.contains_key(RETRY_AFTER), challenge.is_none());
    }
    let (found, headers, problem) = answer(Fault::None, TestRequest::get().uri(TODO)).await;
    assert_eq!((found.as_u16(), problem["error_code"].as_str()), (401, Some("AUTH_005")));
    assert_eq!(headers.get(WWW_AUTHENTICATE).expect("a challenge"), "Bearer");
}

#[actix_web::test]
async fn a_token_is_good_for_what_its_scope_allows() {
    let body = serde_json::json!({"text": "Buy milk"});
    for (request, scopes, wanted) in [
        (TestRequest::get().uri("/api/v1/todos"), "todos:write+account", "todos:read"),
        (TestRequest::post().uri("/api/v1/todos").set_json(&body), "todos:read+account", "todos:write"),
        (TestRequest::delete().uri(TODO), "todos:read", "todos:write"),
        (TestRequest::post().uri("/api/v1/todos/sync").set_json(&body), "todos:read", "todos:write"),
        (TestRequest::post().uri("/api/v1/todos/sync").set_json(&body), "todos:write", "todos:read"),
        (TestRequest::get().uri("/api/v1/users/me"), "todos:read+todos:write", "account"),
        (TestRequest::post().uri("/api/v1/auth/logout"), "todos:read+todos:write", "account"),
    ] {
        let (status, headers, problem) = answer(Fault::None, with_token(request, scopes)).await;
        assert_eq!((status.as_u16(), problem["error_code"].as_str()), (403, Some("AUTHZ_002")));
        assert_eq!(problem["details"]["scope"], wanted);
        let challenge = headers.get(WWW_AUTHENTICATE).expect("a challenge").to_str().expect("text");
        assert_eq!(challenge, format!(r#"Bearer error="insufficient_scope", scope="{wanted}""#));
    }
}

#[actix_web::test]
async fn a_user_who_is_gone_is_told_so_by_every_operation() {
    let items = serde_json::json!({"todos": [{"id": TODO.rsplit('/').next(), "text": "Buy milk"}]});
    let todo = &items["todos"][0];
    for request in [
        TestRequest::get().uri("/api/v1/todos"),
        TestRequest::post().uri("/api/v1/todos").set_json(todo),
        TestRequest::patch().uri(TODO).set_json(todo),
        TestRequest::delete().uri(TODO),
        TestRequest::post().uri("/api/v1/todos/bulk").set_json(&items),
        TestRequest::patch().uri("/api/v1/todos/bulk").set_json(&items),
        TestRequest::post().uri("/api/v1/todos/sync").set_json(&items),
        TestRequest::get().uri("/api/v1/users/me"),
        TestRequest::patch().uri("/api/v1/users/me").set_json(&items),
    ] {
        let all = "todos:read+todos:write+account";
        let (status, _, problem) = answer(Fault::None, with_token(request, all)).await;
        assert_eq!((status.as_u16(), problem["error_code"].as_str()), (401, Some("AUTH_007")));
    }
}
