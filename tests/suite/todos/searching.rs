//! The query parameter `search`. The contract suite of the stores has its rules.

use blackbox_tests::on_both_databases;
use reqwest::Method;
use serde_json::json;

use crate::support::texts;

on_both_databases! {
    async fn a_search_finds_words_in_texts_and_descriptions(server: Server) {
        let ann = server.client().new_user().await;
        for (text, description) in [("Buy milk", "at the CORNER shop"), ("Buy bread", "rye, 100% wholemeal")] {
            ann.post("/api/v1/todos", json!({"text": text, "description": description})).await.expect(201);
        }
        for (search, expected) in [
            ("  corner \t  buy ", vec!["Buy milk"]),
            ("100%", vec!["Buy bread"]),
            ("' or 1=1 --", vec![]),
            ("", vec!["Buy milk", "Buy bread"]),
        ] {
            let request = ann.request(Method::GET, "/api/v1/todos");
            let answer = ann.send(request.query(&[("search", search), ("sort", "oldest")])).await.expect(200);
            assert_eq!(texts(&answer.json()), expected, "{search:?}");
            assert_eq!(answer.header("x-total-count"), expected.len().to_string(), "{search:?}");
        }
    }

    async fn a_search_finds_either_unicode_form_of_a_letter(server: Server) {
        let ann = server.client().new_user().await;
        let (composed, decomposed) = ("M\u{fc}sli", "Mu\u{308}sli");
        for text in [composed, decomposed] {
            ann.post("/api/v1/todos", json!({"text": text})).await.expect(201);
        }
        for search in [composed, decomposed, "MU\u{308}SLI"] {
            let request = ann.request(Method::GET, "/api/v1/todos");
            let answer = ann.send(request.query(&[("search", search), ("sort", "oldest")])).await.expect(200);
            assert_eq!(texts(&answer.json()), [composed, decomposed], "{search:?}");
        }
    }

    async fn a_search_of_many_words_does_not_fail(server: Server) {
        let ann = server.client().new_user().await;
        ann.post("/api/v1/todos", json!({"text": "a b c"})).await.expect(201);
        let words = (0..1500).map(|n| format!("w{n}")).collect::<Vec<_>>().join("+");
        let answer = ann.get(&format!("/api/v1/todos?search={words}")).await;
        assert!(answer.status < 500, "{answer}");
    }
}
