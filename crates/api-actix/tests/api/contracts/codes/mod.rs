//! Every error code in every area of paths that can answer with it.

mod request;
mod table;

use api_actix::openapi_document;
use domain::code::ErrorCode;
use domain_testkit::check_each;
use serde_json::Value;

use crate::harness::{Answer, Limiter, documented_status};
use request::{Scene, Sender};
use table::{Area, case};

#[actix_web::test]
async fn every_code_has_its_documented_status_and_headers_wherever_it_can_occur() {
    let cases = Area::ALL.into_iter().flat_map(|area| ErrorCode::ALL.iter().map(move |code| (area, *code)));
    let cases = cases.filter(|(area, code)| case(*code, *area).is_ok());
    check_each(cases, async |(area, code)| {
        let case = case(*code, *area).expect("a case");
        let scene = Scene::new().await;
        (case.before)(&scene);
        let answer = scene.send(&case.request).await;
        answer.refused(documented_status(*code, area.surface()), code.as_str());
        assert_eq!(answer.body["request_id"], "the-request");
        assert!(!answer.body.to_string().contains("secret"), "internals in {}", answer.body);
        check_headers(&answer, *code, case.request.sender);
    })
    .await;
}

fn check_headers(answer: &Answer, code: ErrorCode, sender: Sender) {
    let wait = match code {
        ErrorCode::RateLimited => Some(Limiter::WAIT.as_secs().to_string()),
        ErrorCode::DatabaseUnavailable | ErrorCode::TokenNotVerifiable => Some("1".to_owned()),
        _ => None,
    };
    assert_eq!(answer.header("retry-after"), wait.as_deref());
    let exhausted = answer.header("ratelimit").is_some_and(|limit| limit.contains("r=0"));
    assert_eq!(exhausted, code == ErrorCode::RateLimited);
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
    assert_eq!(found, challenge);
}

#[test]
fn every_code_can_occur_in_some_area() {
    let never = |code: &&ErrorCode| Area::ALL.iter().all(|area| case(**code, *area).is_err());
    let never: Vec<_> = ErrorCode::ALL.iter().filter(never).collect();
    assert!(never.is_empty(), "{never:?}");
}

#[test]
fn every_code_that_the_document_names_for_a_path_can_occur_there() {
    let document = serde_json::to_value(openapi_document()).expect("JSON");
    let mut impossible = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(area) = Area::ALL.into_iter().find(|area| path.starts_with(area.root())) else { continue };
        for operation in item.as_object().expect("an item").values() {
            for response in operation["responses"].as_object().into_iter().flat_map(|all| all.values()) {
                let text = description(response, &document);
                // One text describes everything that an unreachable database causes.
                let named = ErrorCode::ALL
                    .iter()
                    .filter(|code| **code != ErrorCode::TokenNotVerifiable && text.contains(code.as_str()));
                let reasons = named.filter_map(|code| Some((path, code.as_str(), case(*code, area).err()?)));
                impossible.extend(reasons);
            }
        }
    }
    assert!(impossible.is_empty(), "{impossible:#?}");
}

fn description<'a>(response: &'a Value, document: &'a Value) -> &'a str {
    let shared = response["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    shared.unwrap_or(response)["description"].as_str().expect("a description")
}
