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
        let Some(length) = length else { return self.rest_of_chunks(status).await };
        let end = head_end + length;
        if self.received.len() < end {
            self.received.resize(end, 0);
        }
        while self.filled < end {
            self.receive().await?;
        }
        Ok(Answer { status, body: &self.received[head_end..end] })
    }

    /// Reads a body in chunks to its end, and keeps only its start.
    async fn rest_of_chunks(&mut self, status: u16) -> Result<Answer<'_>> {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        const KEPT: usize = 1 << 20;
        while !self.received[..self.filled].ends_with(END) {
            if self.filled > KEPT {
                self.received.copy_within(self.filled - END.len()..self.filled, KEPT - END.len());
                self.filled = KEPT;
            }
            if self.received.len() < self.filled + (1 << 16) {
                self.received.resize(self.filled + (1 << 16), 0);
            }
            self.receive().await?;
        }
        Ok(Answer { status, body: &self.received[..self.filled] })
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

/// Parses the status and the length of the body; `None` for a body in chunks.
fn head(head: &[u8]) -> Result<(u16, Option<usize>)> {
    let head = std::str::from_utf8(head)?;
    let status = head.get(9..12).ok_or("no status line")?.parse()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse())
    });
    let chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    match length.transpose()? {
        Some(length) => Ok((status, Some(length))),
        None if chunked => Ok((status, None)),
        None if status == 204 => Ok((status, Some(0))),
        None => Err("an answer without a length".into()),
    }
}
