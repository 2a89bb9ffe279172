//! Which connections are closed to make room.
//!
//! Whoever occupies most connections loses one first. Strangers can therefore not push out what others
//! have open, however many connections they begin. Those that the server works for count as well: a busy
//! server may be far behind with the connections of a flood.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use domain::limits::Network;
use tokio::time::Instant;

/// A client that has kept the server waiting for less than this may have done nothing but connect, or be
/// far away.
const FRESH: Duration = Duration::from_secs(1);

/// A connection that may be closed.
#[derive(Debug)]
pub(super) struct Candidate<T> {
    /// Whose connection it is. One of nobody in particular counts by itself.
    pub(super) client: Option<Network>,
    pub(super) wait: Wait,
    pub(super) connection: T,
}

/// What a connection waits for, and since when. Among those of one client the least is closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wait(Kind, Instant);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// For a request, the rest of its body, or the client to read a response.
    Overdue,
    /// For nothing: it is a WebSocket, whose silence is no fault.
    Socket,
    /// As `Overdue`, but not for long.
    Fresh,
    /// For the server, so that it closes only after the response.
    Working,
}

impl Wait {
    /// A wait for what the client owes.
    pub(super) fn of(since: Instant, now: Instant) -> Self {
        let fresh = now.saturating_duration_since(since) < FRESH;
        Self(if fresh { Kind::Fresh } else { Kind::Overdue }, since)
    }

    /// A connection that waits for the server since then.
    pub(super) const fn working(since: Instant) -> Self {
        Self(Kind::Working, since)
    }

    /// A WebSocket whose client has been silent since then.
    pub(super) const fn socket(since: Instant) -> Self {
        Self(Kind::Socket, since)
    }
}

/// The `count` connections that are closed first, or all if there are fewer.
pub(super) fn choose<T>(candidates: impl Iterator<Item = Candidate<T>>, count: usize) -> Vec<T> {
    let mut of_clients: HashMap<Network, usize> = HashMap::new();
    let mut groups: Vec<Vec<Candidate<T>>> = Vec::new();
    for candidate in candidates {
        let new = groups.len();
        let group = candidate.client.map_or(new, |client| *of_clients.entry(client).or_insert(new));
        if group == new {
            groups.push(Vec::new());
        }
        groups[group].push(candidate);
    }
    for group in &mut groups {
        group.sort_unstable_by_key(|candidate| Reverse(candidate.wait));
    }
    // The largest group is on top; among equal ones, that whose next connection goes first.
    let rank = |group: &[Candidate<T>]| Some((group.len(), Reverse(group.last()?.wait)));
    let ranked = groups.iter().enumerate().filter_map(|(index, group)| Some((rank(group)?, index)));
    let mut heap: BinaryHeap<_> = ranked.collect();
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let Some((_, index)) = heap.pop() else { break };
        chosen.extend(groups[index].pop().map(|candidate| candidate.connection));
        heap.extend(rank(&groups[index]).map(|rank| (rank, index)));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use domain::limits::network;

    use super::*;

    /// A client, what its connection waits for and for how many milliseconds, and its name.
    type Row = (u8, fn(Instant, Instant) -> Wait, u64, &'static str);

    const OWED: fn(Instant, Instant) -> Wait = Wait::of;
    const SOCKET: fn(Instant, Instant) -> Wait = |since, _| Wait::socket(since);
    const WORKING: fn(Instant, Instant) -> Wait = |since, _| Wait::working(since);

    /// Client 0 is unknown.
    fn chosen(rows: &[Row], count: usize) -> Vec<&'static str> {
        let now = Instant::now() + Duration::from_hours(1);
        let candidates = rows.iter().map(|(client, wait, millis, name)| Candidate {
            client: (*client > 0).then(|| network(IpAddr::V4(Ipv4Addr::new(192, 0, 2, *client)))),
            wait: wait(now - Duration::from_millis(*millis), now),
            connection: *name,
        });
        choose(candidates, count)
    }

    #[test]
    fn a_client_loses_the_connection_that_has_waited_longest() {
        let rows = [(1, OWED, 3_000, "a"), (1, OWED, 9_000, "b"), (1, OWED, 6_000, "c")];
        assert_eq!(chosen(&rows, 2), ["b", "c"]);
        assert_eq!(chosen(&rows, 9), ["b", "c", "a"]);
    }

    #[test]
    fn the_client_with_most_connections_loses_one_first_however_long_others_wait() {
        let rows = [
            (1, OWED, 80_000, "idle"),
            (2, SOCKET, 70_000, "socket"),
            (3, OWED, 5, "a flood"),
            (3, OWED, 4, "of unfinished"),
            (3, OWED, 3, "bodies"),
        ];
        assert_eq!(chosen(&rows, 2), ["a flood", "of unfinished"]);
        assert_eq!(chosen(&rows, 3), ["a flood", "of unfinished", "idle"]);
        let sockets = [(1, OWED, 80_000, "idle"), (2, SOCKET, 9, "many"), (2, SOCKET, 8, "sockets")];
        assert_eq!(chosen(&sockets, 1), ["many"]);
    }

    #[test]
    fn a_client_whose_connections_wait_for_the_server_does_not_push_out_what_waits_for_others() {
        let rows = [
            (1, OWED, 9_000, "an upload"),
            (1, OWED, 5_000, "idle"),
            (2, WORKING, 4, "a flood"),
            (2, WORKING, 3, "of many"),
            (2, OWED, 2, "requests"),
        ];
        assert_eq!(chosen(&rows, 1), ["requests"]);
        assert_eq!(chosen(&rows, 3), ["requests", "an upload", "a flood"]);
    }

    #[test]
    fn sockets_go_after_what_is_owed_and_before_clients_that_have_just_connected() {
        let rows = [(1, OWED, 5, "new"), (1, SOCKET, 60_000, "socket"), (1, OWED, 2_000, "idle")];
        assert_eq!(chosen(&rows, 3), ["idle", "socket", "new"]);
    }

    #[test]
    fn connections_of_unknown_clients_count_each_by_itself() {
        let rows = [
            (0, OWED, 5, "a proxy's new one"),
            (0, OWED, 4, "another"),
            (1, SOCKET, 60_000, "socket"),
            (2, SOCKET, 50_000, "another's"),
        ];
        assert_eq!(chosen(&rows, 1), ["socket"]);
    }
}
