//! Short constructors for values of the domain. They panic if a text is not valid.

mod email_tokens;

use std::time::Duration;

use domain::account::NewUser;
use domain::one_time::PasswordReplacement;
use domain::secret::SecretSource;
use domain::session::{Device, EndReason, Ending, NewSession, Proof, Successor, TokenHash};
use domain::text::ClientId;
use domain::todo::{
    Action, Base, Batch, Change, Description, Edit, NewTodo, StorageLimits, Strategy, Title, Upsert,
};
use domain::user::{DisplayName, Email, PasswordHash};
use domain::{SessionId, Stamp, TodoId, TokenId, UserId};
use uuid::Uuid;

use crate::fakes::SequentialSecrets;

pub use email_tokens::{email_token, external, identity, mail, new_email, new_name, notice, one_time};

/// 2026-01-09T10:00:00.000000Z, the time at which most tests begin.
pub const T0: Stamp = Stamp::from_micros(1_767_952_800_000_000).expect("between the years 1 and 9999");

/// `seconds` after [`T0`].
#[must_use]
pub fn at(seconds: u64) -> Stamp {
    T0.plus(Duration::from_secs(seconds))
}

/// A new id.
#[must_use]
pub fn uuid() -> Uuid {
    SequentialSecrets.uuid()
}

/// A new id for a todo, greater than all earlier ones.
#[must_use]
pub fn todo_id() -> TodoId {
    TodoId(uuid())
}

/// A title.
#[must_use]
pub fn title(text: &str) -> Title {
    Title::parse(text).expect("a title")
}

/// A description.
#[must_use]
pub fn description(text: &str) -> Description {
    Description::parse(text).expect("a description")
}

/// A device's name.
#[must_use]
pub fn client(text: &str) -> ClientId {
    ClientId::parse(text).expect("a client id")
}

/// An address.
#[must_use]
pub fn email(text: &str) -> Email {
    Email::parse(text).expect("an email address")
}

/// A display name.
#[must_use]
pub fn display_name(text: &str) -> DisplayName {
    DisplayName::parse(text).expect("a display name")
}

/// The content of an active todo with a title only.
#[must_use]
pub fn content(text: &str) -> NewTodo {
    NewTodo::new(title(text))
}

/// A change from a client that does not name itself.
#[must_use]
pub fn change(id: TodoId, base: Base, action: Action) -> Change {
    Change::new(id, base, action)
}

/// Creates an active todo with a title only.
#[must_use]
pub fn create(id: TodoId, title: &str) -> Change {
    create_as(id, content(title))
}

/// Creates a todo.
#[must_use]
pub fn create_as(id: TodoId, new: NewTodo) -> Change {
    change(id, Base::Current, Action::Create(new))
}

/// Edits some fields.
#[must_use]
pub fn edit(id: TodoId, base: Base, edit: Edit) -> Change {
    change(id, base, Action::Edit(edit))
}

/// Edits the title.
#[must_use]
pub fn retitle(id: TodoId, base: Base, text: &str) -> Change {
    edit(id, base, Edit { title: Some(title(text)), ..Edit::default() })
}

/// Sets `completed`.
#[must_use]
pub fn complete(id: TodoId, completed: bool) -> Change {
    edit(id, Base::Current, Edit { completed: Some(completed), ..Edit::default() })
}

/// Inverts `completed`.
#[must_use]
pub fn toggle(id: TodoId) -> Change {
    change(id, Base::Current, Action::Toggle)
}

/// Deletes the todo.
#[must_use]
pub fn delete(id: TodoId) -> Change {
    change(id, Base::Current, Action::Delete)
}

/// Restores the todo.
#[must_use]
pub fn restore(id: TodoId) -> Change {
    change(id, Base::Current, Action::Restore)
}

/// A change as a sync sends it.
#[must_use]
pub fn upsert(id: TodoId, base: Base, upsert: Upsert) -> Change {
    change(id, base, Action::Upsert(upsert))
}

/// A batch under [`Strategy::Manual`] without a cursor, with quotas that no test reaches.
#[must_use]
pub fn batch(changes: impl IntoIterator<Item = Change>) -> Batch {
    Batch {
        changes: changes.into_iter().collect(),
        strategy: Strategy::Manual,
        cursor: None,
        limits: at_most(100_000),
    }
}

/// Limits that allow `live` live todos and do not limit anything else.
#[must_use]
pub const fn at_most(live: u32) -> StorageLimits {
    StorageLimits { live, bytes: u64::MAX, tombstones: u32::MAX, sweep: 1000 }
}

/// A user with a unique address and the password `first`.
#[must_use]
pub fn new_user() -> NewUser {
    let id = UserId(uuid());
    NewUser {
        id,
        email: email(&format!("{}@example.com", id.0.simple())),
        password: password_hash("first"),
        display_name: None,
        verification: None,
        invitation: None,
    }
}

/// The hash that [`PlainHasher`](crate::PlainHasher) makes of a password at its default cost.
#[must_use]
pub fn password_hash(of: &str) -> PasswordHash {
    PasswordHash(format!("plain$10${of}"))
}

/// A new hash, unique in the process.
#[must_use]
pub fn token_hash() -> TokenHash {
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(uuid().as_bytes());
    hash[16..].copy_from_slice(uuid().as_bytes());
    TokenHash(hash)
}

/// A session with its first token. Both expire at `expires_at`.
#[must_use]
pub fn new_session(expires_at: Stamp) -> NewSession {
    NewSession {
        id: SessionId(uuid()),
        device: Device::default(),
        token: TokenId(uuid()),
        hash: token_hash(),
        expires_at,
        access_until: T0,
        proof: Proof::Email,
    }
}

/// A successor for a refresh token. It expires at `expires_at`.
#[must_use]
pub fn successor(expires_at: Stamp) -> Successor {
    Successor { id: TokenId(uuid()), hash: token_hash(), expires_at, access_until: T0 }
}

/// An ending at `at` whose revocation is kept for an hour.
#[must_use]
pub fn ending(reason: EndReason, at: Stamp) -> Ending {
    Ending { reason, at, until: at.plus(Duration::from_hours(1)) }
}

/// A new password, without a notice.
#[must_use]
pub fn replacement(password: PasswordHash, ending: Ending) -> PasswordReplacement {
    PasswordReplacement { password, ending, notice: None, unlink: false }
}
