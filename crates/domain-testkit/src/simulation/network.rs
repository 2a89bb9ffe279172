//! A network that loses requests and answers, and delivers some requests twice, late or out of
//! order.

use super::random::Random;
use super::wire::{Gone, Lost, Reply, Request, Server};

/// The network between the devices and a server.
pub struct Network<S> {
    pub server: S,
    pub faults: Faults,
    /// Whether requests arrive after their device gave up on them.
    pub delays: bool,
    /// Whether an answer may claim that tombstones are gone which are still there.
    pub forgets: bool,
    reliable: bool,
    /// Requests that are still under way although their device gave up on them.
    late: Vec<Request>,
}

/// The faults of a network, as counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Requests that never arrived.
    pub lost: u64,
    /// Requests whose answer never arrived.
    pub unanswered: u64,
    /// Requests that arrived twice, the second time late.
    pub repeated: u64,
    /// Requests that arrived after their device gave up on them.
    pub late: u64,
    /// Requests whose answer demanded a restart from the beginning.
    pub refused: u64,
}

impl Faults {
    /// Adds the counts of another network.
    pub const fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.unanswered += other.unanswered;
        self.repeated += other.repeated;
        self.late += other.late;
        self.refused += other.refused;
    }
}

impl<S: Server> Network<S> {
    /// A faulty network in front of `server`.
    pub fn new(server: S, delays: bool, forgets: bool) -> Self {
        Self { server, faults: Faults::default(), delays, forgets, reliable: false, late: Vec::new() }
    }

    /// One exchange, perhaps with a fault.
    pub async fn exchange(&mut self, request: &Request, random: &mut Random) -> Result<Reply, Lost> {
        if self.reliable {
            return self.server.sync(request).await;
        }
        match random.below(100) {
            0..10 => {
                self.faults.lost += 1;
                Err(Lost)
            }
            10..24 => {
                self.faults.unanswered += 1;
                self.server.sync(request).await?;
                Err(Lost)
            }
            24..32 if self.delays => {
                self.late.push(request.clone());
                Err(Lost)
            }
            32..38 if self.delays => {
                self.faults.repeated += 1;
                self.late.push(request.clone());
                self.server.sync(request).await
            }
            38..42 => {
                self.faults.repeated += 1;
                self.server.sync(request).await?;
                self.server.sync(request).await
            }
            42..45 if self.forgets && request.last_sync.is_some() => {
                self.faults.refused += 1;
                // A late request with as old a cursor would be refused too.
                self.late.retain(|late| late.client_id != request.client_id);
                Ok(Reply::Gone(Gone::Forgotten { epoch: request.epoch.clone().unwrap_or_default() }))
            }
            _ => self.server.sync(request).await,
        }
    }

    /// Drops the late requests: none is under way for days.
    pub fn time_out(&mut self) {
        self.late.clear();
    }

    /// Delivers one of the late requests, not always the oldest. Its answer is lost.
    pub async fn deliver_late(&mut self, random: &mut Random) -> Option<Request> {
        if self.late.is_empty() {
            return None;
        }
        let index = random.below(self.late.len() as u64);
        let request = self.late.swap_remove(usize::try_from(index).expect("an index"));
        self.faults.late += 1;
        // Over HTTP, this request may fail too.
        let _: Result<Reply, Lost> = self.server.sync(&request).await;
        Some(request)
    }

    /// Delivers all late requests, and has no more faults from now on.
    pub async fn become_reliable(&mut self, random: &mut Random) {
        while self.deliver_late(random).await.is_some() {}
        self.reliable = true;
    }
}
