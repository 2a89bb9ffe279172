//! A flood of wrong passwords, and what it does to somebody who lists todos meanwhile.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::cases::{Case, Side, with_body};
use super::{Actor, Answer, Figures, Lengths, round};
use crate::Result;
use crate::process::Meter;
use crate::world::World;

/// How many log in at once.
const GUESSERS: usize = 200;
/// How long each waits after an answer: together they still guess many times faster than can be hashed, and what is measured is the
/// guessing, not how many requests fit on the machine.
const PAUSE: Duration = Duration::from_secs(1);
/// How many connections list todos.
const READERS: usize = 16;

/// Where the guesses come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// One address: the limit for it answers most of them.
    One,
    /// A new address, and a new account, for every guess: nothing but the bounded queue of the hasher holds them up.
    Everywhere,
}

/// What was measured with guesses from somewhere.
pub struct Flood {
    pub origin: Origin,
    /// Lists while nobody guesses.
    pub quiet: Figures,
    /// The same while the guessers do.
    pub flooded: Figures,
    /// How often each status answered a guess.
    pub answers: BTreeMap<u16, u64>,
}

/// Lists without and with the flood, taking turns.
pub async fn flood(
    address: SocketAddr,
    world: &Rc<World>,
    (rounds, lengths): (usize, Lengths),
    meter: &Meter,
) -> Result<Vec<Flood>> {
    let mut floods = Vec::new();
    for origin in [Origin::One, Origin::Everywhere] {
        let answers = Rc::new(RefCell::new(BTreeMap::new()));
        let count = Rc::new(RefCell::new(0));
        let (mut quiet, mut flooded) = (Figures::none()?, Figures::none()?);
        for _ in 0..rounds {
            let readers = || Case::List.actors(Side::Server, READERS, world);
            quiet.add(&round(address, readers(), lengths, meter).await?)?;
            let guessing = (0..GUESSERS).map(|_| -> Box<dyn Actor> {
                Box::new(Guess { origin, count: count.clone(), answers: answers.clone() })
            });
            let (lists, logins) = tokio::join!(
                round(address, readers(), lengths, meter),
                round(address, guessing.collect(), lengths, meter),
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
    /// Of all guessers.
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
