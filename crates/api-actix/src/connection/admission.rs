//! Which connection is closed to make room for a new one.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use super::Activity;
use super::open::OpenConnections;

/// The connections of one worker.
pub(super) struct WorkerConnections {
    open: OpenConnections,
    limit: usize,
    connections: RefCell<Vec<Weak<Activity>>>,
    /// The length at which closed connections are removed from the list.
    clean_at: Cell<usize>,
}

impl WorkerConnections {
    /// If more than `limit` connections of all workers are open, a new one closes another.
    pub(super) fn new(open: OpenConnections, limit: usize) -> Self {
        Self { open, limit, connections: RefCell::default(), clean_at: Cell::new(64) }
    }

    /// Counts a new connection. Over the limit, closes the longest idle one of this worker. Connections that are
    /// serving a request, and sockets, stay open.
    pub(super) fn admit(&self) -> Rc<Activity> {
        let activity = Activity::idle(self.open.open());
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

    #[actix_web::test]
    async fn over_the_limit_the_longest_idle_connection_is_asked_to_close_and_no_active_one() {
        let open = OpenConnections::default();
        let worker = WorkerConnections::new(open.clone(), 3);
        let first = worker.admit();
        let _request = first.begin_request();
        let others: Vec<_> = (0..2).map(|_| worker.admit()).collect();
        assert!(others.iter().all(|activity| !activity.is_asked_to_close()), "within the limit");
        let last = worker.admit();
        let asked = |activity: &Rc<Activity>| activity.is_asked_to_close();
        assert_eq!(
            (asked(&first), asked(&others[0]), asked(&others[1]), asked(&last)),
            (false, true, false, false)
        );
        // Each further connection closes one more.
        let _more = worker.admit();
        assert!(asked(&others[1]) && !asked(&first));
        drop(others);
        assert_eq!(open.count(), 3);
    }
}
