//! A flood of wrong passwords, and its effect on other users' lists.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::cases::{Case, Side, with_body};
use super::{Actor, Figures, Phases, round};
use crate::Result;
use crate::client::Answer;
use crate::dataset::Dataset;
use crate::process::Meter;

/// The number of connections that log in.
const GUESSERS: usize = 200;
/// The pause of each connection after a response. Together the connections still guess much faster
/// than the server can hash; without a pause, the number of requests alone would load the machine.
const PAUSE: Duration = Duration::from_secs(1);
/// The number of connections that list todos.
const READERS: usize = 16;

/// The origin of the guesses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// One address: the rate limit refuses most of them.
    One,
    /// A new address and account for every guess: only the bounded queue of the hasher limits them.
    Everywhere,
}

/// The measurements with one origin of guesses.
pub struct Flood {
    pub origin: Origin,
    /// Lists without guesses.
    pub quiet: Figures,
    /// Lists during the guesses.
    pub flooded: Figures,
    /// The number of responses to guesses by status.
    pub answers: BTreeMap<u16, u64>,
}

/// Measures lists with and without the flood, in alternating rounds.
pub async fn flood(
    address: SocketAddr,
    dataset: &Rc<Dataset>,
    (rounds, phases): (usize, Phases),
    meter: &Meter,
) -> Result<Vec<Flood>> {
    let mut floods = Vec::new();
    for origin in [Origin::One, Origin::Everywhere] {
        let answers = Rc::new(RefCell::new(BTreeMap::new()));
        let count = Rc::new(RefCell::new(0));
        let (mut quiet, mut flooded) = (Figures::none()?, Figures::none()?);
        for _ in 0..rounds {
            let readers = || Case::List.actors(Side::Server, READERS, dataset);
            quiet.add(&round(address, readers(), phases, meter).await?)?;
            let guessing = (0..GUESSERS).map(|_| -> Box<dyn Actor> {
                Box::new(Guess { origin, count: count.clone(), answers: answers.clone() })
            });
            let (lists, logins) = tokio::join!(
                round(address, readers(), phases, meter),
                round(address, guessing.collect(), phases, meter),
            );
            flooded.add(&lists?)?;
            logins?;
        }
        floods.push(Flood { origin, quiet, flooded, answers: answers.take() });
    }
    Ok(floods)
}

struct Guess {
    origin: Origin,
    /// The number of guesses of all connections.
    count: Rc<RefCell<u32>>,
    answers: Rc<RefCell<BTreeMap<u16, u64>>>,
}

impl Actor for Guess {
    fn request(&mut self, out: &mut Vec<u8>) {
        let mut count = self.count.borrow_mut();
        *count += 1;
        let from = match self.origin {
            Origin::One => "192.0.2.1".to_owned(),
            Origin::Everywhere => std::net::Ipv4Addr::from((10 << 24) + *count).to_string(),
        };
        let body = format!(r#"{{"email":"user{count}@example.com","password":"Wrong-Horse-7"}}"#);
        let forwarded = format!("X-Forwarded-For: {from}\r\n");
        with_body(out, format_args!("POST /api/v1/auth/login"), &forwarded, &body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        *self.answers.borrow_mut().entry(answer.status).or_default() += 1;
        if [401, 429, 503].contains(&answer.status) { Ok(()) } else { Err(answer.unexpected()) }
    }

    fn pause(&self) -> Duration {
        PAUSE
    }
}
