//! What is read of a body, and what is refused.

use super::*;

#[test]
fn json_is_told_by_its_content_type() {
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=\"UTF-8\"",
        "application/merge-patch+json",
    ] {
        assert!(is_json(good), "{good}");
    }
    for bad in ["text/plain", "application/json; charset=latin1", "text/json", "application/jsonp", ""] {
        assert!(!is_json(bad), "{bad}");
    }
}

#[test]
fn brackets_in_strings_are_no_nesting() {
    let brackets = "[".repeat(DEEPEST + 1);
    assert!(too_deep(&brackets));
    assert!(!too_deep(&brackets[1..]));
    assert!(!too_deep(&format!(r#"{{"a": "\"{brackets}"}}"#)));
}

#[test]
fn what_is_no_object_is_told_apart_from_what_is_no_json() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Input {
        version: crate::extract::Field<crate::extract::Int>,
    }
    let code = |text| object::<Input>(text).map_err(|reason| Problem::from(reason).code());
    assert!(matches!(code("{}"), Ok(input) if input.version.is_absent()));
    for text in ["[]", "[1]", "1", "null", "\"a\"", " true "] {
        assert_eq!(code(text).expect_err("no object"), ErrorCode::ValueInvalid, "{text}");
    }
    for text in ["", "{", "{}x", "[1", "{'a': 1}", r#"{"version": 1, "version": 1}"#, "nul", "\"\\ud800"] {
        assert_eq!(code(text).expect_err("no JSON"), ErrorCode::BodyNotJson, "{text}");
    }
}
