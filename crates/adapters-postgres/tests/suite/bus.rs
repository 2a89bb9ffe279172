//! The bus between the instances on one database.

use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::PostgresBus;
use domain::instances::{Advance, Bus, BusListener, Message};
use domain::{Stamp, UserId};
use postgres_testbed::{Database, Role};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::{TIMEOUT, database};

/// Upper bound of a wait. Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_mins(1);

/// What an instance has heard.
#[derive(Clone, Debug, Default)]
struct Heard {
    connections: usize,
    problems: Vec<String>,
    messages: Vec<Message>,
    sent: usize,
}

#[derive(Default)]
struct Ear(watch::Sender<Heard>);

impl BusListener for Ear {
    fn connected(&self) {
        self.0.send_modify(|heard| heard.connections += 1);
    }

    fn disconnected(&self, problem: &str) {
        self.0.send_modify(|heard| heard.problems.push(problem.to_owned()));
    }

    fn received(&self, message: Message) {
        self.0.send_modify(|heard| heard.messages.push(message));
    }

    fn sent(&self, count: usize) {
        self.0.send_modify(|heard| heard.sent += count);
    }
}

impl Ear {
    async fn until(&self, enough: impl Fn(&Heard) -> bool) -> Heard {
        let mut heard = self.0.subscribe();
        let outcome = tokio::time::timeout(DEADLINE, heard.wait_for(|heard| enough(heard))).await;
        let heard = outcome.unwrap_or_else(|late| panic!("{late}: {:?}", self.0.borrow()));
        heard.expect("the ear is there").clone()
    }
}

struct Instance {
    bus: Arc<PostgresBus>,
    ear: Arc<Ear>,
    run: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Instance {
    async fn start(url: &str) -> Self {
        let (bus, ear) = (Arc::new(PostgresBus::new(url, TIMEOUT).expect("a URL")), Arc::new(Ear::default()));
        let (running, listening) = (Arc::clone(&bus), Arc::clone(&ear));
        let run = tokio::spawn(async move { running.run(&*listening).await });
        ear.until(|heard| heard.connections == 1).await;
        Self { bus, ear, run }
    }
}

fn advanced(n: u128) -> Message {
    let clock = Stamp::EPOCH.next();
    Message::Advanced(UserId(Uuid::from_u128(n)), Advance { previous: Stamp::EPOCH, clock })
}

/// Ends the connections that listen.
fn end_connections(database: &Database) {
    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
               where datname = current_database() and usename = current_user and pid <> pg_backend_pid()";
    database.sql(Role::App, end).expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_announces_the_others_hear_and_it_does_not() {
    let database = database("bus");
    let url = database.app_url();
    let (a, b, c) = (Instance::start(&url).await, Instance::start(&url).await, Instance::start(&url).await);
    // More than one payload holds.
    for n in 0..500 {
        a.bus.announce(advanced(n));
    }
    a.bus.announce(Message::Revoked);
    for other in [&b, &c] {
        let mut heard = other.ear.until(|heard| heard.messages.len() >= 501).await.messages;
        assert!(heard.contains(&Message::Revoked));
        heard.retain(|message| *message != Message::Revoked);
        heard.sort_unstable_by_key(ToString::to_string);
        assert!(heard.into_iter().eq((0..500).map(advanced)), "each once");
    }
    b.bus.announce(advanced(1_000));
    a.ear.until(|heard| heard.messages == [advanced(1_000)]).await;
    assert_eq!(a.ear.until(|heard| heard.sent > 0).await.sent, 501);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_lost_its_connection_comes_back_and_sends_what_waits() {
    let database = database("bus_lost");
    let (a, b) = (Instance::start(&database.app_url()).await, Instance::start(&database.app_url()).await);
    for round in 2..4 {
        end_connections(&database);
        a.bus.announce(advanced(1));
        for instance in [&a, &b] {
            let heard = instance.ear.until(|heard| heard.connections >= round).await;
            assert!(heard.problems.len() + 1 >= heard.connections, "each end is reported: {heard:?}");
        }
        // The announcement may have gone before the other one listened again.
        let before = b.ear.0.borrow().messages.len();
        a.bus.announce(advanced(2));
        b.ear.until(|heard| heard.messages.len() > before).await;
    }
}
