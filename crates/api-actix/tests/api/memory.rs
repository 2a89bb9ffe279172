//! The memory of responses that clients have not read.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use actix_web::test::TestRequest;
use api_actix::ApiSettings;
use serde_json::json;

use crate::harness::{Setup, TestApi, User, settings};

const KIB: usize = 1024;

async fn api(response_memory: usize) -> (TestApi, User) {
    let settings = ApiSettings { response_memory, ..settings() };
    let api = TestApi::with(Setup { settings, quotas: None, ..Setup::default() });
    let ann = api.user("ann").await;
    let description = "y".repeat(10_000);
    for _ in 0..5 {
        let todo = json!({"text": "x", "description": description});
        api.post(&ann.token, "/api/v1/todos", todo).await.expect(201);
    }
    (api, ann)
}

/// The response to a GET request, which is not read.
async fn unread(api: &TestApi, token: &str, path: &str, accepted: &str) -> ServiceResponse<BoxBody> {
    let mut request = TestRequest::get().uri(path).insert_header((ACCEPT_ENCODING, accepted));
    if !token.is_empty() {
        request = request.insert_header(("authorization", format!("Bearer {token}")));
    }
    api.respond(request.to_request()).await.expect("a response")
}

#[actix_web::test]
async fn short_responses_count_until_they_are_read_and_documents_that_all_share_do_not() {
    // A request for one todo reserves 40 KiB, and a response has 10 KB. Several may take 100 KiB.
    let (api, ann) = api(400 * KIB).await;
    let page = "/api/v1/todos?per_page=1";
    let mut held = Vec::new();
    let refused = loop {
        let response = unread(&api, &ann.token, page, "identity").await;
        if response.status() != 200 {
            break response.status();
        }
        held.push(response);
        assert!(held.len() <= 100 / 9, "{} responses are unread", held.len());
    };
    assert_eq!(refused, 429);
    assert!(held.len() > 3, "{} responses are unread", held.len());
    for _ in 0..20 {
        let document = unread(&api, "", "/openapi.json", "identity").await;
        assert_eq!(document.status(), 200);
        held.push(document);
    }
    drop(held);
    assert_eq!(unread(&api, &ann.token, page, "identity").await.status(), 200);
}

#[actix_web::test]
async fn responses_are_compressed_while_there_is_memory_for_it() {
    // Several responses may take 1,200 KiB, which suffices to compress two of 50 KB at once.
    let (api, ann) = api(4 * 1200 * KIB).await;
    let mut held = Vec::new();
    for compressed in [true, true, false, false] {
        let response = unread(&api, &ann.token, "/api/v1/todos?per_page=5", "gzip").await;
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers().contains_key(CONTENT_ENCODING),
            compressed,
            "{} are unread",
            held.len()
        );
        assert!(response.headers().get_all(VARY).any(|value| value == "accept-encoding"));
        held.push(response);
    }
    // A short one is compressed at once, and a document was compressed before.
    for path in ["/api/v1/todos?per_page=1", "/openapi.json"] {
        assert!(unread(&api, &ann.token, path, "gzip").await.headers().contains_key(CONTENT_ENCODING));
    }
}
