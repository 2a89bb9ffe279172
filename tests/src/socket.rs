//! A WebSocket client of `/ws/todos`.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use crate::client::Answer;
use crate::server::TIMEOUT;

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket with the token as a subprotocol. `query` starts with `?` or is empty. `Err` holds
    /// the status of a refusal.
    pub async fn open(url: &str, token: &str, query: &str) -> Result<Self, u16> {
        let protocols = format!("bearer, {token}");
        let opened =
            Self::handshake(&format!("{url}{query}"), &[("sec-websocket-protocol", &protocols)]).await;
        opened.map_err(|refusal| refusal.status)
    }

    /// Opens a socket on an established connection, with the token as a subprotocol, and receives its
    /// `ready` message.
    pub async fn over(connection: std::net::TcpStream, url: &str, token: &str) -> Self {
        connection.set_nonblocking(true).expect("a socket option");
        let stream = TcpStream::from_std(connection).expect("a runtime");
        let mut request = url.into_client_request().expect("an address");
        let protocols = HeaderValue::from_str(&format!("bearer, {token}")).expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let opened = client_async(request, MaybeTlsStream::Plain(stream));
        let (socket, _) = timeout(TIMEOUT, opened).await.expect("in time").expect("the socket opens");
        let mut socket = Self(socket);
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        socket
    }

    /// Opens a socket with these headers and no others; `Err` holds the refusal.
    pub async fn handshake(url: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a header's name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header"));
        }
        match timeout(TIMEOUT, connect_async(request)).await.expect("the server answers") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                let (head, body) = response.into_parts();
                let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
                Err(Answer { status: head.status.as_u16(), headers: head.headers, text })
            }
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Opens a socket and receives its `ready` message.
    pub async fn ready(url: &str, token: &str, query: &str) -> (Self, Value) {
        let mut socket = Self::open(url, token, query).await.expect("the socket opens");
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        (socket, ready)
    }

    /// Receives the next message; answers pings meanwhile.
    pub async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(message) => message,
            Err(code) => panic!("the socket was closed with {code}"),
        }
    }

    /// Receives the next message, or the code with which the server closes the socket.
    pub async fn next_or_close(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(TIMEOUT, self.0.next()).await.expect("a message arrives in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("messages are JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Discards messages until the server closes the socket; returns the close code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next_or_close().await {
                return code;
            }
        }
    }

    /// Receives the next `count` messages.
    pub async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut messages = Vec::with_capacity(count);
        for _ in 0..count {
            messages.push(self.next().await);
        }
        messages
    }

    /// Sends a binary message.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.expect("the socket is open");
    }

    /// Receives every message sent before now: sends a ping and returns the messages before the pong.
    pub async fn drain(&mut self) -> Vec<Value> {
        self.send(r#"{"type": "ping"}"#).await;
        let mut messages = Vec::new();
        loop {
            let message = self.next().await;
            if message["type"] == "pong" {
                return messages;
            }
            messages.push(message);
        }
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: &str) {
        self.try_send(text).await.expect("the socket is open");
    }

    /// Sends a text message, or returns 1006 if the connection is gone.
    pub async fn try_send(&mut self, text: &str) -> Result<(), u16> {
        self.0.send(Message::text(text)).await.map_err(|_| 1006)
    }
}
