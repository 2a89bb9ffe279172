//! The open connections of all workers, and room for new ones.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::limits::Network;
use tokio::time::Instant;

use super::choice::choose;
use super::standing::Standing;

/// Beyond the limit, one more than the needed connections in this number goes: the choice looks at all
/// connections, and should not have to for each new one.
const MORE: usize = 64;

/// The number of connections, sockets apart, beyond which others close too, however many files may be open. The
/// buffers of a connection take up to 36 KiB, so those of all take up to 72 MiB.
const MAX_WITHOUT_SOCKETS: usize = 2048;

/// The open connections of all workers. Clones share them.
#[derive(Clone, Debug)]
pub struct OpenConnections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    without_sockets: usize,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    next: u64,
    open: HashMap<u64, Arc<Standing>>,
    /// How many of them are sockets.
    sockets: usize,
    /// How many of them have been asked to close.
    closing: usize,
}

/// An open connection, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    is_socket: Cell<bool>,
    connections: OpenConnections,
    id: u64,
    standing: Arc<Standing>,
}

impl OpenConnections {
    /// No connections. Over `limit`, others close when one opens.
    pub(crate) fn new(limit: usize) -> Self {
        Self::with(limit, MAX_WITHOUT_SOCKETS)
    }

    /// Over `without_sockets` connections that are no sockets, others of them close too.
    pub(super) fn with(limit: usize, without_sockets: usize) -> Self {
        Self(Arc::new(Shared { limit, without_sockets, list: Mutex::default() }))
    }

    /// Adds a connection of `client`, and makes room for it.
    pub(super) fn open(&self, client: Option<Network>) -> OpenConnection {
        self.make_room(1);
        let standing = Arc::new(Standing::new(client));
        let mut list = self.list();
        let id = list.next;
        list.next += 1;
        list.open.insert(id, Arc::clone(&standing));
        OpenConnection { is_socket: Cell::new(false), connections: self.clone(), id, standing }
    }

    /// Asks connections to close until `coming` more are within the limit.
    fn make_room(&self, coming: usize) {
        let mut list = self.list();
        let staying = list.open.len() - list.closing;
        let over_limit = (staying + coming).saturating_sub(self.0.limit);
        let over_memory = (staying + coming).saturating_sub(self.0.without_sockets + list.sockets);
        let excess = over_limit.max(over_memory);
        if excess > 0 {
            let now = Instant::now();
            let may_go = |standing: &&Arc<Standing>| over_limit > 0 || !standing.is_socket();
            let candidates = list.open.values().filter(may_go).filter_map(|standing| standing.candidate(now));
            let limit = if over_limit > 0 { self.0.limit } else { self.0.without_sockets };
            let chosen = choose(candidates, excess + limit / MORE);
            let closing = chosen.len();
            for standing in chosen {
                standing.close();
            }
            list.closing += closing;
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnection {
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The connection becomes a socket, or ceases to be one.
    pub(super) fn set_socket(&self, is_socket: bool) {
        if self.is_socket.replace(is_socket) != is_socket {
            let mut list = self.connections.list();
            list.sockets = if is_socket { list.sockets + 1 } else { list.sockets - 1 };
        }
    }

    /// The connection was asked to close, and is needed after all: another goes instead.
    pub(super) fn stay(&self) {
        self.connections.list().closing -= 1;
        self.connections.make_room(0);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.set_socket(false);
        let mut list = self.connections.list();
        list.open.remove(&self.id);
        list.closing -= usize::from(self.standing.is_asked_to_close());
    }
}
