//! Searching the list.

use blackbox_tests::on_both_databases;
use serde_json::json;

use crate::support::texts;

on_both_databases! {
    async fn every_word_has_to_occur_somewhere_and_every_character_stands_for_itself(server: Server) {
        let ann = server.client().new_user().await;
        for (text, description) in [
            ("Buy milk", "at the CORNER shop"),
            ("Buy bread", "rye, 100% wholemeal"),
            ("Fix under_score", "C:\\temp\\*"),
            ("ÄRGER im Büro", "straße"),
            ("İstanbul trip", ""),
            ("quote ' or 1=1 --", "semi; DROP TABLE todos"),
        ] {
            let body = json!({"text": text, "description": description});
            ann.post("/api/v1/todos", body).await.expect(201);
        }
        for (search, expected) in [
            ("milk", vec!["Buy milk"]),
            ("BUY", vec!["Buy milk", "Buy bread"]),
            ("buy corner", vec!["Buy milk"]),
            ("corner buy", vec!["Buy milk"]),
            ("  corner \t  buy ", vec!["Buy milk"]),
            ("uy mil", vec!["Buy milk"]),
            ("buy tea", vec![]),
            ("%", vec!["Buy bread"]),
            ("100%", vec!["Buy bread"]),
            ("_", vec!["Fix under_score"]),
            ("r_s", vec!["Fix under_score"]),
            ("rXs", vec![]),
            ("\\", vec!["Fix under_score"]),
            ("temp\\*", vec!["Fix under_score"]),
            ("*", vec!["Fix under_score"]),
            ("ärger", vec!["ÄRGER im Büro"]),
            ("BÜRO STRASSE", vec![]),
            ("STRAßE", vec!["ÄRGER im Büro"]),
            ("' or 1=1 --", vec!["quote ' or 1=1 --"]),
            ("drop table;", vec![]),
            (
                "",
                vec![
                    "Buy milk",
                    "Buy bread",
                    "Fix under_score",
                    "ÄRGER im Büro",
                    "İstanbul trip",
                    "quote ' or 1=1 --",
                ],
            ),
        ] {
            let request = ann.request(reqwest::Method::GET, "/api/v1/todos");
            let answer = ann.send(request.query(&[("search", search), ("sort", "oldest")])).await.expect(200);
            assert_eq!(texts(&answer.json()), expected, "{search:?}");
            assert_eq!(answer.header("x-total-count"), expected.len().to_string(), "{search:?}");
        }
    }

    async fn a_search_of_very_many_words_is_answered_or_refused_in_time(server: Server) {
        let ann = server.client().new_user().await;
        ann.post("/api/v1/todos", json!({"text": "a b c"})).await.expect(201);
        let words = (0..1500).map(|n| format!("w{n}")).collect::<Vec<_>>().join("+");
        let answer = ann.get(&format!("/api/v1/todos?search={words}")).await;
        assert!(answer.status < 500, "{answer}");
    }
}
