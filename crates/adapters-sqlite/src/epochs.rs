//! The epochs of the database.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use diesel::prelude::*;
use domain::sync::{Epoch, Epochs};

use crate::error::Failure;
use crate::migrations::{self, MigrateError};
use crate::schema::epochs;

/// The list of epochs as it was last read.
///
/// An epoch is never changed or removed, so the list is complete while its last epoch is the current one.
#[derive(Clone, Default)]
pub(crate) struct EpochCache(Arc<RwLock<Option<Arc<Epochs>>>>);

impl EpochCache {
    /// Returns the list whose last epoch is `current`, which was read in the same snapshot.
    pub(crate) fn get(&self, conn: &mut SqliteConnection, current: &str) -> Result<Arc<Epochs>, Failure> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(epochs) = cached
            && epochs.current().1.as_str() == current
        {
            return Ok(epochs);
        }
        let rows = epochs::table.order(epochs::ordinal).select((epochs::ordinal, epochs::epoch));
        let read = Arc::new(Epochs::new(rows.load::<(i64, String)>(conn)?)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }
}

/// The name of the current epoch.
pub(crate) fn current(conn: &mut SqliteConnection) -> Result<Epoch, Failure> {
    Ok(Epoch(epochs::table.order(epochs::ordinal.desc()).select(epochs::epoch).first(conn)?))
}

/// Begins a new epoch, and returns its name: the database may have lost changes that devices hold. A server
/// that has the file open notices with its next transaction.
///
/// The file must exist, and every migration must have been applied to it.
pub fn begin_epoch(path: &Path) -> Result<Epoch, MigrateError> {
    // The name is a random UUID (version 4).
    const BEGIN: &str = "INSERT INTO epochs (ordinal, epoch, begun_at)
        SELECT (SELECT max(ordinal) + 1 FROM epochs), substr(r, 1, 8) || '-' || substr(r, 9, 4) || '-4' || substr(r, 13, 3)
            || '-a' || substr(r, 16, 3) || '-' || substr(r, 19, 12), unixepoch() * 1000000
        FROM (SELECT lower(hex(randomblob(16))) AS r)";
    let name = migrations::connect(path)?.immediate_transaction(|conn| {
        diesel::sql_query(BEGIN).execute(conn)?;
        epochs::table.order(epochs::ordinal.desc()).select(epochs::epoch).first(conn)
    });
    name.map(Epoch).map_err(|error: diesel::result::Error| MigrateError::Epoch(error.to_string()))
}
