//! Pages of a list.

use blackbox_tests::on_both_databases;
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{items, texts};

const TODOS: &str = "/api/v1/todos";

on_both_databases! {
    async fn linked_pages_contain_every_todo_once(server: Server) {
        let ann = server.client().new_user().await;
        let todos: Vec<_> = (0..120).map(|n| json!({"text": format!("todo {n:03}")})).collect();
        ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);

        let first = ann.get(&format!("{TODOS}?sort=oldest&search=todo&per_page=50")).await.expect(200);
        expect![[r#"</api/v1/todos?search=todo&sort=oldest&page=1&per_page=50>; rel="first", </api/v1/todos?search=todo&sort=oldest&page=2&per_page=50>; rel="next", </api/v1/todos?search=todo&sort=oldest&page=3&per_page=50>; rel="last""#]].assert_eq(first.header("link"));
        let (mut seen, mut next) = (Vec::new(), Some(format!("{TODOS}?sort=oldest&search=todo&per_page=50")));
        while let Some(path) = next {
            let page = ann.get(&path).await.expect(200);
            assert_eq!(page.header("x-total-count"), "120");
            seen.extend(texts(&page.json()).iter().map(|&text| text.to_owned()));
            next = linked(page.header("link"), "next");
        }
        let expected: Vec<_> = (0..120).map(|n| format!("todo {n:03}")).collect();
        assert_eq!(seen, expected);

        assert_eq!(items(&ann.get(TODOS).await.json()).len(), 50, "the default");
        assert_eq!(items(&ann.get(&format!("{TODOS}?per_page=100")).await.json()).len(), 100);
        let last = ann.get(&format!("{TODOS}?page=3")).await.expect(200);
        assert_eq!(items(&last.json()).len(), 20);
        expect![[r#"</api/v1/todos?page=1&per_page=50>; rel="first", </api/v1/todos?page=2&per_page=50>; rel="prev", </api/v1/todos?page=3&per_page=50>; rel="last""#]].assert_eq(last.header("link"));
        let beyond = ann.get(&format!("{TODOS}?page=1000000")).await.expect(200);
        assert_eq!((beyond.json(), beyond.header("x-total-count")), (json!([]), "120"));
        expect![[r#"</api/v1/todos?page=1&per_page=50>; rel="first", </api/v1/todos?page=3&per_page=50>; rel="prev", </api/v1/todos?page=3&per_page=50>; rel="last""#]].assert_eq(beyond.header("link"));
        let far = ann.get(&format!("{TODOS}?page=1000000000&per_page=100")).await;
        assert_eq!((far.status, far.json()), (200, json!([])));
    }

    async fn a_link_keeps_the_query_of_the_request(server: Server) {
        let ann = server.client().new_user().await;
        let todos: Vec<Value> =
            (0..3).map(|n| json!({"text": format!("100% <sure> & \"fine\" {n}")})).collect();
        ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
        let path = format!("{TODOS}?search=%3Csure%3E+100%25+%26+%22fine%22&per_page=2&filter=active");
        let page = ann.get(&path).await.expect(200);
        assert_eq!(page.header("x-total-count"), "3");
        let next = linked(page.header("link"), "next").expect("a next page");
        let next = ann.get(&next).await.expect(200);
        assert_eq!((items(&next.json()).len(), next.header("x-total-count")), (1, "3"));
    }
}

/// The target of the link with this relation.
fn linked(header: &str, relation: &str) -> Option<String> {
    let wanted = format!("rel=\"{relation}\"");
    let link = header.split(", <").find(|link| link.ends_with(&wanted))?;
    let target = link.trim_start_matches('<').split('>').next()?;
    Some(target.find("/api").map_or(target, |start| &target[start..]).to_owned())
}
