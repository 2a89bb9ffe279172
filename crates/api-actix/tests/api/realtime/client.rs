//! A WebSocket client that can also break the protocol.

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

/// The longest that a test waits for anything.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The response to a refused handshake.
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
    /// Opens a socket with the token as a subprotocol. `query` is empty or starts with `?`.
    pub async fn open(address: SocketAddr, token: &str, query: &str) -> Result<Self, Refusal> {
        let protocols = format!("bearer, {token}");
        Self::with(address, query, &[("sec-websocket-protocol", &protocols)]).await
    }

    pub async fn with(
        address: SocketAddr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Refusal> {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self::over(stream, query, headers).await
    }

    /// Opens a socket with a tiny receive buffer, so that a client that stops reading blocks the server.
    pub async fn narrow(address: SocketAddr, token: &str, query: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let stream = socket.connect(address).await.expect("a connection");
        let protocols = format!("bearer, {token}");
        Self::over(stream, query, &[("sec-websocket-protocol", &protocols)]).await.expect("the socket opens")
    }

    async fn over(stream: TcpStream, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, Refusal> {
        let address = stream.peer_addr().expect("connected");
        let mut request: Request =
            format!("ws://{address}/ws/todos{query}").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match timeout(TIMEOUT, client_async(request, stream)).await.expect("the server responds") {
            Ok((stream, response)) => Ok(Self { stream, response }),
            Err(Error::Http(response)) => Err(Refusal::of(*response)),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Reads the next text message, or the code of the server's close frame. Answers pings on the way.
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

    /// Reads the next frame of any kind; `None` once the connection is closed.
    pub async fn frame(&mut self) -> Option<Message> {
        timeout(TIMEOUT, self.stream.next()).await.expect("a frame arrives in time")?.ok()
    }

    /// Reads the next text message; panics if the server closes.
    pub async fn next(&mut self) -> Value {
        self.next_or_close().await.unwrap_or_else(|code| panic!("closed with {code}"))
    }

    /// Reads all messages up to the server's close frame, and its code.
    pub async fn rest(&mut self) -> (Vec<Value>, u16) {
        let mut messages = Vec::new();
        loop {
            match self.next_or_close().await {
                Ok(message) => messages.push(message),
                Err(code) => return (messages, code),
            }
        }
    }

    /// Reads the code of the server's close frame, which must come before any message.
    pub async fn closed(&mut self) -> u16 {
        let (messages, code) = self.rest().await;
        assert!(messages.is_empty(), "{messages:?}");
        code
    }

    pub async fn send(&mut self, message: impl Into<Message>) {
        self.stream.send(message.into()).await.expect("the socket is open");
    }

    /// Writes raw bytes, which need not be a valid frame.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.expect("the connection is open");
    }

    /// Takes the connection without a closing handshake.
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

/// Builds a frame with an all-zero mask (RFC 6455 section 5.2).
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
