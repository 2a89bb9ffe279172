//! Bodies that arrive slowly, and bodies that are large.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_http::BoxedPayloadStream;
use actix_web::dev::Payload;
use actix_web::http::header::ContentType;
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use api_actix::ApiSettings;
use api_actix::connection::Timeouts;
use domain::todo::TodoStore as _;
use futures_util::future::{Either, join_all, select};
use futures_util::stream::{Stream, StreamExt as _, iter, once, pending, unfold};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{Answer, Limits, PASSWORD, Setup, TestApi, User, delete, patch, post, settings};

/// The time between two bytes of a body that trickles in.
const TICK: Duration = Duration::from_millis(20);

/// Sends a login with a streamed body.
async fn answer(body: impl Stream<Item = Bytes> + 'static) -> Answer {
    let api = TestApi::new();
    streamed(&api, TestRequest::post().uri("/api/v1/auth/login"), body).await
}

/// Sends a request with a streamed body.
async fn streamed(api: &TestApi, request: TestRequest, body: impl Stream<Item = Bytes> + 'static) -> Answer {
    let request = request.insert_header(ContentType::json()).to_request();
    let payload: BoxedPayloadStream = Box::pin(body.map(Ok));
    let request = request.replace_payload(Payload::Stream { payload }).0;
    Answer::of(api.respond(request).await).await
}

#[actix_web::test]
async fn a_body_must_arrive_in_time_even_if_it_trickles_in() {
    tokio::time::pause();
    let stalled = iter([Bytes::from_static(b"{")]).chain(pending()).boxed_local();
    let trickling = unfold((), |()| async {
        tokio::time::sleep(TICK).await;
        Some((Bytes::from_static(b" "), ()))
    })
    .boxed_local();
    for body in [stalled, trickling] {
        let begun = Instant::now();
        let late = answer(body).await;
        late.refused(400, "VALIDATION_009");
        assert_eq!(late.body["message"], "The body took too long to arrive");
        let limit = Timeouts::default().body;
        assert!((limit..limit + TICK).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
    let whole = answer(iter([Bytes::from_static(b"{"), Bytes::from_static(b"}")])).await;
    assert_eq!((whole.status, &whole.body["details"]["field"]), (422, &json!("email")), "{whole:?}");
}

/// A body whose last byte arrives after the user has logged out.
fn around_log_out(api: &Rc<TestApi>, user: &User, body: &Value) -> impl Stream<Item = Bytes> + 'static {
    let mut body = Bytes::from(body.to_string());
    let last = body.split_off(body.len() - 1);
    let (api, user) = (api.clone(), user.clone());
    let after = async move {
        api.send(user.ask(post("/auth/logout", json!({})))).await.expect(204);
        last
    };
    iter([body]).chain(once(after))
}

#[actix_web::test]
async fn a_token_revoked_while_the_body_arrives_changes_nothing() {
    let api = Rc::new(TestApi::new());
    let todo = json!({"text": "Buy milk", "title": "Buy milk"});
    let requests = [
        (post("/todos", json!(null)), todo.clone()),
        (TestRequest::post().uri("/todos"), todo.clone()),
        (TestRequest::post().uri("/api/tasks"), todo),
        (patch("/users/me", json!(null)), json!({"display_name": "Ann"})),
        (delete("/users/me"), json!({"password": PASSWORD})),
    ];
    for (name, (request, body)) in ["ann", "bob", "cleo", "dan", "eve"].into_iter().zip(requests) {
        let user = api.register(name).await;
        streamed(&api, user.ask(request), around_log_out(&api, &user, &body)).await.refused(401, "AUTH_004");
        let todos = api.store.changes(user.id, None, true, 10).await.expect("answers").expect("still a user");
        assert_eq!(todos.todos.len(), 0);
    }
}

#[actix_web::test]
async fn bodies_count_for_their_user_from_every_network_and_however_late_the_user_is_known() {
    const BODY: usize = 300 * 1024;
    for limits in [Limits::GrantAll, Limits::GrantLater] {
        // Three of these bodies are a user's share.
        let settings = ApiSettings { body_memory: 4 * 1024 * 1024, ..settings() };
        let api = TestApi::with(Setup { settings, limits, ..Setup::default() });
        let (ann, bob) = (api.register("ann").await, api.register("bob").await);
        let of = |user: &User, network: u8| {
            let request = TestRequest::post().uri("/api/v1/todos");
            user.ask(request).peer_addr(([203, 0, network, 1], 1).into())
        };
        let spaces = || iter([Bytes::from(vec![b' '; BODY])]);
        let held = Rc::new(Cell::new(0));
        let unfinished = join_all((0..3).map(|network| {
            let held = held.clone();
            let rest = once(async move {
                held.set(held.get() + 1);
                std::future::pending().await
            });
            streamed(&api, of(&ann, network), spaces().chain(rest))
        }));
        let others = Box::pin(async {
            while held.get() < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            streamed(&api, of(&ann, 4), spaces()).await.refused(429, "RATE_001");
            streamed(&api, of(&bob, 0), spaces()).await.refused(400, "VALIDATION_009");
        });
        assert!(matches!(select(unfinished, others).await, Either::Right(_)), "{limits:?}");
    }
}

#[actix_web::test]
async fn routes_without_a_token_accept_only_small_bodies() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let padded = |bytes: usize| format!("{{\"filler\": \"{}\"}}", "x".repeat(bytes - 14));
    assert_eq!(padded(100).len(), 100);
    let ask = async |path: &str, bytes| {
        let request = TestRequest::post().uri(path).insert_header(ContentType::json());
        api.send(ann.ask(request.set_payload(padded(bytes)))).await
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
