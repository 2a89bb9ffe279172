//! A minimal HTTP/1.1 client with one kept-alive connection, because the load shares the processors with the server.

use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    filled: usize,
}

/// A response.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Whether the body contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        memmem::find(self.body, text.as_bytes()).is_some()
    }

    /// The text between `start` and the next quotation mark.
    pub fn quoted_after(&self, start: &str) -> Option<&str> {
        let from = memmem::find(self.body, start.as_bytes())? + start.len();
        let to = memchr::memchr(b'"', &self.body[from..])?;
        std::str::from_utf8(&self.body[from..from + to]).ok()
    }

    /// Fails unless the response has this status.
    pub fn expect(&self, status: u16) -> Result<()> {
        if self.status == status { Ok(()) } else { Err(self.unexpected()) }
    }

    /// An error that shows the response.
    pub fn unexpected(&self) -> Box<dyn std::error::Error> {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(600)]);
        format!("an unexpected answer: {} {body}", self.status).into()
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: vec![0; 1 << 17], filled: 0 })
    }

    /// Sends a request and reads the whole response.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        let head_end = loop {
            let before = self.filled.saturating_sub(3);
            self.receive().await?;
            if let Some(at) = memmem::find(&self.received[before..self.filled], b"\r\n\r\n") {
                break before + at + 4;
            }
        };
        let (status, length) = head(&self.received[..head_end])?;
        let end = head_end + length;
        if self.received.len() < end {
            self.received.resize(end, 0);
        }
        while self.filled < end {
            self.receive().await?;
        }
        Ok(Answer { status, body: &self.received[head_end..end] })
    }

    async fn receive(&mut self) -> Result<()> {
        let count = self.stream.read(&mut self.received[self.filled..]).await?;
        if count == 0 {
            return Err("the connection was closed in the middle of an answer".into());
        }
        self.filled += count;
        Ok(())
    }
}

/// Parses the status and the length of the body.
fn head(head: &[u8]) -> Result<(u16, usize)> {
    let head = std::str::from_utf8(head)?;
    let status = head.get(9..12).ok_or("no status line")?.parse()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse())
    });
    Ok((status, length.ok_or("an answer without a length")??))
}
