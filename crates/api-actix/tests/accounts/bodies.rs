//! Bodies that take their time.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::BoxedPayloadStream;
use actix_web::body::to_bytes;
use actix_web::dev::Payload;
use actix_web::http::header::ContentType;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Bytes;
use api_actix::connection::Patience;
use api_actix::{ApiSettings, app};
use domain::todo::TodoStore as _;
use futures_util::stream::{Stream, StreamExt as _, iter, once, pending, unfold};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, User, address, delete, patch, post};

const PATIENCE: Duration = Duration::from_millis(200);

/// The answer to a login whose body comes as this stream.
async fn answer(body: impl Stream<Item = Bytes> + 'static) -> (u16, Value) {
    let patience = Patience { body: PATIENCE, ..Patience::default() };
    let server = Server::with(None, ApiSettings { patience, ..ApiSettings::default() });
    streamed(&server, TestRequest::post().uri("/api/v1/auth/login"), body).await
}

/// The answer to a request whose body comes as this stream.
async fn streamed(
    server: &Server,
    request: TestRequest,
    body: impl Stream<Item = Bytes> + 'static,
) -> (u16, Value) {
    let service = init_service(app(Arc::clone(&server.api))).await;
    let request = request.insert_header(ContentType::json()).to_request();
    let payload: BoxedPayloadStream = Box::pin(body.map(Ok));
    let request = request.replace_payload(Payload::Stream { payload }).0;
    let response = call_service(&service, request).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body broke off"));
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[actix_web::test]
async fn a_body_has_to_be_there_in_time_however_it_trickles_in() {
    let stalled = iter([Bytes::from_static(b"{")]).chain(pending()).boxed_local();
    let trickling = unfold((), |()| async {
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        Some((Bytes::from_static(b" "), ()))
    })
    .boxed_local();
    for body in [stalled, trickling] {
        let begun = Instant::now();
        let (status, problem) = answer(body).await;
        assert_eq!((status, &problem["error_code"]), (400, &"VALIDATION_009".into()), "{problem}");
        assert_eq!(problem["message"], "The body took too long to arrive");
        assert!((PATIENCE..10 * PATIENCE).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
    let (status, problem) = answer(iter([Bytes::from_static(b"{"), Bytes::from_static(b"}")])).await;
    assert_eq!((status, &problem["details"]["field"]), (422, &"email".into()), "{problem}");
}

/// A body whose last byte comes when the user has logged out.
fn around_log_out(server: &Rc<Server>, user: &User, body: &Value) -> impl Stream<Item = Bytes> + 'static {
    let mut body = Bytes::from(body.to_string());
    let last = body.split_off(body.len() - 1);
    let (server, user) = (server.clone(), user.clone());
    let after = async move {
        assert_eq!(server.send(user.ask(post("/auth/logout", json!({})))).await.status, 204);
        last
    };
    iter([body]).chain(once(after))
}

#[actix_web::test]
async fn a_token_that_is_ended_while_the_body_arrives_does_nothing() {
    let server = Rc::new(Server::start());
    let todo = json!({"text": "Buy milk", "title": "Buy milk"});
    let requests = [
        (post("/todos", json!(null)), todo.clone()),
        (TestRequest::post().uri("/todos"), todo.clone()),
        (TestRequest::post().uri("/api/tasks"), todo),
        (patch("/users/me", json!(null)), json!({"display_name": "Ann"})),
        (delete("/users/me"), json!({"password": PASSWORD})),
    ];
    for (request, body) in requests {
        let user = server.register(&address()).await;
        let answer = streamed(&server, user.ask(request), around_log_out(&server, &user, &body)).await;
        assert_eq!((answer.0, &answer.1["error_code"]), (401, &"AUTH_004".into()), "{answer:?}");
        let todos = server.store.changes(user.id, None, 10).await.expect("answers").expect("still a user");
        assert_eq!(todos.todos.len(), 0);
    }
}

#[actix_web::test]
async fn a_route_that_needs_no_token_takes_small_bodies_only() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let padded = |bytes: usize| format!("{{\"filler\": \"{}\"}}", "x".repeat(bytes - 14));
    assert_eq!(padded(100).len(), 100);
    let ask = async |path: &str, bytes| {
        let request = TestRequest::post().uri(path).insert_header(ContentType::json());
        server.send(ann.ask(request.set_payload(padded(bytes)))).await
    };
    for path in [
        "/api/v1/auth/login",
        "/api/v1/auth/forgot-password",
        "/auth/login",
        "/%61uth/register",
        "/api/auth/signin",
        "/api/auth/signup",
    ] {
        let large = ask(path, 16 * 1024 + 1).await;
        assert_eq!(large.refusal().1, "VALIDATION_010", "{path} {large:?}");
        assert_eq!((large.status, &large.body["details"]["max"]), (413, &json!(16 * 1024)), "{path}");
        assert_ne!(ask(path, 16 * 1024).await.refusal().1, "VALIDATION_010", "{path}");
    }
    assert_eq!(ask("/api/v1/todos/sync", 1024 * 1024).await.status, 200);
}
