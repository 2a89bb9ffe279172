//! Bodies that take their time.

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
use futures_util::stream::{Stream, StreamExt as _, iter, pending, unfold};
use serde_json::Value;

use crate::server::Server;

const PATIENCE: Duration = Duration::from_millis(200);

/// The answer to a login whose body comes as this stream.
async fn answer(body: impl Stream<Item = Bytes> + 'static) -> (u16, Value) {
    let patience = Patience { body: PATIENCE, ..Patience::default() };
    let server = Server::with(None, ApiSettings { patience, ..ApiSettings::default() });
    let service = init_service(app(Arc::clone(&server.api))).await;
    let request =
        TestRequest::post().uri("/api/v1/auth/login").insert_header(ContentType::json()).to_request();
    let payload: BoxedPayloadStream = Box::pin(body.map(Ok));
    let request = request.replace_payload(Payload::Stream { payload }).0;
    let response = call_service(&service, request).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body broke off"));
    (status, serde_json::from_slice(&body).expect("JSON"))
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
