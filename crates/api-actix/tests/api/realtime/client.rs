//! A client that can also do what no client may.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A refusal: its status, headers and problem.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub response: tokio_tungstenite::tungstenite::http::Response<Option<Vec<u8>>>,
}

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// The server's answer to the handshake.
    pub response: Response,
}

impl Socket {
    /// Opens one with the token as a subprotocol. `query` is empty or starts with `?`.
    pub async fn open(address: SocketAddr, token: &str, query: &str) -> Result<Self, Refusal> {
        let protocols = format!("bearer, {token}");
        Self::with(address, query, &[("sec-websocket-protocol", &protocols)]).await
    }

    /// Opens one with these headers.
    pub async fn with(
        address: SocketAddr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Refusal> {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self::over(stream, query, headers).await
    }

    /// Opens one whose system takes next to nothing that its program does not read.
    pub async fn narrow(address: SocketAddr, token: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let stream = socket.connect(address).await.expect("a connection");
        let protocols = format!("bearer, {token}");
        Self::over(stream, "", &[("sec-websocket-protocol", &protocols)]).await.expect("the socket opens")
    }

    async fn over(stream: TcpStream, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, Refusal> {
        let address = stream.peer_addr().expect("connected");
        let mut request: Request =
            format!("ws://{address}/ws/todos{query}").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match timeout(PATIENCE, client_async(request, stream)).await.expect("the server answers") {
            Ok((stream, response)) => Ok(Self { stream, response }),
            Err(Error::Http(response)) => Err(Refusal::of(*response)),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// The next text message, or the code of the server's close; pings are answered on the way.
    pub async fn next_or_close(&mut self) -> Result<Value, u16> {
        loop {
            match self.frame().await {
                Some(Message::Text(text)) => {
                    return Ok(serde_json::from_str(&text).expect("messages are JSON"));
                }
                Some(Message::Close(frame)) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(_) => {}
                None => return Err(1006),
            }
        }
    }

    /// The next frame as it is; `None` when the connection is no more.
    pub async fn frame(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.stream.next()).await.expect("something arrives in time")?.ok()
    }

    /// The next text message.
    pub async fn next(&mut self) -> Value {
        self.next_or_close().await.unwrap_or_else(|code| panic!("closed with {code}"))
    }

    /// All messages up to the server's close, and its code.
    pub async fn rest(&mut self) -> (Vec<Value>, u16) {
        let mut messages = Vec::new();
        loop {
            match self.next_or_close().await {
                Ok(message) => messages.push(message),
                Err(code) => return (messages, code),
            }
        }
    }

    /// The code with which the server closes, having said nothing before.
    pub async fn closed(&mut self) -> u16 {
        let (messages, code) = self.rest().await;
        assert!(messages.is_empty(), "{messages:?}");
        code
    }

    pub async fn send(&mut self, message: impl Into<Message>) {
        self.stream.send(message.into()).await.expect("the socket is open");
    }

    /// Writes bytes past the WebSocket protocol.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.expect("the connection is open");
    }

    /// The connection, past the WebSocket protocol.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }
}

impl Refusal {
    fn of(response: tokio_tungstenite::tungstenite::http::Response<Option<Vec<u8>>>) -> Self {
        let body: Value =
            response.body().as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let code = body["error_code"].as_str().unwrap_or_default().to_owned();
        Self { status: response.status().as_u16(), code, response }
    }

    pub fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A masked frame (RFC 6455 section 5.2) whose mask is zero.
pub fn masked(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 + u8::try_from(length).expect("short")),
        length => {
            frame.push(0xfe);
            frame.extend_from_slice(&u16::try_from(length).expect("below 64 KiB").to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}
