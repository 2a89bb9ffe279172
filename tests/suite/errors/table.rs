//! Every code is produced by some test of this suite, or there is a reason why not.

/// The codes that nothing outside the server can cause here, each with where it is caused instead.
const NOT_HERE: [(&str, &str); 2] = [
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
