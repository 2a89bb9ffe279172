//! Histories: which epochs a database went through, and where one user's histories part.
//!
//! A restored backup, or a standby that took over, continues from an earlier state. Devices may
//! hold what the database lost. Each such event begins an *epoch*. When the user's list first
//! changes in an epoch, the store records the user's clock before the change. Up to that stamp, the
//! histories before and after are the same; after it, they *part*.
//!
//! An unannounced restore shows when a cursor is ahead of the user's clock. It begins an epoch for that user alone, which a counter distinguishes.

mod epochs;

pub use epochs::{Epoch, Epochs};

use crate::error::StoreError;
use crate::time::Stamp;

/// An epoch of one user, ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserEpoch {
    /// The ordinal of the database's epoch.
    pub ordinal: i64,
    /// The number of epochs that began for this user alone within it.
    pub counter: u32,
}

impl UserEpoch {
    const fn next(self) -> Self {
        Self { ordinal: self.ordinal, counter: self.counter.saturating_add(1) }
    }
}

/// Where the history of an epoch parts from those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parting {
    epoch: UserEpoch,
    /// The user's clock when the epoch began. Later stamps of earlier epochs belong to changes that
    /// this history does not have.
    at: Stamp,
}

/// The epochs in which a user's list changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    last: UserEpoch,
    /// In ascending order of epochs and stamps.
    partings: Vec<Parting>,
}

impl History {
    /// The number of partings that are kept. Beyond it, the two oldest become one at the earlier
    /// stamp: a device of the epoch in between offers more than the database lost.
    pub const MAX_PARTINGS: usize = 100;

    /// The history of a user who registers in the database's epoch `ordinal`.
    #[must_use]
    pub const fn new(ordinal: i64) -> Self {
        Self { last: UserEpoch { ordinal, counter: 0 }, partings: Vec::new() }
    }

    /// A history read back from a store. `partings` is the text that [`History::stored_partings`]
    /// returned.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a counter or a text that no history has.
    pub fn from_stored(ordinal: i64, counter: i64, partings: Option<&str>) -> Result<Self, StoreError> {
        let counter = u32::try_from(counter)
            .map_err(|_| StoreError::corrupt("users", "epoch_counter", "negative or too large"))?;
        let last = UserEpoch { ordinal, counter };
        let corrupt = |problem: &str| StoreError::corrupt("users", "partings", problem);
        let parse = |text: &str| parse_parting(text).ok_or_else(|| corrupt("not an epoch and a stamp"));
        let partings =
            partings.map_or_else(|| Ok(Vec::new()), |text| text.split(' ').map(parse).collect())?;
        if !partings.is_sorted_by(|a: &Parting, b| a.epoch < b.epoch && a.at <= b.at)
            || partings.last().is_some_and(|parting| parting.epoch != last)
        {
            return Err(corrupt("not in order"));
        }
        Ok(Self { last, partings })
    }

    /// The partings as a text for a column, `None` if there is none: `ordinal.counter@microseconds`
    /// each, with spaces between them.
    #[must_use]
    pub fn stored_partings(&self) -> Option<String> {
        let text = |Parting { epoch, at }: &Parting| {
            format!("{}.{}@{}", epoch.ordinal, epoch.counter, at.as_micros())
        };
        let partings: Vec<_> = self.partings.iter().map(text).collect();
        (!partings.is_empty()).then(|| partings.join(" "))
    }

    /// The epoch of the user's last change.
    #[must_use]
    pub const fn last(&self) -> UserEpoch {
        self.last
    }

    /// The user's epoch in a database with these epochs.
    #[must_use]
    pub fn current(&self, epochs: &Epochs) -> UserEpoch {
        let (ordinal, _) = epochs.current();
        self.last.max(UserEpoch { ordinal, counter: 0 })
    }

    /// The name of the current epoch.
    pub(super) fn current_name(&self, epochs: &Epochs) -> Epoch {
        let UserEpoch { ordinal, counter } = self.current(epochs);
        match (epochs.name(ordinal), counter) {
            (name, 0) => name.clone(),
            (name, counter) => Epoch(format!("{name}.{counter}")),
        }
    }

    /// The epoch that a client named. `None` if the user never was in it, as far as this database
    /// knows.
    pub(super) fn find(&self, name: &Epoch, epochs: &Epochs) -> Option<UserEpoch> {
        let epoch = if let Some(ordinal) = epochs.ordinal(name.as_str()) {
            UserEpoch { ordinal, counter: 0 }
        } else {
            let (name, counter) = name.as_str().rsplit_once('.')?;
            UserEpoch { ordinal: epochs.ordinal(name)?, counter: counter.parse().ok()? }
        };
        let known = epoch.counter == 0 || epoch.counter <= self.highest_counter(epoch.ordinal);
        (known && epoch <= self.current(epochs)).then_some(epoch)
    }

    fn highest_counter(&self, ordinal: i64) -> u32 {
        let entered = self.partings.iter().map(|parting| parting.epoch).chain([self.last]);
        entered.filter(|epoch| epoch.ordinal == ordinal).map(|epoch| epoch.counter).max().unwrap_or(0)
    }

    /// The stamp up to which the history of `epoch` is the current one, for a user whose clock is at
    /// `clock`.
    pub(super) fn shared_with(&self, epoch: UserEpoch, clock: Stamp) -> Stamp {
        self.partings.iter().find(|parting| parting.epoch > epoch).map_or(clock, |parting| parting.at)
    }

    /// Records that the user's list changes in the database's current epoch. `clock` is the user's
    /// clock before the change.
    pub(crate) fn enter_current(&mut self, epochs: &Epochs, clock: Stamp) {
        let current = self.current(epochs);
        if current != self.last {
            self.enter(current, clock);
        }
    }

    /// Begins an epoch for this user alone.
    pub(crate) fn begin(&mut self, epochs: &Epochs, clock: Stamp) {
        self.enter(self.current(epochs).next(), clock);
    }

    fn enter(&mut self, epoch: UserEpoch, at: Stamp) {
        self.last = epoch;
        match self.partings.last_mut() {
            // Nothing was written in between, so both part at the same stamp.
            Some(last) if last.at == at && last.epoch.ordinal == epoch.ordinal => last.epoch = epoch,
            _ => self.partings.push(Parting { epoch, at }),
        }
        if self.partings.len() > Self::MAX_PARTINGS {
            let oldest = self.partings.remove(0);
            self.partings[0].at = oldest.at;
        }
    }
}

fn parse_parting(text: &str) -> Option<Parting> {
    let (epoch, at) = text.split_once('@')?;
    let (ordinal, counter) = epoch.split_once('.')?;
    let epoch = UserEpoch { ordinal: ordinal.parse().ok()?, counter: counter.parse().ok()? };
    Some(Parting { epoch, at: Stamp::from_micros(at.parse().ok()?)? })
}

#[cfg(test)]
mod tests;
