//! Raw HTTP/1.1, for requests that no HTTP client would send.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::client::Answer;
use crate::server::TIMEOUT;

/// A TCP connection that sends bytes unchanged.
pub struct Wire(TcpStream);

impl Wire {
    /// Connects to a server's `base_url`.
    pub async fn connect(base_url: &str) -> Self {
        let address = base_url.trim_start_matches("http://");
        Self(TcpStream::connect(address).await.expect("the server accepts connections"))
    }

    /// Connects with a minimal receive buffer, which any long answer fills.
    pub async fn narrow(base_url: &str) -> Self {
        let address = base_url.trim_start_matches("http://").parse().expect("an address and a port");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a socket option");
        Self(socket.connect(address).await.expect("the server accepts connections"))
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        // A server that has already refused the request may have closed the connection.
        let _ = self.0.write_all(bytes).await;
        let _ = self.0.flush().await;
    }

    /// Aborts the connection with a TCP reset (RST).
    pub fn reset(self) {
        // With a linger of zero, closing discards unsent bytes and resets the connection.
        self.0.set_zero_linger().expect("a socket option");
        drop(self.0);
    }

    /// Waits until an answer begins to arrive, leaves it unread, and returns its status.
    pub async fn peek_status(&mut self) -> u16 {
        let mut line = [0; 12];
        let peeked = timeout(TIMEOUT, self.0.peek(&mut line)).await.expect("the server answers in time");
        assert_eq!(peeked.expect("an answer"), line.len());
        String::from_utf8_lossy(&line[9..]).parse().expect("a status")
    }

    /// Waits for the interim answer to `Expect: 100-continue`, which shows that the server has read the
    /// request's head.
    pub async fn read_continue(&mut self) {
        let mut line = [0; 25];
        let read = timeout(TIMEOUT, self.0.read_exact(&mut line)).await.expect("the server answers in time");
        assert_eq!(read.expect("an answer"), line.len());
        assert_eq!(String::from_utf8_lossy(&line), "HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Reads until the server closes the connection, which must happen within `limit`.
    pub async fn rest(mut self, limit: Duration) -> String {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        let read = async {
            while let Ok(read @ 1..) = self.0.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..read]);
            }
        };
        timeout(limit, read).await.expect("the server ends the connection in time");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads one answer, up to its `Content-Length` or the end of the connection.
    pub async fn answer(mut self) -> Answer {
        self.next_answer().await
    }

    /// Like [`Self::answer`], and keeps the connection for another request. Only one answer may be coming.
    pub async fn next_answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        while !complete(&bytes) {
            let read = timeout(TIMEOUT, self.0.read(&mut buffer)).await.expect("the server answers in time");
            match read {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            }
        }
        parse(&bytes)
    }
}

fn complete(bytes: &[u8]) -> bool {
    let Some((head, body)) = split(bytes) else { return false };
    let length = headers(&head).get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn split(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 4..]))
}

fn headers(head: &str) -> HeaderMap {
    head.lines()
        .skip(1)
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?))
        })
        .collect()
}

fn parse(bytes: &[u8]) -> Answer {
    let (head, body) =
        split(bytes).unwrap_or_else(|| panic!("no HTTP answer: {}", String::from_utf8_lossy(bytes)));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    Answer { status, headers: headers(&head), text: String::from_utf8_lossy(body).into_owned() }
}
