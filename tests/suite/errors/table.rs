//! Every code that this surface can produce is produced by some test of this suite.

/// The codes of other surfaces and later endpoints, and those that no request can cause on purpose, each with its reason.
const NOT_HERE: [(&str, &str); 7] = [
    ("AUTH_008", "no one-time token is issued yet"),
    ("AUTH_009", "no OAuth yet"),
    ("AUTH_010", "no OAuth yet"),
    ("AUTHZ_001", "on this surface another user's todo is not found"),
    ("RESOURCE_002", "no endpoint yet names a device or a provider"),
    ("SERVER_002", "nothing unexpected can be caused from outside"),
    ("SERVER_004", "hashing does not fail with what a request can hold"),
];

#[test]
fn every_code_of_the_document_has_a_test_or_a_reason() {
    let root = blackbox_tests::binary::workspace();
    let document =
        std::fs::read_to_string(root.join("openapi/openapi.json")).expect("the committed document");
    let document: serde_json::Value = serde_json::from_str(&document).expect("it is JSON");
    let codes =
        document["components"]["schemas"]["ErrorCode"]["enum"].as_array().expect("the codes are listed");
    let mut sources = String::new();
    read(&root.join("tests/suite"), &mut sources);
    for code in codes {
        let code = code.as_str().expect("a code is a string");
        let excused = NOT_HERE.iter().any(|(known, _)| *known == code);
        let tested = sources.contains(&format!(", \"{code}\")"));
        assert!(tested != excused, "{code}: tested {tested}, excused {excused}");
    }
}

fn read(folder: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            read(&path, into);
        } else {
            into.push_str(&std::fs::read_to_string(&path).expect("a source can be read"));
        }
    }
}
