//! Which bodies are read, and which are refused.

use super::*;
use crate::extract::{List, Member, Text};

#[test]
fn json_is_recognised_by_its_content_type() {
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

/// The parser skips members without recursion, so that no nesting overflows the stack.
#[test]
fn a_million_nested_brackets_are_skipped_or_refused() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Input<'a> {
        #[serde(borrow)]
        text: Member<Text<'a>>,
        #[serde(borrow)]
        items: Member<List<'a>>,
    }
    const DEPTH: usize = 1_000_000;
    let code =
        |json: &str| object::<Input<'_>>(json).map(|_| ()).map_err(|reason| Problem::from(reason).code());
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        assert_eq!(code(&format!(r#"{{"unknown": {nested}}}"#)), Ok(()));
        let known = format!(r#"{{"text": {nested}, "items": [{nested}]}}"#);
        let input: Input<'_> = object(&known).expect("an object");
        assert_eq!(input.text, Member::Invalid("a string"));
        let Member::Value(List(items)) = input.items else { panic!("not a list") };
        let expected = if open == "[" { Err(ErrorCode::ValueInvalid) } else { Ok(()) };
        assert_eq!(code(items[0].get()), expected);
        for unclosed in [open.repeat(DEPTH), format!(r#"{{"text": {}"#, open.repeat(DEPTH))] {
            assert_eq!(code(&unclosed), Err(ErrorCode::BodyNotJson));
        }
    }
}

#[test]
fn what_is_not_an_object_is_distinguished_from_what_is_not_json() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Input {
        version: Member<crate::extract::Int>,
    }
    let code = |text| object::<Input>(text).map_err(|reason| Problem::from(reason).code());
    assert!(matches!(code("{}"), Ok(input) if input.version.is_absent()));
    for text in ["[]", "[1]", "1", "null", "\"a\"", " true "] {
        assert_eq!(code(text).expect_err("not an object"), ErrorCode::ValueInvalid, "{text}");
    }
    for text in ["", "{", "{}x", "[1", "{'a': 1}", r#"{"version": 1, "version": 1}"#, "nul", "\"\\ud800"] {
        assert_eq!(code(text).expect_err("not JSON"), ErrorCode::BodyNotJson, "{text}");
    }
}
