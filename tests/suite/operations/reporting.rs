//! What leaves the server beside its answers: traces to a collector (OTLP) and errors to Sentry. Neither has a
//! secret or a text of a user.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Client, Database, Server, on_both_databases};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::stop;
use crate::support::{text, until};

/// The head of each request, in lower case, and its body.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A server that takes every request, and answers with an empty object.
struct Sink {
    address: String,
    requests: Requests,
}

impl Sink {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let requests = Requests::default();
        let received = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, Arc::clone(&received)));
            }
        });
        Self { address, requests }
    }

    /// The head and the body of each request to this path so far.
    fn requests(&self, path: &str) -> Vec<(String, Vec<u8>)> {
        let requests = self.requests.lock().expect("no thread panics with the lock");
        let to = |head: &String| head.lines().next().is_some_and(|line| line.contains(path));
        requests.iter().filter(|(head, _)| to(head)).cloned().collect()
    }
}

async fn take(mut stream: TcpStream, received: Requests) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
                continue;
            }
            return;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a number"));
        while buffer.len() < end + length {
            assert!(stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0), "half a body");
        }
        let body = buffer[end..end + length].to_vec();
        buffer.drain(..end + length);
        received.lock().expect("no thread panics with the lock").push((head, body));
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A user who writes private texts, and these texts.
async fn secretive_user(server: &Server) -> (Client, Vec<String>) {
    let (ann, tokens) = server.client().register("canary.address@example.com").await;
    let secrets = ["canary.address", PASSWORD, "canary text", text(&tokens["access_token"]), "canary-key"];
    let mut secrets: Vec<_> = secrets.map(str::to_owned).into();
    secrets.push(text(&tokens["refresh_token"]).to_owned());
    (ann, secrets)
}

