//! Which connection is closed to make room for a new one.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::{Rc, Weak};

use domain::limits::network;

use super::Activity;
use super::input::Input;
use super::open::OpenConnections;
use crate::memory_budget::{MemoryBudget, Owner};

/// The connections of one worker.
pub(super) struct WorkerConnections {
    open: OpenConnections,
    limit: usize,
    heads: MemoryBudget,
    connections: RefCell<Vec<Weak<Activity>>>,
    /// The length at which closed connections are removed from the list.
    clean_at: Cell<usize>,
}

impl WorkerConnections {
    /// If more than `limit` connections of all workers are open, a new one closes another.
    /// Incomplete request heads take their memory from `heads`.
    pub(super) fn new(open: OpenConnections, limit: usize, heads: MemoryBudget) -> Self {
        Self { open, limit, heads, connections: RefCell::default(), clean_at: Cell::new(64) }
    }

    /// Counts a new connection. Over the limit, closes the longest idle one of this worker. Connections that are
    /// serving a request, and sockets, stay open.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Rc<Activity> {
        let input = Input::new(self.heads.clone(), Owner::Network(peer.map(network)));
        let activity = Activity::idle(self.open.open(), input);
        let mut connections = self.connections.borrow_mut();
        if self.open.count() > self.limit {
            close_longest_idle(&connections);
        }
        if connections.len() >= self.clean_at.get() {
            connections.retain(|connection| connection.strong_count() > 0);
            self.clean_at.set(2 * connections.len().max(32));
        }
        connections.push(Rc::downgrade(&activity));
        activity
    }
}

fn close_longest_idle(connections: &[Weak<Activity>]) {
    let idle = connections.iter().filter_map(Weak::upgrade).filter_map(|activity| {
        let since = activity.idle_since().filter(|_| !activity.is_asked_to_close())?;
        Some((since, activity))
    });
    if let Some((_, activity)) = idle.min_by_key(|(since, _)| *since) {
        activity.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Body;

    #[actix_web::test]
    async fn over_the_limit_the_longest_idle_connection_is_asked_to_close_and_no_active_one() {
        let open = OpenConnections::default();
        let worker = WorkerConnections::new(open.clone(), 3, MemoryBudget::new(0));
        let first = worker.admit(None);
        let _request = first.begin_request(Body::Stream);
        let others: Vec<_> = (0..2).map(|_| worker.admit(None)).collect();
        assert!(others.iter().all(|activity| !activity.is_asked_to_close()), "within the limit");
        let last = worker.admit(None);
        let asked = |activity: &Rc<Activity>| activity.is_asked_to_close();
        assert_eq!(
            (asked(&first), asked(&others[0]), asked(&others[1]), asked(&last)),
            (false, true, false, false)
        );
        // Each further connection closes one more.
        let _more = worker.admit(None);
        assert!(asked(&others[1]) && !asked(&first));
        drop(others);
        assert_eq!(open.count(), 3);
    }
}
