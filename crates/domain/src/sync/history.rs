//! Histories: which epochs a database went through, and where one user's histories part.
//!
//! A restored backup, or a standby that took over, continues from an earlier state. Devices may
//! hold what the database lost. Each such event begins an *epoch*. When the user's list first
//! changes in an epoch, the store records the user's clock before the change. Up to that stamp, the
//! histories before and after are the same; after it, they *part*.
//!
//! A restore that nobody announced shows when a cursor is ahead of the user's clock. It begins an
//! epoch for that user alone, which a counter distinguishes.

use std::fmt;
use std::str::FromStr;

use crate::error::StoreError;
use crate::time::Stamp;

/// Names one history of a user's list: the database's epoch, followed by `.` and the user's counter
/// if the counter is not 0. Clients only compare names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub String);

impl Epoch {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Epoch {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Epoch {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl FromStr for Epoch {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self(name.to_owned()))
    }
}

/// The epochs of a database. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// Oldest first.
    earlier: Vec<(i64, Epoch)>,
    current: (i64, Epoch),
}

impl Epochs {
    /// `epochs` are the ordinal and the name of each, in ascending order of the ordinals.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if there is none, or if the ordinals do not ascend.
    pub fn new(epochs: impl IntoIterator<Item = (i64, String)>) -> Result<Self, StoreError> {
        let mut earlier: Vec<_> = epochs.into_iter().map(|(ordinal, name)| (ordinal, Epoch(name))).collect();
        if !earlier.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(StoreError::corrupt("epochs", "ordinal", "the ordinals do not ascend"));
        }
        let current = earlier.pop();
        let current = current.ok_or_else(|| StoreError::corrupt("epochs", "ordinal", "there is no row"))?;
        Ok(Self { earlier, current })
    }

    /// The ordinal and the name of the latest epoch.
    #[must_use]
    pub const fn current(&self) -> (i64, &Epoch) {
        (self.current.0, &self.current.1)
    }

    /// The ordinal and the name of each, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Epoch)> {
        self.earlier.iter().chain([&self.current]).map(|(ordinal, name)| (*ordinal, name))
    }

    fn name(&self, ordinal: i64) -> &Epoch {
        self.iter().find(|(of, _)| *of == ordinal).map_or(&self.current.1, |(_, name)| name)
    }

    fn ordinal(&self, name: &str) -> Option<i64> {
        // A client usually names the current epoch.
        let found = std::iter::once(self.current()).chain(self.iter()).find(|(_, of)| of.as_str() == name);
        found.map(|(ordinal, _)| ordinal)
    }
}

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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Stamp {
        Stamp::from_micros(micros).expect("a stamp")
    }

    fn epochs(count: i64) -> Epochs {
        Epochs::new((1..=count).map(|ordinal| (ordinal, format!("epoch-{ordinal}")))).expect("epochs")
    }

    fn epoch(ordinal: i64, counter: u32) -> UserEpoch {
        UserEpoch { ordinal, counter }
    }

    #[test]
    fn a_database_has_at_least_one_epoch_and_they_are_in_order() {
        assert!(Epochs::new([]).is_err());
        assert!(Epochs::new([(2, "b".to_owned()), (1, "a".to_owned())]).is_err());
        assert!(Epochs::new([(1, "b".to_owned()), (1, "a".to_owned())]).is_err());
        assert_eq!(epochs(3).current(), (3, &Epoch("epoch-3".to_owned())));
    }

    #[test]
    fn a_history_survives_its_columns() {
        let mut history = History::new(1);
        assert_eq!(history.stored_partings(), None);
        history.begin(&epochs(1), at(-5));
        history.enter_current(&epochs(3), at(7));
        history.enter_current(&epochs(3), at(9));
        assert_eq!(history.stored_partings().as_deref(), Some("1.1@-5 3.0@7"));
        for history in [History::new(4), history] {
            let UserEpoch { ordinal, counter } = history.last();
            let read = History::from_stored(ordinal, counter.into(), history.stored_partings().as_deref());
            assert_eq!(read.expect("a history"), history);
        }
    }

    #[test]
    fn columns_that_no_history_has_are_corrupt() {
        for (counter, partings) in [
            (-1, None),
            (1 << 32, None),
            (0, Some("")),
            (0, Some("2.0")),
            (0, Some("2.0@x")),
            (0, Some("2@7")),
            (0, Some("1.0@7")),
            (0, Some("2.0@7 ")),
            (0, Some("2.0@7 1.0@8")),
            (0, Some("1.1@9 2.0@8")),
        ] {
            let read = History::from_stored(2, counter, partings);
            assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{counter} {partings:?}: {read:?}");
        }
    }

    #[test]
    fn an_epoch_in_which_nothing_changed_leaves_no_parting() {
        let mut history = History::new(1);
        history.enter_current(&epochs(4), at(7));
        assert_eq!(history.stored_partings().as_deref(), Some("4.0@7"));
        for epoch in [epoch(1, 0), epoch(3, 0)] {
            assert_eq!(history.shared_with(epoch, at(20)), at(7));
        }
        assert_eq!(history.shared_with(epoch(4, 0), at(20)), at(20));
    }

    #[test]
    fn a_device_that_is_refused_again_and_again_adds_one_parting() {
        let mut history = History::new(1);
        for _ in 0..1000 {
            history.begin(&epochs(1), at(7));
        }
        assert_eq!(history.stored_partings().as_deref(), Some("1.1000@7"));
        assert_eq!(history.shared_with(epoch(1, 0), at(20)), at(7));
        assert_eq!(history.find(&Epoch("epoch-1.999".to_owned()), &epochs(1)), Some(epoch(1, 999)));
    }

    proptest! {
        /// A device that offers more than the database lost loses nothing. One that offered less
        /// would.
        #[test]
        fn joining_old_partings_never_promises_more_than_is_shared(
            events in prop::collection::vec((any::<bool>(), 0..3i64), 0..300),
        ) {
            let (mut history, mut ordinal, mut clock) = (History::new(1), 1, 0);
            let mut all = Vec::new();
            for (for_the_user_alone, passed) in events {
                clock += passed;
                if for_the_user_alone {
                    history.begin(&epochs(ordinal), at(clock));
                } else {
                    ordinal += 1;
                    history.enter_current(&epochs(ordinal), at(clock));
                }
                all.push(Parting { epoch: history.last(), at: at(clock) });
            }
            let end = at(clock + 10);
            prop_assert!(history.partings.len() <= History::MAX_PARTINGS);
            let before = std::iter::once(epoch(1, 0)).chain(all.iter().map(|parting| parting.epoch));
            for epoch in before {
                let parted = all.iter().filter(|parting| parting.epoch > epoch).map(|parting| parting.at);
                let shared = parted.min().unwrap_or(end);
                let promised = history.shared_with(epoch, end);
                prop_assert!(promised <= shared, "{epoch:?}: {promised} is beyond {shared}");
                prop_assert!(promised == shared || all.len() > History::MAX_PARTINGS);
            }
        }
    }
}
