//! What a device has not sent yet, has in flight, or keeps for its user to decide.

use domain::Stamp;

use super::values::{Fields, Row, deletes};

/// The unsent change of one todo, or the one in flight.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that the change was made against; 0 if the device knows none.
    pub base: i64,
    /// The acknowledged todo that the user saw when the change was begun. The device may have
    /// learned of a later version since.
    pub seen: Row,
    /// The edits in order, at least one. A device that coalesces edits has one part.
    pub parts: Vec<Part>,
    /// What the change gives back to a server that lost it.
    pub healing: Option<Healing>,
    /// Whether an edit of the user is in it.
    pub edited: bool,
}

/// Some edits that are sent as one.
#[derive(Clone, Debug)]
pub struct Part {
    pub fields: Fields,
    pub made_at: Stamp,
}

/// A todo that is given back to a server which lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Healing {
    /// The server's todo gives way if it is not later than this.
    pub lost_after: Stamp,
    /// Whether the change is sent again on the server's version, as an ordinary change.
    pub resent: bool,
}

impl Change {
    /// A change of one part.
    #[must_use]
    pub fn new(seen: Row, fields: Fields, made_at: Stamp) -> Self {
        Self { base: seen.version, seen, parts: vec![Part { fields, made_at }], healing: None, edited: true }
    }

    /// A row of healing: the todo `held`, with `fields` of it to be sent.
    #[must_use]
    pub fn healing(held: Row, fields: Fields, lost_after: Stamp, edit: Option<&Self>) -> Self {
        let made_at = edit.map_or(held.updated_at, Self::made_at);
        Self {
            base: 0,
            healing: Some(Healing { lost_after, resent: false }),
            edited: edit.is_some(),
            ..Self::new(held, fields, made_at)
        }
    }

    /// The part of the change that concerns fields which `held` shows otherwise than the user saw.
    #[must_use]
    pub fn unaware_of(&self, held: &Row) -> Fields {
        let mut fields = self.fields();
        fields.retain(|key, value| self.seen.value(*key) != held.value(*key) && !held.holds(*key, *value));
        fields
    }

    /// The values of all parts.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let mut all = Fields::new();
        for part in &self.parts {
            all.extend(&part.fields);
        }
        all
    }

    /// Whether the todo is deleted after the change.
    #[must_use]
    pub fn deletes(&self) -> bool {
        deletes(&self.fields())
    }

    /// Whether the change goes out as a healing item.
    #[must_use]
    pub fn is_healing(&self) -> bool {
        self.healing.is_some_and(|healing| !healing.resent)
    }

    /// Adds a later edit, as a part of its own or to the last one.
    pub fn add(&mut self, fields: Fields, made_at: Stamp, as_part: bool) {
        self.edited = true;
        match self.parts.last_mut().filter(|_| !as_part && self.healing.is_none()) {
            Some(last) => {
                last.fields.extend(fields);
                last.made_at = made_at;
            }
            None if self.healing.is_some() => {
                let mut all = self.fields();
                all.extend(fields);
                self.parts = vec![Part { fields: all, made_at }];
            }
            None => self.parts.push(Part { fields, made_at }),
        }
    }

    /// When the last edit was made.
    #[must_use]
    pub fn made_at(&self) -> Stamp {
        self.parts.last().map_or(Stamp::EPOCH, |part| part.made_at)
    }
}

/// A change that the server accepted, until the last page.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The todo that the device shows.
    pub shown: Row,
    /// The acknowledged todo before.
    pub before: Option<Row>,
    pub change: Change,
    /// Whether a page had the todo with the accepted version.
    pub confirmed: bool,
    /// Whether the database may have lost the change since.
    pub doubtful: bool,
}

/// A conflict that the user has not decided yet.
#[derive(Clone, Debug, Default)]
pub struct Conflict {
    /// The user's values for the contested fields.
    pub mine: Fields,
    /// All that the device knows of the todo, to create it again if need be.
    pub whole: Fields,
}

/// A change that waits until a device has read everything again.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The todo that the user saw with what was in flight.
    pub in_flight: Row,
    pub change: Change,
    /// The todo as its user saw it.
    pub whole: Fields,
    /// Whether the server accepted a part of the change, and the database may have lost it since.
    pub may_be_lost: bool,
}
