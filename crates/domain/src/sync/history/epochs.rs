//! The names of epochs, and the list of those that a database went through.

use std::fmt;
use std::str::FromStr;

use crate::error::StoreError;

/// Names one history of a user's list: the database's epoch, followed by `.` and the user's counter
/// if the counter is not 0. Clients only compare names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub String);

impl Epoch {
    /// The name that devices store with their cursor.
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

    pub(super) fn name(&self, ordinal: i64) -> &Epoch {
        self.iter().find(|(of, _)| *of == ordinal).map_or(&self.current.1, |(_, name)| name)
    }

    pub(super) fn ordinal(&self, name: &str) -> Option<i64> {
        // A client usually names the current epoch.
        let found = std::iter::once(self.current()).chain(self.iter()).find(|(_, of)| of.as_str() == name);
        found.map(|(ordinal, _)| ordinal)
    }
}
