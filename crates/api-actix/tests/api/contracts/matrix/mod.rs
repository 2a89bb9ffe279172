//! Every operation with every caller and every input.

mod operation;
mod scene;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::Method;
use api_actix::openapi_document;
use domain::code::ErrorCode;
use serde_json::Value;

use crate::harness::{Answer, Failures, TestApi, documented_status};
use operation::{Access, Operation};
use scene::{Caller, Scene};
use table::operations;

/// The code with which a caller is refused. `bad` is the code of a bad input.
fn refusal(operation: &Operation, caller: Caller, bad: Option<ErrorCode>) -> Option<ErrorCode> {
    match (caller, operation.access) {
        (_, Access::Public) | (Caller::Owner, _) | (Caller::Other, Access::AllUsers) => bad,
        (Caller::Anonymous, _) => Some(ErrorCode::TokenMalformed),
        (Caller::Expired, _) => Some(ErrorCode::AccessTokenExpired),
        (Caller::Revoked, _) => Some(ErrorCode::TokenRevoked),
        // Size and type of a body are checked before the path.
        (Caller::Other, Access::ForbiddenToOthersUnread) => match bad {
            Some(ErrorCode::TooLarge | ErrorCode::ContentTypeWrong) => bad,
            _ => Some(ErrorCode::NotYours),
        },
        (Caller::Other, Access::ForbiddenToOthers) => bad.or(Some(ErrorCode::NotYours)),
        (Caller::Other, Access::NotFoundToOthers) => bad.or(Some(not_found(operation))),
    }
}

fn not_found(operation: &Operation) -> ErrorCode {
    if operation.path.contains("{device}") { ErrorCode::ResourceNotFound } else { ErrorCode::TodoNotFound }
}

#[actix_web::test]
async fn every_caller_and_input_gets_the_status_of_the_contract() {
    let mut failures = Failures::default();
    for operation in operations() {
        let scene = Scene::new().await;
        for bad in &operation.bad {
            for caller in Caller::ALL {
                let code = refusal(&operation, caller, Some(bad.code)).expect("a bad input is refused");
                let answer = scene.call(&operation, caller, &bad.input).await;
                let found = check(&answer, &operation, code).and_then(|()| check_field(&answer, code));
                failures.record(format_args!("{operation}, {caller:?}, {}", bad.input), found);
            }
        }
        for caller in Caller::ALL {
            if caller == Caller::Owner && !scene.is_untouched().await {
                failures.record(&operation, Err("a refused request changed the todo".to_owned()));
            }
            let answer = scene.call(&operation, caller, &operation.good).await;
            let found = match refusal(&operation, caller, None) {
                Some(code) => check(&answer, &operation, code),
                None => operation.check_success(&answer),
            };
            failures.record(format_args!("{operation}, {caller:?}, good input"), found);
        }
    }
    failures.assert_none();
}

fn check(answer: &Answer, operation: &Operation, code: ErrorCode) -> Result<(), String> {
    answer.check_refusal(documented_status(code, operation.surface()), code.as_str())
}

/// Only the refusal of a body member or a query parameter names a field.
fn check_field(answer: &Answer, code: ErrorCode) -> Result<(), String> {
    let named = answer.body["details"]["errors"][0]["field"].is_string();
    let expected = code.as_str().starts_with("VALIDATION_00") && code != ErrorCode::BodyNotJson;
    if named == expected { Ok(()) } else { Err(format!("names a field: {named}")) }
}

#[test]
fn the_matrix_covers_every_documented_operation_on_todos_and_users() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let tag = operation["tags"][0].as_str().expect("a tag");
            if tag != "Operations" && tag != "Authentication" {
                documented.insert((method.to_uppercase(), nameless(path)));
            }
        }
    }
    let known = operations().iter().map(|o| (o.method.to_string(), nameless(o.path))).collect();
    assert_eq!(documented, known);
}

/// Removes the names of the path's parameters.
fn nameless(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn an_outage_is_reported_with_retry_after_and_changes_nothing() {
    let mut failures = Failures::default();
    for operation in operations() {
        let scene = Scene::new().await;
        let refused = async |code: ErrorCode| {
            let answer = scene.call(&operation, Caller::Owner, &operation.good).await;
            check(&answer, &operation, code)?;
            let wait = answer.header("retry-after");
            if wait == Some("1") { Ok(()) } else { Err(format!("retry-after is {wait:?}")) }
        };
        scene.api.store.set_available(false);
        failures.record(&operation, refused(ErrorCode::DatabaseUnavailable).await);
        scene.api.store.set_available(true);
        if !operation.public() {
            scene.api.clock.advance(Duration::from_secs(11));
            failures.record(&operation, refused(ErrorCode::RevocationsUnknown).await);
            scene.api.confirm_revocations();
        }
        if !scene.is_untouched().await {
            failures.record(&operation, Err("the outage left a change".to_owned()));
        }
        let answer = scene.call(&operation, Caller::Owner, &operation.good).await;
        failures.record(&operation, operation.check_success(&answer));
    }
    failures.assert_none();
}

#[actix_web::test]
async fn every_operation_refuses_bad_tokens_and_disabled_users() {
    let mut failures = Failures::default();
    for operation in operations().into_iter().filter(|operation| !operation.public()) {
        let mut scene = Scene::new().await;
        let token = scene.owner.token.clone();
        let (head, _) = token.rsplit_once('.').expect("a JWT");
        let forged = format!("{head}.{}", "A".repeat(43));
        for (bad, code) in [
            ("nonsense", ErrorCode::TokenMalformed),
            (&scene.owner.refresh.clone(), ErrorCode::TokenMalformed),
            (&forged, ErrorCode::TokenNotTrusted),
        ] {
            bad.clone_into(&mut scene.owner.token);
            let answer = scene.call(&operation, Caller::Owner, &operation.good).await;
            failures.record(&operation, check(&answer, &operation, code));
        }
        if !scene.is_untouched().await {
            failures.record(&operation, Err("a bad token changed the todo".to_owned()));
        }
        scene.owner.token = token;
        scene.api.disable(scene.owner.id);
        let answer = scene.call(&operation, Caller::Owner, &operation.good).await;
        failures.record(&operation, check(&answer, &operation, ErrorCode::AccountGone));
    }
    failures.assert_none();
}

#[actix_web::test]
async fn a_wrong_method_lists_the_allowed_ones_and_an_unknown_path_is_404() {
    let api = TestApi::new();
    for (method, path, allow) in [
        (Method::PATCH, "/todos", "GET, HEAD, POST"),
        (Method::POST, "/todos/x", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/auth/login", "POST"),
        (Method::DELETE, "/api/tasks", "GET, HEAD, POST"),
        (Method::PUT, "/api/tasks/7/complete", "PATCH"),
        (Method::PUT, "/api/someone/tasks", "GET, HEAD, POST"),
        (Method::PATCH, "/api/someone/tasks/7", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/api/auth/signup", "POST"),
    ] {
        let answer = api.call("", method.clone(), path, Value::Null).await;
        answer.refused(405, "RESOURCE_003");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    for path in [
        "/auth",
        "/auth/nowhere",
        "/todos/a/b",
        "/api",
        "/api/nowhere",
        "/api/tasks/7/8/9",
        "/api/v1/tasks",
        "/api/v1/tasks/7",
    ] {
        api.get("", path).await.refused(404, "RESOURCE_003");
    }
}