fn expect_none_of(secrets: &[String], bytes: &[u8]) {
    let bytes = String::from_utf8_lossy(bytes);
    for secret in secrets {
        assert!(!bytes.contains(secret), "{secret} leaves the server: {bytes}");
    }
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Any> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn exported(sink: &Sink) -> impl Iterator<Item = ResourceSpans> {
    sink.requests("/v1/traces").into_iter().flat_map(|(_, body)| {
        let exported = ExportTraceServiceRequest::decode(&*body).expect("the protocol's own message");
        exported.resource_spans
    })
}

/// The spans that arrived so far, by their ids.
fn spans(sink: &Sink) -> HashMap<Vec<u8>, Span> {
    let found = exported(sink).flat_map(|part| part.scope_spans).flat_map(|scope| scope.spans);
    found.map(|span| (span.span_id.clone(), span)).collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

on_both_databases! {
    async fn a_request_its_operation_and_its_statements_are_one_trace_without_secrets(database: Database) {
        let sink = Sink::open().await;
        let url = format!("http://{}", sink.address);
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=canary-key"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("BETTER_AUTH_URL", url.as_str()),
        ];
        let mut server = Server::start_with(database, &settings).await;
        let (ann, secrets) = secretive_user(&server).await;
        let traced = ann
            .request(reqwest::Method::POST, "/api/v1/todos?search=canary%20text")
            .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
            .json(&json!({"text": "canary text"}));
        ann.send(traced).await.expect(201);
        // A token whose keys the server asks the issuer for.
        let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let head = part(json!({"alg": "EdDSA", "kid": "unknown"}));
        let token = format!("{head}.{}.AAAA", part(json!({"iss": url, "aud": url, "sub": "x", "exp": 4_000_000_000_u64})));
        server.client().with_token(&token).get("/api/v1/todos").await;
        // The spans of a request are complete when its own is.
        until("the spans of both requests", || {
            let names: Vec<_> = spans(&sink).into_values().map(|span| span.name).collect();
            let has = |name: &str| names.iter().any(|known| known == name);
            (has("POST /api/v1/todos") && has("GET /api/v1/todos")).then_some(())
        })
        .await;
        stop(&mut server).await;
        for (head, body) in sink.requests("/v1/traces") {
            assert!(head.contains("x-key: canary-key") && head.contains("application/x-protobuf"), "{head}");
            expect_none_of(&secrets, &body);
        }
        expect_none_of(&["canary-key".to_owned()], server.logs().as_bytes());
        let services: Vec<_> = exported(&sink).filter_map(|part| part.resource).collect();
        let is_named = |service: &Resource| format!("{:?}", service.attributes).contains("\"todo-server\"");
        assert!(services.iter().all(is_named), "{services:?}");
        let spans = spans(&sink);
        let in_trace: Vec<_> = spans.values().filter(|span| hex(&span.trace_id) == TRACE).collect();
        let request = in_trace.iter().find(|span| span.name == "POST /api/v1/todos").expect("the request");
        assert_eq!(hex(&request.parent_span_id), CALLER);
        assert_eq!(request.kind(), SpanKind::Server);
        assert_eq!(attribute(request, "http.route"), Some(&Any::StringValue("/api/v1/todos".into())));
        assert_eq!(attribute(request, "http.response.status_code"), Some(&Any::IntValue(201)));
        let operation = in_trace.iter().find(|span| span.name == "createTodo").expect("the operation");
        assert_eq!(operation.parent_span_id, request.span_id);
        let is_below = |span: &Span| {
            let mut parents = std::iter::successors(Some(span), |span| spans.get(&span.parent_span_id));
            parents.any(|parent| parent.span_id == operation.span_id)
        };
        let statements: Vec<_> =
            in_trace.iter().filter(|span| span.name == "statement" && is_below(span)).collect();
        let texts: Vec<_> = statements.iter().filter_map(|span| attribute(span, "db.query.text")).collect();
        let writes = |text: &&Any| format!("{text:?}").to_lowercase().contains("into");
        assert!(texts.iter().any(writes), "{texts:?} of {} spans", in_trace.len());
        // What the server asks of others carries the trace on.
        let fetched = sink.requests("/api/auth/jwks");
        let (head, _) = fetched.first().expect("the keys were asked for");
        let parent = head.lines().find_map(|line| line.strip_prefix("traceparent: 00-")).expect("a parent");
        let (trace, rest) = parent.split_once('-').expect("a trace and a span");
        assert!(spans.values().any(|span| hex(&span.trace_id) == trace && rest.starts_with(&hex(&span.span_id))));
    }
}

/// The head, the items' heads and the items of an envelope.
fn items(envelope: &[u8]) -> Vec<Value> {
    let lines = String::from_utf8_lossy(envelope);
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_reported_to_sentry_without_personal_data() {
    let sink = Sink::open().await;
    let dsn = format!("http://canary-key@{}/7", sink.address);
    let mut server = Server::start_with(Database::Sqlite, &[("SENTRY_DSN", &dsn)]).await;
    let (ann, secrets) = secretive_user(&server).await;
    ann.post("/api/v1/todos", json!({"text": "canary text"})).await.expect(201);
    server.execute("UPDATE todos SET metadata = '{\"canary text'");
    ann.get("/api/v1/todos").await.expect(500);
    let error = until("a report of the corrupt row", || {
        let reports = sink.requests("/api/7/envelope");
        let items = reports.iter().flat_map(|(_, body)| items(body)).collect::<Vec<_>>();
        items.into_iter().find(|item| item["message"] == "the store holds what it should not")
    })
    .await;
    stop(&mut server).await;
    expect_none_of(&["canary-key".to_owned()], server.logs().as_bytes());
    assert!(error.to_string().contains("corrupt value in todos.metadata"), "{error}");
    assert_eq!(error["release"], concat!("todo-server@", env!("CARGO_PKG_VERSION")));
    assert_eq!(error["environment"], "development");
    for personal in ["user", "request", "server_name", "breadcrumbs"] {
        assert!(
            error.get(personal).is_none_or(|value| value.is_null() || value["values"] == json!([])),
            "{error}"
        );
    }
    for (_, body) in sink.requests("/api/7/envelope") {
        // The envelope's head repeats the address that it is sent to.
        let items = String::from_utf8_lossy(&body).lines().skip(1).collect::<Vec<_>>().join("\n");
        expect_none_of(&secrets, items.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_can_not_be_reached_disturbs_nobody() {
    // Nothing listens on port 1.
    let settings =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("SENTRY_DSN", "http://key@127.0.0.1:1/7")];
    let mut server = Server::start_with(Database::Sqlite, &settings).await;
    let ann = server.client().new_user().await;
    ann.get("/api/v1/todos").await.expect(200);
    stop(&mut server).await;
}
