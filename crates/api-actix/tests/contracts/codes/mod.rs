//! Every error code in every tree of paths that can make it.

mod request;
mod table;

use api_actix::error::{Surface, status};
use api_actix::openapi_document;
use domain::code::ErrorCode;
use serde_json::Value;

use crate::fakes::Gate;
use crate::world::Answer;
use request::{Scene, Who};
use table::{Tree, trial};

#[actix_web::test]
async fn every_code_is_answered_as_its_surface_has_it_wherever_it_can_arise() {
    for tree in Tree::ALL {
        for code in ErrorCode::ALL {
            let Ok(trial) = trial(*code, tree) else { continue };
            let scene = Scene::new().await;
            (trial.happens)(&scene);
            let answer = scene.send(&trial.request).await;
            check(&answer, *code, tree.surface(), trial.request.who);
        }
    }
}

fn check(answer: &Answer, code: ErrorCode, surface: Surface, who: Who) {
    answer.refused(status(code, surface).as_u16(), code.as_str());
    assert_eq!(answer.body["request_id"], "the-request", "{answer:#?}");
    assert!(!answer.body.to_string().contains("secret"), "no internals: {answer:#?}");
    let wait = match code {
        ErrorCode::RateLimited => Some(Gate::WAIT.as_secs().to_string()),
        ErrorCode::DatabaseUnavailable | ErrorCode::RevocationsUnknown => Some("1".to_owned()),
        _ => None,
    };
    assert_eq!(answer.header("retry-after"), wait.as_deref(), "{answer:#?}");
    assert_eq!(
        answer.header("ratelimit").is_some_and(|limit| limit.contains("r=0")),
        code == ErrorCode::RateLimited
    );
    let challenge = match (code, who) {
        (ErrorCode::ScopeMissing, Who::Scopeless) => Some(r#"Bearer error="insufficient_scope", scope=""#),
        (ErrorCode::RefreshTokenExpired, _) => Some(r#"Bearer error="invalid_token""#),
        (_, Who::Nobody) if answer.status == 401 => Some("Bearer"),
        _ if answer.status == 401 => Some(r#"Bearer error="invalid_token""#),
        _ => None,
    };
    let header = answer.header("www-authenticate");
    let found = if code == ErrorCode::ScopeMissing { header.and_then(|h| h.get(..42)) } else { header };
    assert_eq!(found, challenge, "{answer:#?}");
}

#[test]
fn every_code_that_the_document_names_for_a_path_can_arise_there() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(tree) = Tree::ALL.into_iter().find(|tree| path.starts_with(tree.root())) else { continue };
        for operation in item.as_object().expect("an item").values() {
            for response in operation["responses"].as_object().into_iter().flat_map(|all| all.values()) {
                let text = description(response, &document);
                for code in ErrorCode::ALL.iter().filter(|code| text.contains(code.as_str())) {
                    // One text tells of all that an unreachable database does.
                    if *code == ErrorCode::RevocationsUnknown {
                        continue;
                    }
                    let reason = trial(*code, tree).err();
                    assert_eq!(reason, None, "{path} names {}", code.as_str());
                }
            }
        }
    }
}

fn description<'a>(response: &'a Value, document: &'a Value) -> &'a str {
    let shared = response["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    shared.unwrap_or(response)["description"].as_str().expect("a description")
}
