//! Every error code in every area of paths that can answer with it.

mod request;
mod table;

use api_actix::error::Surface;
use api_actix::openapi_document;
use domain::code::ErrorCode;
use serde_json::Value;

use crate::harness::{Answer, Failures, Limiter, documented_status};
use request::{Scene, Sender};
use table::{Area, case};

#[actix_web::test]
async fn every_code_has_its_documented_status_and_headers_wherever_it_can_occur() {
    let mut failures = Failures::default();
    for area in Area::ALL {
        for code in ErrorCode::ALL {
            let Ok(case) = case(*code, area) else { continue };
            let scene = Scene::new().await;
            (case.before)(&scene);
            let answer = scene.send(&case.request).await;
            let found = check(&answer, *code, area.surface(), case.request.sender);
            failures.record(format_args!("{area:?} {}", code.as_str()), found);
        }
    }
    failures.assert_none();
}

fn check(answer: &Answer, code: ErrorCode, surface: Surface, sender: Sender) -> Result<(), String> {
    answer.check_refusal(documented_status(code, surface), code.as_str())?;
    if answer.body["request_id"] != "the-request" {
        return Err(format!("the request id is {}", answer.body["request_id"]));
    }
    if answer.body.to_string().contains("secret") {
        return Err(format!("internals in {}", answer.body));
    }
    let wait = match code {
        ErrorCode::RateLimited => Some(Limiter::WAIT.as_secs().to_string()),
        ErrorCode::DatabaseUnavailable | ErrorCode::RevocationsUnknown => Some("1".to_owned()),
        _ => None,
    };
    if answer.header("retry-after") != wait.as_deref() {
        return Err(format!("retry-after is {:?}", answer.header("retry-after")));
    }
    let exhausted = answer.header("ratelimit").is_some_and(|limit| limit.contains("r=0"));
    if exhausted != (code == ErrorCode::RateLimited) {
        return Err(format!("ratelimit is {:?}", answer.header("ratelimit")));
    }
    let challenge = match (code, sender) {
        (ErrorCode::ScopeMissing, Sender::WithoutScopes) => {
            Some(r#"Bearer error="insufficient_scope", scope=""#)
        }
        (ErrorCode::RefreshTokenExpired, _) => Some(r#"Bearer error="invalid_token""#),
        (_, Sender::Anonymous) if answer.status == 401 => Some("Bearer"),
        _ if answer.status == 401 => Some(r#"Bearer error="invalid_token""#),
        _ => None,
    };
    let header = answer.header("www-authenticate");
    // The scope that is missing differs from area to area.
    let found = if code == ErrorCode::ScopeMissing { header.and_then(|h| h.get(..42)) } else { header };
    if found == challenge { Ok(()) } else { Err(format!("www-authenticate is {header:?}")) }
}

#[test]
fn every_code_that_the_document_names_for_a_path_can_occur_there() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let mut failures = Failures::default();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(area) = Area::ALL.into_iter().find(|area| path.starts_with(area.root())) else { continue };
        for operation in item.as_object().expect("an item").values() {
            for response in operation["responses"].as_object().into_iter().flat_map(|all| all.values()) {
                let text = description(response, &document);
                for code in ErrorCode::ALL.iter().filter(|code| text.contains(code.as_str())) {
                    // One text describes everything that an unreachable database causes.
                    if *code == ErrorCode::RevocationsUnknown {
                        continue;
                    }
                    let found = case(*code, area).map(drop).map_err(str::to_owned);
                    failures.record(format_args!("{path} names {}", code.as_str()), found);
                }
            }
        }
    }
    failures.assert_none();
}

fn description<'a>(response: &'a Value, document: &'a Value) -> &'a str {
    let shared = response["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    shared.unwrap_or(response)["description"].as_str().expect("a description")
}
