//! The content of the database, and what the load generator tracks of it.
//!
//! The scripts in `fill/` insert the same rows and compute ids in the same way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use adapters_auth::{JwtAccessTokens, KeyRing, SystemClock, SystemSecrets};
use api_actix::rfc3339::Rfc3339;
use domain::secret::SecretSource as _;
use domain::session::{AccessTokens as _, Grant};
use domain::time::Clock as _;
use domain::user::Email;
use domain::{SessionId, Stamp, TokenId, UserId};
use uuid::Uuid;

use crate::Result;

/// The number of users.
pub const USERS: usize = 1_000;
/// The number of todos of each user.
pub const TODOS: usize = 1_000;

/// The secret for tokens of the server and the baselines.
pub const SECRET: &str = "a secret of the benchmark, of 48 characters or so";
/// The `iss` and `aud` of tokens.
pub const TOKEN_ISSUER: &str = "todo-sync";

/// The stamp of each user's first todo, 2026-01-01T00:00:00Z. The next follow at intervals of a second.
const FIRST_STAMP: i64 = 1_767_225_600_000_000;

/// A user's id.
pub fn user_id(user: usize) -> Uuid {
    id(FIRST_STAMP, user + 1)
}

/// A todo's id.
pub fn todo_id(user: usize, todo: usize) -> Uuid {
    id(stamp(todo), user * TODOS + todo + 1)
}

/// The stamp of a todo, in microseconds.
fn stamp(todo: usize) -> i64 {
    FIRST_STAMP + i64::try_from(todo).unwrap_or(0) * 1_000_000
}

/// A UUID like version 7: milliseconds, then bits that look random, here the number times an odd constant.
fn id(micros: i64, number: usize) -> Uuid {
    let millis = u128::try_from(micros / 1_000).unwrap_or(0);
    let bits = (number as u128 * 2_654_435_761) & 0xffff_ffff_ffff;
    Uuid::from_u128((millis << 80) | (0x7000_8000 << 48) | bits)
}

/// The users and todos as the load generator knows them.
pub struct Dataset {
    /// `Authorization` header lines.
    bearers: Vec<String>,
    tokens: Vec<String>,
    versions: RefCell<Vec<u32>>,
    cursors: RefCell<Vec<String>>,
    seed: Cell<u64>,
}

impl Dataset {
    /// The state after the fill.
    pub fn new() -> Result<Rc<Self>> {
        let ring = KeyRing::parse(&SECRET.into())?;
        let issuer = JwtAccessTokens::new(&ring, &[], TOKEN_ISSUER, TOKEN_ISSUER);
        let tokens = (0..USERS).map(|user| token(&issuer, user)).collect::<Result<Vec<_>>>()?;
        let newest = Stamp::from_micros(stamp(TODOS - 1)).ok_or("a stamp out of range")?;
        Ok(Rc::new(Self {
            bearers: tokens.iter().map(|token| format!("Authorization: Bearer {token}\r\n")).collect(),
            tokens,
            versions: vec![1; USERS * TODOS].into(),
            cursors: vec![Rfc3339(newest).to_string(); USERS].into(),
            seed: Cell::new(0x9e37_79b9_7f4a_7c15),
        }))
    }

    /// The header line with the user's token.
    pub fn bearer(&self, user: usize) -> &str {
        &self.bearers[user]
    }

    /// The user's access token.
    pub fn token(&self, user: usize) -> &str {
        &self.tokens[user]
    }

    /// The current version of a todo.
    pub fn version(&self, user: usize, todo: usize) -> u32 {
        self.versions.borrow()[user * TODOS + todo]
    }

    /// Records that a change of the todo was accepted.
    pub fn changed(&self, user: usize, todo: usize) {
        self.versions.borrow_mut()[user * TODOS + todo] += 1;
    }

    /// The cursor of the user's device.
    pub fn cursor(&self, user: usize) -> String {
        self.cursors.borrow()[user].clone()
    }

    /// Sets the cursor of the user's device.
    pub fn set_cursor(&self, user: usize, cursor: &str) {
        cursor.clone_into(&mut self.cursors.borrow_mut()[user]);
    }

    /// A pseudo-random number below `limit`. The sequence is the same in each run.
    pub fn random(&self, limit: usize) -> usize {
        let mut seed = self.seed.get();
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        self.seed.set(seed);
        usize::try_from(seed >> 16).unwrap_or(0) % limit
    }
}

fn token(issuer: &JwtAccessTokens, user: usize) -> Result<String> {
    let now = SystemClock.now();
    let grant = Grant {
        token: TokenId(SystemSecrets.uuid()),
        user: UserId(user_id(user)),
        email: Some(Email::parse(&format!("user{user}@example.com"))?),
        session: SessionId(SystemSecrets.uuid()),
        issued_at: now,
        expires_at: now.plus(Duration::from_hours(2)),
    };
    Ok(issuer.issue(&grant).0)
}
