//! Whose connection a new one is.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use domain::limits::network;
use ipnet::IpNet;

use super::input::Input;
use super::{Activity, OpenConnections};
use crate::memory_budget::{MemoryBudget, Owner};

/// Admits connections.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) open: OpenConnections,
    /// The memory of incomplete request heads.
    pub(crate) heads: MemoryBudget,
    /// Proxies, whose connections belong to the clients that they forward.
    pub(crate) proxies: Arc<[IpNet]>,
}

impl Admission {
    /// Counts a new connection. Over the limit, others close.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Rc<Activity> {
        let peer = peer.map(|peer| peer.to_canonical());
        let input = Input::new(self.heads.clone(), Owner::Network(peer.map(network)));
        let is_proxy = |peer: &IpAddr| self.proxies.iter().any(|net| net.contains(peer));
        let client = peer.filter(|peer| !is_proxy(peer)).map(network);
        Activity::idle(self.open.open(client), client, input)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use tokio::time::{advance, pause};

    use super::*;
    use crate::connection::{AwaitedBody, Body};

    const PROXY: u8 = 254;
    const BODY: Body = Body::Sized(1_000_000);

    fn admission(limit: usize) -> Admission {
        let proxy = IpNet::from(IpAddr::from([192, 0, 2, PROXY]));
        Admission {
            open: OpenConnections::new(limit),
            heads: MemoryBudget::new(0),
            proxies: Arc::new([proxy]),
        }
    }

    fn from(admission: &Admission, client: u8) -> Rc<Activity> {
        admission.admit(Some(address(client)))
    }

    fn address(client: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, client))
    }

    fn asked(activities: &[&Rc<Activity>]) -> Vec<bool> {
        activities.iter().map(|activity| activity.is_asked_to_close()).collect()
    }

    #[actix_web::test]
    async fn over_the_limit_the_longest_idle_connection_is_asked_to_close_and_no_active_one() {
        let admission = admission(3);
        let first = from(&admission, 1);
        let request = first.begin_request(BODY, || None);
        let (second, third) = (from(&admission, 1), from(&admission, 1));
        assert_eq!(asked(&[&first, &second, &third]), [false; 3], "within the limit");
        let fourth = from(&admission, 1);
        assert_eq!(asked(&[&first, &second, &third, &fourth]), [false, true, false, false]);
        // Each further connection closes one more.
        let fifth = from(&admission, 1);
        assert_eq!(asked(&[&first, &third, &fourth, &fifth]), [false, true, false, false]);
        // Closed ones do not count.
        drop((second, third, fourth, fifth));
        let others = [from(&admission, 1), from(&admission, 1)];
        assert_eq!(asked(&[&first, &others[0], &others[1]]), [false; 3]);
        drop(request);
        let _last = from(&admission, 1);
        assert_eq!(asked(&[&first, &others[0], &others[1]]), [false, true, false], "it has just ended");
    }

    #[actix_web::test]
    async fn a_connection_that_waits_for_a_body_is_asked_to_close_until_the_body_is_complete() {
        let admission = admission(2);
        let (first, second) = (from(&admission, 1), from(&admission, 1));
        let _requests = [&first, &second].map(|activity| activity.begin_request(BODY, || None));
        let waits = first.await_body();
        let third = from(&admission, 1);
        assert_eq!(asked(&[&first, &second, &third]), [true, false, false]);
        // The body arrives at the last moment, and the third, which has sent nothing, goes instead.
        drop(waits);
        assert_eq!(asked(&[&first, &second, &third]), [false, false, true]);
    }

    #[actix_web::test]
    async fn a_body_that_trickles_in_has_waited_longer_than_one_that_arrives_steadily() {
        pause();
        let admission = admission(2);
        let (steady, trickling) = (from(&admission, 1), from(&admission, 1));
        let _requests = [&steady, &trickling].map(|activity| activity.begin_request(BODY, || None));
        let waits = [steady.await_body(), trickling.await_body()];
        waits.iter().for_each(AwaitedBody::begin);
        for _ in 0..20 {
            advance(Duration::from_secs(1)).await;
            steady.receive(&[0; 10 * 1024]).expect("room");
            trickling.receive(&[0]).expect("room");
        }
        let _third = from(&admission, 1);
        assert_eq!(asked(&[&steady, &trickling]), [false, true]);
    }

    fn is_closing(activity: &Rc<Activity>) -> bool {
        activity.poll_close(&Context::from_waker(Waker::noop())).is_ready()
    }

    #[actix_web::test]
    async fn while_the_server_works_on_all_the_first_closes_after_its_response_or_in_its_next_wait() {
        let admission = admission(1);
        let first = from(&admission, 1);
        let request = first.begin_request(BODY, || None);
        let second = from(&admission, 1);
        let _other = second.begin_request(BODY, || None);
        assert_eq!(asked(&[&first, &second]), [true, false]);
        assert!(request.is_last() && !is_closing(&first));
        let waits = first.await_body();
        assert!(is_closing(&first), "the body is missing");
        drop(waits);
        assert!(request.is_last() && !is_closing(&first), "it has arrived");
        drop(request);
        assert!(is_closing(&first), "the response is done");
        // A request that was sent meanwhile is the last one.
        assert!(first.begin_request(BODY, || None).is_last());
    }

    #[actix_web::test]
    async fn a_proxys_connection_belongs_to_the_client_of_its_request() {
        let admission = admission(4);
        let of_proxy: Vec<_> = (0..4).map(|_| from(&admission, PROXY)).collect();
        let client = |client| move || Some(network(address(client)));
        let _requests = [
            of_proxy[0].begin_request(BODY, client(1)),
            of_proxy[1].begin_request(BODY, client(2)),
            of_proxy[2].begin_request(BODY, client(2)),
        ];
        let _waits = [of_proxy[0].await_body(), of_proxy[1].await_body(), of_proxy[2].await_body()];
        let _new = from(&admission, PROXY);
        assert_eq!(asked(&of_proxy.iter().collect::<Vec<_>>()), [false, true, false, false]);
    }

    #[actix_web::test]
    async fn connections_that_are_no_sockets_have_a_limit_of_their_own() {
        let admission = Admission { open: OpenConnections::with(100, 2), ..admission(100) };
        let (socket, idle) = (from(&admission, 1), from(&admission, 1));
        let upgraded = socket.begin_request(BODY, || None);
        upgraded.switch_protocols();
        let second = from(&admission, 1);
        assert_eq!(asked(&[&socket, &idle, &second]), [false, false, false], "two beside a socket");
        let third = from(&admission, 1);
        assert_eq!(asked(&[&socket, &idle, &second, &third]), [false, true, false, false]);
        // The end of a socket frees no place for others.
        drop((upgraded, socket, idle));
        let last = from(&admission, 1);
        assert_eq!(asked(&[&second, &third, &last]), [true, false, false]);
    }
}
