//! A WebSocket client of `/ws/todos`.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::PATIENCE;

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens one with the token as a subprotocol; `query` starts with `?` or is empty. `Err` holds the status of a refusal.
    pub async fn open(url: &str, token: &str, query: &str) -> Result<Self, u16> {
        let mut request = format!("{url}{query}").into_client_request().expect("an address");
        let protocols = HeaderValue::from_str(&format!("bearer, {token}")).expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        match timeout(PATIENCE, connect_async(request)).await.expect("the server answers") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Opens one and takes its `ready`.
    pub async fn ready(url: &str, token: &str, query: &str) -> (Self, Value) {
        let mut socket = Self::open(url, token, query).await.expect("the socket opens");
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        (socket, ready)
    }

    /// The next message; pings are answered on the way.
    pub async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(message) => message,
            Err(code) => panic!("the socket was closed with {code}"),
        }
    }

    /// The next message, or the code with which the server closed.
    pub async fn next_or_close(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("a message arrives in time");
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

    /// The code with which the server closes, whatever it says before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next_or_close().await {
                return code;
            }
        }
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("the socket is open");
    }
}
