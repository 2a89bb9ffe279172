//! The sockets that the server listens on.

use std::io::{self, Error, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};

use socket2::{Domain, Socket, Type};
use thiserror::Error;

use crate::settings::Setting;

/// How many connections may wait to be taken.
const BACKLOG: i32 = 1024;

/// Why it can't listen.
#[derive(Debug, Error)]
#[error(
    "can't listen on {host}:{port}: {problem}; set HOST and {setting} to where it can, for example: {setting}={example}"
)]
pub struct CantListen {
    host: String,
    port: u16,
    problem: Error,
    setting: &'static str,
    example: &'static str,
}

/// Listens on every address of `host` that it can; on none is an error that names the setting of the port.
pub fn listen(host: &str, port: u16, setting: Setting) -> Result<Vec<TcpListener>, CantListen> {
    let Setting { name, example } = setting;
    on_all(host, port).map_err(|problem| CantListen {
        host: host.to_owned(),
        port,
        problem,
        setting: name,
        example,
    })
}

fn on_all(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut problem = Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match on(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => problem = error,
        }
    }
    if listeners.is_empty() { Err(problem) } else { Ok(listeners) }
}

fn on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart need not wait for the last connections of the process before.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
