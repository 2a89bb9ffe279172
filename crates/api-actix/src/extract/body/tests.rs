//! What is read of a body, and what is refused.

use super::*;
use crate::extract::{Field, List, Text};

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

/// The parser skips members without recursion, so that no nesting overflows the stack.
#[test]
fn a_million_nested_brackets_are_skipped_or_refused() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Input<'a> {
        #[serde(borrow)]
        text: Field<Text<'a>>,
        #[serde(borrow)]
        items: Field<List<'a>>,
    }
    const DEPTH: usize = 1_000_000;
    let code =
        |json: &str| object::<Input<'_>>(json).map(|_| ()).map_err(|reason| Problem::from(reason).code());
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        assert_eq!(code(&format!(r#"{{"unknown": {nested}}}"#)), Ok(()));
        let known = format!(r#"{{"text": {nested}, "items": [{nested}]}}"#);
        let input: Input<'_> = object(&known).expect("an object");
        assert_eq!(input.text, Field::Invalid("a string"));
        let Field::Value(List(items)) = input.items else { panic!("not a list") };
        let expected = if open == "[" { Err(ErrorCode::ValueInvalid) } else { Ok(()) };
        assert_eq!(code(items[0].get()), expected);
        for unclosed in [open.repeat(DEPTH), format!(r#"{{"text": {}"#, open.repeat(DEPTH))] {
            assert_eq!(code(&unclosed), Err(ErrorCode::BodyNotJson));
        }
    }
}

#[test]
fn what_is_no_object_is_told_apart_from_what_is_no_json() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Input {
        version: Field<crate::extract::Int>,
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
