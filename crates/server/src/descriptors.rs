//! The limit of file descriptors. Each connection of a client needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The maximum number of descriptors that are kept for the database, files, listeners and outgoing connections.
/// Below it, a quarter of all are kept.
const MAX_RESERVE: usize = 512;
/// The framework's own limit of connections per worker.
const MAX_PER_WORKER: usize = 25_600;

/// How many connections clients may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Beyond this number, connections that wait for their clients make room for a new one.
    pub open: usize,
    /// A worker with this number accepts none until one closes.
    pub per_worker: usize,
}

/// Raises the soft limit of the process to the hard one, because the soft limit of most systems is 1,024. Returns
/// the limit that is then in force.
pub fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "can't raise the limit of open files to the hard limit");
            limit.current
        }
    };
    current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX))
}

impl ConnectionLimits {
    /// The limits of a process with `workers` that may have `descriptors` open.
    pub fn of(descriptors: usize, workers: usize) -> Self {
        let reserve = (descriptors / 4).min(MAX_RESERVE);
        let open = descriptors - reserve;
        // Three quarters of the reserve remain while every connection is busy and none can be closed, and while those that
        // were asked to close still end.
        let workers = workers.max(1);
        // Together the workers accept more than `open`, else no new connection would make others close.
        let per_worker =
            ((open + reserve / 4) / workers).max((open + 1).div_ceil(workers)).min(MAX_PER_WORKER);
        Self { open: open.min(MAX_PER_WORKER.saturating_mul(workers)), per_worker }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_workers_accept_more_than_may_stay_open() {
        assert_eq!(ConnectionLimits::of(256, 48), ConnectionLimits { open: 192, per_worker: 5 });
        for workers in 1..=128 {
            let limits = ConnectionLimits::of(256, workers);
            assert!(limits.per_worker * workers > limits.open, "{workers} workers: {limits:?}");
        }
    }

    #[test]
    fn descriptors_are_kept_for_everything_but_connections() {
        let of = |descriptors| ConnectionLimits::of(descriptors, 4);
        assert_eq!(of(256), ConnectionLimits { open: 192, per_worker: 52 });
        assert_eq!(of(20_000), ConnectionLimits { open: 19_488, per_worker: 4_904 });
        assert_eq!(of(usize::MAX), ConnectionLimits { open: 4 * 25_600, per_worker: 25_600 });
    }
}
