//! Every operation with every caller and every input.

mod operation;
mod scene;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::Method;
use api_actix::openapi_document;
use domain::code::ErrorCode;
use domain_testkit::check_each;
use serde_json::Value;

use crate::harness::{Answer, TestApi, User, documented_status};
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
    check_each(operations(), async |operation| {
        let scene = Scene::new().await;
        let bad =
            operation.bad.iter().flat_map(|bad| Caller::ALL.map(|caller| (caller, &bad.input, bad.code)));
        check_each(bad, async |(caller, input, bad)| {
            let code = refusal(operation, *caller, Some(*bad)).expect("a bad input is refused");
            let answer = scene.call(operation, *caller, input).await;
            expect_refusal(&answer, operation, code);
            // Only the refusal of a body member or a query parameter names a field.
            let names_field = answer.body["details"]["errors"][0]["field"].is_string();
            let about_field = code.as_str().starts_with("VALIDATION_00") && code != ErrorCode::BodyNotJson;
            assert_eq!(names_field, about_field, "{answer:#?}");
        })
        .await;
        check_each(Caller::ALL, async |caller| {
            if *caller == Caller::Owner {
                scene.expect_untouched().await;
            }
            let answer = scene.call(operation, *caller, &operation.good).await;
            match refusal(operation, *caller, None) {
                Some(code) => expect_refusal(&answer, operation, code),
                None => drop(answer.expect(operation.status)),
            }
        })
        .await;
    })
    .await;
}

fn expect_refusal(answer: &Answer, operation: &Operation, code: ErrorCode) {
    answer.refused(documented_status(code, operation.surface()), code.as_str());
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
    check_each(operations(), async |operation| {
        let scene = Scene::new().await;
        let expect_outage = async |code: ErrorCode| {
            let answer = scene.call(operation, Caller::Owner, &operation.good).await;
            expect_refusal(&answer, operation, code);
            assert_eq!(answer.header("retry-after"), Some("1"));
        };
        scene.api.store.set_available(false);
        expect_outage(ErrorCode::DatabaseUnavailable).await;
        scene.api.store.set_available(true);
        if !operation.public() {
            scene.api.clock.advance(Duration::from_secs(11));
            expect_outage(ErrorCode::TokenNotVerifiable).await;
            scene.api.confirm_revocations();
        }
        scene.expect_untouched().await;
        scene.call(operation, Caller::Owner, &operation.good).await.expect(operation.status);
    })
    .await;
}

#[actix_web::test]
async fn every_operation_refuses_bad_tokens_and_disabled_users() {
    check_each(operations().into_iter().filter(|operation| !operation.public()), async |operation| {
        let mut scene = Scene::new().await;
        let User { token, refresh, .. } = scene.owner.clone();
        let (head, _) = token.rsplit_once('.').expect("a JWT");
        let forged = format!("{head}.{}", "A".repeat(43));
        for (bad, code) in [
            ("nonsense", ErrorCode::TokenMalformed),
            (&refresh, ErrorCode::TokenMalformed),
            (&forged, ErrorCode::TokenNotTrusted),
        ] {
            bad.clone_into(&mut scene.owner.token);
            let answer = scene.call(operation, Caller::Owner, &operation.good).await;
            expect_refusal(&answer, operation, code);
        }
        scene.expect_untouched().await;
        scene.owner.token = token;
        scene.api.disable(scene.owner.id);
        let answer = scene.call(operation, Caller::Owner, &operation.good).await;
        expect_refusal(&answer, operation, ErrorCode::AccountGone);
    })
    .await;
}

#[actix_web::test]
async fn a_wrong_method_lists_the_allowed_ones_and_an_unknown_path_is_404() {
    let api = TestApi::new();
    let wrong_methods = [
        (Method::PATCH, "/todos", "GET, HEAD, POST"),
        (Method::POST, "/todos/x", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/auth/login", "POST"),
        (Method::DELETE, "/api/tasks", "GET, HEAD, POST"),
        (Method::PUT, "/api/tasks/7/complete", "PATCH"),
        (Method::PUT, "/api/someone/tasks", "GET, HEAD, POST"),
        (Method::PATCH, "/api/someone/tasks/7", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/api/auth/signup", "POST"),
    ];
    check_each(wrong_methods, async |(method, path, allow)| {
        let answer = api.call("", method.clone(), path, Value::Null).await;
        answer.refused(405, "RESOURCE_003");
        assert_eq!(answer.header("allow"), Some(*allow));
    })
    .await;
    let unknown_paths = [
        "/auth",
        "/auth/nowhere",
        "/todos/a/b",
        "/api",
        "/api/nowhere",
        "/api/tasks/7/8/9",
        "/api/v1/tasks",
        "/api/v1/tasks/7",
    ];
    check_each(unknown_paths, async |path| api.get("", path).await.refused(404, "RESOURCE_003")).await;
}
