//! Scenarios: what may happen in a run besides edits and a faulty network.

use domain::todo::{StorageLimits, Strategy};

use super::profile::Profile;
use super::random::Random;

/// The circumstances of a simulation.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may be combined")]
pub struct Scenario {
    pub name: &'static str,
    /// Whether there is one device only, and no other client. It must not meet a single conflict.
    pub alone: bool,
    /// Whether months pass, and tombstones are removed before their time.
    pub away: bool,
    /// Whether quotas are reached.
    pub quotas: bool,
    /// How often the database is restored from a backup, at most.
    pub restores: u32,
    /// Whether some of the restores are not announced.
    pub unannounced: bool,
    /// Whether epochs are announced in which nothing was lost.
    pub epochs: bool,
}

impl Scenario {
    /// Two to four devices.
    pub const PLAIN: Self = Self {
        name: "plain",
        alone: false,
        away: false,
        quotas: false,
        restores: 0,
        unannounced: false,
        epochs: false,
    };
    /// One device alone.
    pub const ALONE: Self = Self { name: "alone", alone: true, away: true, ..Self::PLAIN };
    /// Devices that come back after their tombstones are gone.
    pub const AWAY: Self = Self { name: "away", away: true, ..Self::PLAIN };
    /// Users who reach their quotas.
    pub const QUOTAS: Self = Self { name: "quotas", quotas: true, ..Self::PLAIN };
    /// Epochs that are announced although nothing was lost. No device may notice.
    pub const EPOCHS: Self = Self { name: "epochs", epochs: true, ..Self::PLAIN };
    /// One device alone, and epochs in which nothing was lost.
    pub const ALONE_EPOCHS: Self = Self { name: "alone_epochs", epochs: true, ..Self::ALONE };
    /// One announced restore.
    pub const RESTORE: Self = Self { name: "restore", restores: 1, ..Self::PLAIN };
    /// Several announced restores, one after the other.
    pub const RESTORES: Self = Self { name: "restores", restores: 3, ..Self::PLAIN };
    /// One unannounced restore.
    pub const COPIED: Self = Self { name: "copied", unannounced: true, ..Self::RESTORE };
    /// Several restores, some of them unannounced.
    pub const COPIES: Self = Self { name: "copies", unannounced: true, ..Self::RESTORES };
    /// Announced restores, long absence and new epochs together.
    pub const ALL_TOGETHER: Self = Self { name: "all", restores: 2, epochs: true, ..Self::AWAY };
    /// The same with unannounced restores.
    pub const ALL_COPIED: Self = Self { name: "all_copied", unannounced: true, ..Self::ALL_TOGETHER };

    /// The scenarios that run by default. None of the first 10,000 seeds of each fails.
    pub const EVERY: [Self; 11] = [
        Self::PLAIN,
        Self::ALONE,
        Self::AWAY,
        Self::QUOTAS,
        Self::EPOCHS,
        Self::ALONE_EPOCHS,
        Self::RESTORE,
        Self::RESTORES,
        Self::COPIED,
        Self::COPIES,
        Self::ALL_TOGETHER,
    ];

    /// The scenarios that run by their names only. A device that comes back after its tombstones are gone
    /// can't tell what an unannounced copy lacks from what was deleted. So `all_copied` loses values of
    /// which nothing is promised, in a few of 10,000 seeds.
    pub const EXPLORED: [Self; 1] = [Self::ALL_COPIED];

    /// The scenario with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().chain(Self::EXPLORED).find(|scenario| scenario.name == name)
    }

    /// Whether the database never goes back to an earlier state.
    #[must_use]
    pub const fn loses_nothing(&self) -> bool {
        self.restores == 0
    }

    pub(super) fn devices(&self, random: &mut Random) -> usize {
        if self.alone { 1 } else { random.pick(&[2, 2, 3, 4]) }
    }

    /// Whether several devices choose some of the ids, as when each of them imports the same list.
    pub(super) const fn shares_ids(&self) -> bool {
        !self.alone
    }

    /// Whether requests may arrive late. Under a strategy that replaces what the device does not
    /// know, and in a request with several changes of one todo, a late copy replaces what the same
    /// device typed since.
    pub(super) fn delays<'a>(&self, mut profiles: impl Iterator<Item = &'a Profile>) -> bool {
        let is_safe = |profile: &Profile| {
            matches!(profile.strategy, Strategy::Manual | Strategy::Merge) && !profile.sends_each_edit
        };
        !self.alone || profiles.all(is_safe)
    }

    /// Whether the server may claim that tombstones are gone which are still there.
    pub(super) const fn forgets(&self) -> bool {
        self.loses_nothing() && !self.epochs
    }

    /// The strategies that devices ask for.
    pub(super) fn strategies(&self, random: &mut Random) -> Vec<Strategy> {
        if self.alone { vec![random.pick(&Strategy::ALL)] } else { Strategy::ALL.to_vec() }
    }

    /// What the server lets the user store.
    pub(super) fn limits(&self, random: &mut Random) -> StorageLimits {
        let mut limits = StorageLimits::default();
        if self.quotas {
            limits.live = random.pick(&[2, 4, 1000]);
            limits.bytes = random.pick(&[20, 40, 1000]);
        }
        if self.away && random.chance(50) {
            (limits.tombstones, limits.sweep) = (3, 2);
        }
        limits
    }
}
