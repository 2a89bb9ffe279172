//! The sockets that the server listens on.

use std::io::{self, Error, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};

#[cfg(target_os = "linux")]
use socket2::SockFilter;
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

/// Listens on every address that `host` resolves to. Fails only if it can't listen on any of them,
/// with an error that names `setting`, the setting of the port.
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

/// The ports of a running server. They can turn new connections away before they close.
///
/// When a port closes, the system resets the connections that it has established and the server has
/// not accepted yet. Their requests are lost: a proxy that has sent one may not send it elsewhere.
#[derive(Debug, Default)]
pub struct Ports(Vec<Socket>);

impl Ports {
    /// Adds the port of `listener`, which stays open until this value is dropped, too.
    ///
    /// # Errors
    /// If the process has no file descriptor left.
    pub fn add(&mut self, listener: &TcpListener) -> io::Result<()> {
        self.0.push(listener.try_clone()?.into());
        Ok(())
    }

    /// Lets the system ignore attempts to connect, but complete those under way. A client tries
    /// again after a second. If the port is closed by then, it knows that it has sent nothing.
    ///
    /// Where the system has no filters for sockets, nothing happens.
    pub fn ignore_new_connections(&self) {
        for port in &self.0 {
            #[cfg(target_os = "linux")]
            if let Err(error) = port.attach_filter(&NO_SYN) {
                tracing::debug!(%error, "connections may be lost while the port closes");
            }
        }
    }
}

/// A BPF program that drops the packets that begin a connection.
#[cfg(target_os = "linux")]
const NO_SYN: [SockFilter; 4] = {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// Where the flags are in a TCP header (RFC 9293 section 3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_ANY_BIT, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_port_that_ignores_new_connections_loses_none_that_it_has() {
        let listener = listen_on((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut ports = Ports::default();
        ports.add(&listener).expect("a descriptor");
        let mut waiting = TcpStream::connect(address).expect("connected");
        ports.ignore_new_connections();
        waiting.write_all(b"sent while the port closes").expect("sent");

        let late = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert_eq!(late.map_err(|error| error.kind()).err(), Some(ErrorKind::TimedOut), "it is ignored");
        let connecting = thread::spawn(move || TcpStream::connect(address));
        let (mut accepted, _) = listener.accept().expect("the one that waits");
        let mut read = [0; 26];
        accepted.read_exact(&mut read).expect("read");
        assert_eq!(&read, b"sent while the port closes");
        drop((listener, ports));
        let refused = connecting.join().expect("no panic").expect_err("the port is closed");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
