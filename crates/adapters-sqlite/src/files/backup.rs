//! Consistent copies of a database in use.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::snapshot::Report;
use tempfile::TempPath;

use super::{FileError, check, connect, connect_to_copy, place, unfinished};
use crate::connection::Access;

/// Copies the database to the new file `to`, which only its owner may read, and checks the copy.
///
/// The copy is one snapshot: it contains each committed transaction whole or not at all. Servers go on
/// meanwhile. If the call fails or the process dies, there is no file `to`; a file with another name, that
/// begins with that of `to`, may stay behind.
pub fn back_up(database: &Path, to: &Path) -> Result<Report, FileError> {
    if to.exists() {
        return Err(FileError::Exists(to.to_owned()));
    }
    let (copy, report) = copy(database, to)?;
    place(copy, to)?;
    Ok(report)
}

/// Writes a copy like that of [`back_up`] to `out`. It is made beside the database first.
pub fn back_up_to(database: &Path, out: &mut dyn Write) -> Result<Report, FileError> {
    let (copy, report) = copy(database, database)?;
    let written = File::open(&copy).and_then(|mut file| io::copy(&mut file, out)).and_then(|_| out.flush());
    written.map_err(|source| FileError::Write { path: "the output".into(), source })?;
    Ok(report)
}

/// A checked copy in the folder of `place`.
fn copy(database: &Path, place: &Path) -> Result<(TempPath, Report), FileError> {
    let mut conn = connect(database, Access::Write)?;
    let copy = unfinished(place)?;
    vacuum_into(&mut conn, &copy)?;
    let report = check::examine(&mut connect_to_copy(&copy)?, place)?;
    Ok((copy, report))
}

/// Writes the content of the database, as of one snapshot, into an empty file.
pub(super) fn vacuum_into(conn: &mut SqliteConnection, copy: &Path) -> Result<(), FileError> {
    let path = copy.to_str().ok_or_else(|| crate::error::OpenError::Path(copy.to_owned()))?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(conn)?;
    Ok(())
}
