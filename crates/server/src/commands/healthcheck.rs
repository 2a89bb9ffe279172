//! `healthcheck`: asks the server on this machine whether it is ready.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use thiserror::Error;

use crate::settings::Settings;

/// The time-out of connecting, writing and reading. The readiness endpoint has a shorter one for the
/// database.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the server is not healthy.
#[derive(Debug, Error)]
pub enum Unhealthy {
    /// The server can't be reached.
    #[error("no response from {0}: {1}")]
    NoResponse(String, io::Error),
    /// The server reports that it is not ready.
    #[error("the server at {0} is not ready: it responds with {1:?}")]
    NotReady(String, String),
}

pub fn run(settings: &Settings) -> Result<(), Unhealthy> {
    let host = format!("{}:{}", settings.host, settings.port);
    let status = address(settings)
        .and_then(request_readiness)
        .map_err(|error| Unhealthy::NoResponse(host.clone(), error))?;
    if status.split(' ').nth(1) == Some("200") { Ok(()) } else { Err(Unhealthy::NotReady(host, status)) }
}

/// The address at which this machine reaches the configured host: loopback if the server listens on
/// all addresses.
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

/// Returns the status line of the readiness endpoint.
fn request_readiness(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
