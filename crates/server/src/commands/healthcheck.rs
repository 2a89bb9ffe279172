//! `healthcheck`: asks the server on this machine whether it is ready.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use thiserror::Error;

use crate::settings::Settings;

/// How long each step may take; readiness waits for the database itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the server does not count as healthy.
#[derive(Debug, Error)]
pub enum Unhealthy {
    /// It can't be reached.
    #[error("no answer from {0}: {1}")]
    NoAnswer(String, io::Error),
    /// It says that it is not ready.
    #[error("the server at {0} is not ready: it answers {1:?}")]
    NotReady(String, String),
}

pub fn run(settings: &Settings) -> Result<(), Unhealthy> {
    let place = format!("{}:{}", settings.host, settings.port);
    let status =
        address(settings).and_then(ask).map_err(|error| Unhealthy::NoAnswer(place.clone(), error))?;
    if status.split(' ').nth(1) == Some("200") { Ok(()) } else { Err(Unhealthy::NotReady(place, status)) }
}

/// Where to reach what listens on the configured host, on this machine.
fn address(settings: &Settings) -> io::Result<SocketAddr> {
    let mut address = (settings.host.as_str(), settings.port)
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address"))?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address)
}

/// The status line of the readiness endpoint.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
