//! The sockets that the server listens on.

use std::io::{self, Error, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};

use socket2::{Domain, Socket, Type};
use thiserror::Error;

use crate::settings::Setting;

/// The maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// The server can't listen on an address.
#[derive(Debug, Error)]
#[error(
    "can't listen on {host}:{port}: {source}; set HOST and {} to a free address, for example: {}={}",
    setting.name, setting.name, setting.example
)]
pub struct ListenError {
    host: String,
    port: u16,
    source: Error,
    /// The setting of the port.
    setting: Setting,
}

/// Listens on every address that `host` resolves to. Fails only if it can't listen on any of them, with
/// an error that names `setting`, the setting of the port.
pub fn listen(host: &str, port: u16, setting: Setting) -> Result<Vec<TcpListener>, ListenError> {
    listen_on_all(host, port).map_err(|source| ListenError { host: host.to_owned(), port, source, setting })
}

fn listen_on_all(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut last_error = Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match listen_on(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => last_error = error,
        }
    }
    if listeners.is_empty() { Err(last_error) } else { Ok(listeners) }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Lets a restarted server listen while connections of the previous process are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
