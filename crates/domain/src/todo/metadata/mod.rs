//! Metadata: what a client keeps with a todo, key by key.
//!
//! Each key has its own version, so that changes of different keys never conflict. A removed key
//! keeps its version too: a stale change of it is then recognised. Of the removed keys, the newest
//! 50 are remembered one by one. The versions of older ones fold into one *floor*, which then
//! counts for every key that the todo does not know: such a key can be in conflict without need,
//! but no removal is overlooked.
//!
//! Deliberately absent: the meaning of any value, and JSON. The rule compares texts.

#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use values::{MetadataError, MetadataKey, MetadataValue};

/// The part of a change that concerns metadata: a key to set to a value, or to remove (`None`). The
/// change leaves a key as it is that is not here.
pub type MetadataEdit = BTreeMap<MetadataKey, Option<MetadataValue>>;

/// The metadata of one todo. Without an entry, present or removed, it allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata(Option<Arc<Entries>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Entries {
    present: BTreeMap<MetadataKey, (MetadataValue, i64)>,
    /// The versions at which keys were removed.
    removed: BTreeMap<MetadataKey, i64>,
    /// The highest version of a removed key that is no longer in `removed`; 0 if there is none.
    floor: i64,
}

impl Metadata {
    /// The maximum number of keys.
    pub const MAX_KEYS: usize = 50;
    /// The maximum length of all keys and values together, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 8 * 1024;
    /// The number of removed keys whose versions are kept one by one.
    const MAX_REMOVED: usize = 50;

    /// Whether no key is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// The number of keys that are present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.present.len())
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&MetadataValue> {
        self.0.as_ref()?.present.get(key).map(|(value, _)| value)
    }

    /// The keys that are present, in the order of their bytes, with their values.
    pub fn entries(&self) -> impl Iterator<Item = (&MetadataKey, &MetadataValue)> {
        self.0.iter().flat_map(|entries| &entries.present).map(|(key, (value, _))| (key, value))
    }

    /// The removed keys whose version is still known.
    pub fn removed(&self) -> impl Iterator<Item = &MetadataKey> {
        self.0.iter().flat_map(|entries| entries.removed.keys())
    }

    /// The todo's version at which `key` last changed.
    #[must_use]
    pub fn version_of(&self, key: &str) -> i64 {
        let Some(entries) = &self.0 else { return 1 };
        let present = entries.present.get(key).map(|(_, version)| version);
        present.or_else(|| entries.removed.get(key)).copied().unwrap_or(self.floor())
    }

    /// The version that counts for every key that the todo does not know: that of the creation, or
    /// a later one at which such a key may have been removed.
    #[must_use]
    pub fn floor(&self) -> i64 {
        self.0.as_ref().map_or(1, |entries| entries.floor.max(1))
    }

    /// The length of the present keys and values in bytes of UTF-8.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries().map(|(key, value)| key.as_str().len() + value.as_str().len()).sum()
    }

    /// Whether the present keys and values are exactly those that `edit` sets.
    pub(super) fn is_what(&self, edit: &MetadataEdit) -> bool {
        self.entries().eq(edit.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))))
    }

    /// Sets or removes `key` at `version`.
    pub(super) fn set(&mut self, key: &MetadataKey, value: Option<&MetadataValue>, version: i64) {
        if value.is_none() && self.get(key.as_str()).is_none() {
            return;
        }
        let entries = Arc::make_mut(self.0.get_or_insert_default());
        if let Some(value) = value {
            entries.removed.remove(key);
            entries.present.insert(key.clone(), (value.clone(), version));
        } else {
            entries.present.remove(key);
            entries.removed.insert(key.clone(), version);
            entries.fold();
        }
    }

    /// Checks the limits on the whole after a change. Where `before`, the metadata before the
    /// change, is beyond a limit, only growth is refused.
    pub(super) fn check_growth(&self, before: &Self) -> Result<(), MetadataError> {
        let (keys, bytes) = (self.len(), self.bytes());
        if keys > Self::MAX_KEYS.max(before.len()) {
            return Err(MetadataError::TooManyKeys { max: Self::MAX_KEYS, got: keys });
        }
        if bytes > Self::MAX_BYTES.max(before.bytes()) {
            return Err(MetadataError::TooLarge { max: Self::MAX_BYTES, got: bytes });
        }
        Ok(())
    }

    /// The values and the versions in the form in which a store keeps them, each in a column of its
    /// own: a line `key TAB value LF` for each key, and a line `key TAB version LF` for each key,
    /// present or removed, after one with an empty key for the floor. `None` where there is no line.
    #[must_use]
    pub fn to_columns(&self) -> [Option<String>; 2] {
        let mut values = String::new();
        for (key, value) in self.entries() {
            values.extend([key.as_str(), "\t", value.as_str(), "\n"]);
        }
        let mut versions = String::new();
        for (key, version) in self.versions() {
            versions.extend([key, "\t", &version.to_string(), "\n"]);
        }
        [values, versions].map(|column| (!column.is_empty()).then_some(column))
    }

    /// The length of [`Self::to_columns`] in bytes.
    pub(super) fn stored_bytes(&self) -> usize {
        let digits = |version: i64| version.checked_ilog10().map_or(1, |log| log as usize + 1);
        let separators = 2;
        let values = self.bytes() + self.len() * separators;
        values + self.versions().map(|(key, at)| key.len() + digits(at) + separators).sum::<usize>()
    }

    /// The version of each key, present or removed, and under an empty key the floor if there is
    /// one.
    fn versions(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().flat_map(|entries| {
            let floor = (entries.floor > 0).then_some(("", entries.floor));
            let present = entries.present.iter().map(|(key, (_, version))| (key.as_str(), *version));
            let removed = entries.removed.iter().map(|(key, version)| (key.as_str(), *version));
            floor.into_iter().chain(present).chain(removed)
        })
    }

    /// Metadata read back from a store, as [`Self::to_columns`] wrote it. `None` if no sequence of
    /// changes of a todo at `version` leaves such columns.
    pub(super) fn from_columns([values, versions]: [Option<&str>; 2], version: i64) -> Option<Self> {
        if values.is_none() && versions.is_none() {
            return Some(Self::default());
        }
        let mut entries = Entries::default();
        for line in lines(versions) {
            let (key, text) = line?;
            let at = text.parse().ok().filter(|at| (1..=version).contains(at))?;
            if key.is_empty() {
                entries.floor = at;
            } else {
                entries.removed.insert(MetadataKey::from_stored(key), at);
            }
        }
        for line in lines(values) {
            let (key, value) = line?;
            let (key, at) = entries.removed.remove_entry(key)?;
            entries.present.insert(key, (MetadataValue::from_stored(value), at));
        }
        Some(Self(Some(Arc::new(entries))))
    }
}

impl Entries {
    /// Folds the versions of removed keys beyond the newest.
    fn fold(&mut self) {
        while self.removed.len() > Metadata::MAX_REMOVED {
            let oldest = self.removed.iter().min_by_key(|(_, version)| **version);
            let Some((key, version)) = oldest.map(|(key, version)| (key.clone(), *version)) else { return };
            self.floor = self.floor.max(version);
            self.removed.remove(&key);
        }
    }
}

/// The parts of each line of a column; `None` for a line that is not as it was written.
fn lines(column: Option<&str>) -> impl Iterator<Item = Option<(&str, &str)>> {
    let lines = column.into_iter().flat_map(|column| column.split_inclusive('\n'));
    lines.map(|line| line.strip_suffix('\n')?.split_once('\t'))
}
