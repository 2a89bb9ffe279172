//! Every operation against every caller and every input.

mod operation;
mod scene;
mod table;

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::Method;
use api_actix::error::status;
use api_actix::openapi_document;
use domain::code::ErrorCode;
use domain::session::RevocationNews;
use serde_json::Value;

use crate::world::World;
use operation::{Operation, Strangers};
use scene::{Caller, Scene};
use table::operations;

/// What a caller is refused with; `bad` is the code of the input, unless it is a good one.
fn refusal(operation: &Operation, caller: Caller, bad: Option<ErrorCode>) -> Option<ErrorCode> {
    match (caller, operation.strangers) {
        (_, Strangers::MakeNoDifference) | (Caller::Owner, _) | (Caller::Other, Strangers::HaveTheirOwn) => {
            bad
        }
        (Caller::Anonymous, _) => Some(ErrorCode::TokenMalformed),
        (Caller::Expired, _) => Some(ErrorCode::AccessTokenExpired),
        (Caller::Revoked, _) => Some(ErrorCode::TokenRevoked),
        // A body is measured before the handler sees the path.
        (Caller::Other, Strangers::AreKeptOut) => match bad {
            Some(ErrorCode::TooLarge | ErrorCode::ContentTypeWrong) => bad,
            _ => Some(ErrorCode::NotYours),
        },
        (Caller::Other, Strangers::AreRefused) => bad.or(Some(ErrorCode::NotYours)),
        (Caller::Other, Strangers::FindNothing) => bad.or(Some(not_found(operation))),
    }
}

/// The code of what is not there.
fn not_found(operation: &Operation) -> ErrorCode {
    if operation.path.contains("{device}") { ErrorCode::ResourceNotFound } else { ErrorCode::TodoNotFound }
}

#[actix_web::test]
async fn every_caller_with_every_input_gets_what_the_contract_has_for_them() {
    for operation in operations() {
        let scene = Scene::new().await;
        for bad in &operation.bad {
            for caller in Caller::ALL {
                let code = refusal(&operation, caller, Some(bad.code)).expect("a bad input is refused");
                let answer = scene.call(&operation, caller, &bad.input).await;
                answer.refused(status(code, operation.surface()).as_u16(), code.as_str());
                let named = answer.body["details"]["errors"][0]["field"].is_string();
                assert_eq!(
                    named,
                    code.as_str().starts_with("VALIDATION_00") && code != ErrorCode::BodyNotJson,
                    "{answer:?}"
                );
            }
        }
        for caller in Caller::ALL {
            if caller == Caller::Owner {
                assert!(scene.is_untouched().await, "{} {}", operation.method, operation.path);
            }
            let answer = scene.call(&operation, caller, &operation.good).await;
            match refusal(&operation, caller, None) {
                Some(code) => answer.refused(status(code, operation.surface()).as_u16(), code.as_str()),
                None => drop(answer.expect(operation.status)),
            }
        }
    }
}

#[test]
fn the_matrix_has_every_operation_of_the_document_about_todos_and_their_users() {
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

/// The path with its parameters without names.
fn nameless(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn an_outage_is_told_with_a_time_to_try_again_and_leaves_nothing_half_done() {
    for operation in operations() {
        let scene = Scene::new().await;
        let refused = async |code: ErrorCode| {
            let answer = scene.call(&operation, Caller::Owner, &operation.good).await;
            answer.refused(status(code, operation.surface()).as_u16(), code.as_str());
            assert_eq!(answer.header("retry-after"), Some("1"));
        };
        scene.world.store.set_available(false);
        refused(ErrorCode::DatabaseUnavailable).await;
        scene.world.store.set_available(true);
        if !operation.public() {
            scene.world.clock.advance(Duration::from_secs(11));
            refused(ErrorCode::RevocationsUnknown).await;
            scene.world.hear();
        }
        assert!(scene.is_untouched().await);
        scene.call(&operation, Caller::Owner, &operation.good).await.expect(operation.status);
    }
}

#[actix_web::test]
async fn a_user_who_is_disabled_is_locked_out() {
    for operation in operations().into_iter().filter(|operation| !operation.public()) {
        let scene = Scene::new().await;
        let news = RevocationNews { disabled: vec![scene.owner.user_id()], ..RevocationNews::default() };
        scene.world.revocations.refresh(&news, domain::Clock::reading(&*scene.world.clock));
        let answer = scene.call(&operation, Caller::Owner, &operation.good).await;
        answer.refused(401, "AUTH_007");
    }
}

#[actix_web::test]
async fn what_is_no_access_token_of_this_server_opens_nothing() {
    for operation in operations().into_iter().filter(|operation| !operation.public()) {
        let mut scene = Scene::new().await;
        let (head, _) = scene.owner.token.rsplit_once('.').expect("a JWT");
        let forged = format!("{head}.{}", "A".repeat(43));
        let refresh = scene.owner.refresh.clone();
        for (token, code) in
            [("nonsense".to_owned(), "AUTH_005"), (refresh, "AUTH_005"), (forged, "AUTH_006")]
        {
            scene.owner.token = token;
            scene.call(&operation, Caller::Owner, &operation.good).await.refused(401, code);
        }
        assert!(scene.is_untouched().await);
    }
}

#[actix_web::test]
async fn a_known_path_names_its_methods_and_an_unknown_one_is_404_on_every_surface() {
    let world = World::new();
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
        let answer = world.call("", method.clone(), path, Value::Null).await;
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
        world.get("", path).await.refused(404, "RESOURCE_003");
    }
}
