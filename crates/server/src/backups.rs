//! Copies of an SQLite database: on a schedule, and before migrations. Each kind has its own file names, of
//! which the last few are kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters_sqlite::FileError;
use domain::{Clock, Stamp};
use metrics::{counter, gauge};
use tokio::task::spawn_blocking;

use crate::settings::Backups;
use crate::stop::Stop;

/// How the names of backups end.
const SUFFIX: &str = ".db";
/// What follows the name of a backup while it is being made.
const UNFINISHED: &str = ".unfinished-";
/// The pause after a backup that failed.
const RETRY: Duration = Duration::from_mins(5);

/// Makes the scheduled backups of one server.
#[derive(Clone)]
pub struct BackupWorker {
    pub database: PathBuf,
    pub backups: Backups,
    pub every: Duration,
    pub clock: Arc<dyn Clock>,
}

impl BackupWorker {
    /// Makes a backup whenever one is due, until the server stops. The time of the last one is in its name, so a
    /// restart does not change the schedule. A failure is logged, and tried again.
    pub async fn run(self, mut stop: Stop) {
        for outcome in ["made", "failed"] {
            counter!("backups_total", "outcome" => outcome).increment(0);
        }
        let series = Series::scheduled(&self.database, &self.backups);
        let mut last = series.last();
        report(last);
        while !stop.is_requested() {
            let now = self.clock.now();
            let age = last.map_or(self.every, |last| now.since(last));
            if age < self.every {
                stop.sleep(self.every.saturating_sub(age)).await;
                continue;
            }
            match self.back_up(&series, now).await {
                Ok(file) => {
                    counter!("backups_total", "outcome" => "made").increment(1);
                    tracing::info!(file = %file.display(), "made a backup");
                    last = Some(now);
                }
                Err(problem) => {
                    counter!("backups_total", "outcome" => "failed").increment(1);
                    tracing::error!(%problem, "no backup was made");
                    stop.sleep(RETRY.min(self.every)).await;
                }
            }
            report(last);
        }
    }

    async fn back_up(&self, series: &Series, now: Stamp) -> Result<PathBuf, String> {
        let (database, series) = (self.database.clone(), series.clone());
        let done = spawn_blocking(move || series.add(&database, now)).await;
        done.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn report(last: Option<Stamp>) {
    let seconds = last.map_or(0, |last| last.as_micros() / 1_000_000);
    gauge!("backup_last_timestamp_seconds").set(seconds as f64);
}

/// Copies a database that is about to be migrated. The name contains that of the first migration.
pub fn before_migration(
    database: &Path,
    backups: &Backups,
    migration: &str,
    now: Stamp,
) -> Result<PathBuf, FileError> {
    Series::before_migrations(database, backups).add_named(database, &format!("{}-{migration}", time(now)))
}

/// The backups of one kind. Other files may be in their folder, with names that begin alike: those of people and
/// of other databases.
#[derive(Clone)]
struct Series {
    folder: PathBuf,
    /// How the names begin. The time follows, so that they are in order.
    prefix: String,
    /// Whether the name of a migration follows the time.
    names_migration: bool,
    keep: usize,
}

impl Series {
    fn scheduled(database: &Path, backups: &Backups) -> Self {
        Self::new(database, backups, "at", false)
    }

    fn before_migrations(database: &Path, backups: &Backups) -> Self {
        Self::new(database, backups, "before-migration", true)
    }

    fn new(database: &Path, backups: &Backups, kind: &str, names_migration: bool) -> Self {
        let stem = database.file_stem().unwrap_or_default().to_string_lossy();
        let prefix = format!("{stem}-{kind}-");
        Self { folder: backups.folder.clone(), prefix, names_migration, keep: backups.keep }
    }

    fn add(&self, database: &Path, now: Stamp) -> Result<PathBuf, FileError> {
        self.add_named(database, &time(now))
    }

    /// Makes a backup, and deletes the oldest ones beyond the number to keep.
    fn add_named(&self, database: &Path, name: &str) -> Result<PathBuf, FileError> {
        // Of a process that was killed: only one process at a time uses the database.
        self.delete(
            self.names(|name| {
                name.split_once(UNFINISHED).is_some_and(|(name, _)| self.made_at(name).is_some())
            }),
        );
        let file = self.folder.join(format!("{}{name}{SUFFIX}", self.prefix));
        let report = adapters_sqlite::back_up(database, &file)?;
        for finding in &report.findings {
            let problem = &finding.problem;
            tracing::warn!(problem, "the database is inconsistent; see `todo-server check`");
        }
        let mut made = self.made();
        made.truncate(made.len().saturating_sub(self.keep));
        self.delete(made);
        Ok(file)
    }

    /// The names of the finished backups, oldest first.
    fn made(&self) -> Vec<String> {
        self.names(|name| self.made_at(name).is_some())
    }

    /// When the last backup was made.
    fn last(&self) -> Option<Stamp> {
        self.made_at(self.made().last()?)
    }

    /// When the backup with this name was made. `None` if the name is not exactly one that this series gives.
    fn made_at(&self, name: &str) -> Option<Stamp> {
        let rest = name.strip_prefix(&self.prefix)?.strip_suffix(SUFFIX)?;
        if !self.names_migration {
            return stamp(rest);
        }
        let (time, migration) = rest.split_once('-')?;
        stamp(time).filter(|_| is_migration(migration))
    }

    /// The names in the folder that are wanted, in order. A folder that can't be read has none.
    fn names(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| wanted(name)).collect();
        names.sort_unstable();
        names
    }

    fn delete(&self, names: Vec<String>) {
        for name in names {
            if let Err(error) = fs::remove_file(self.folder.join(&name)) {
                tracing::warn!(name, %error, "can't delete an old backup");
            }
        }
    }
}

/// The time as it is in names: `20260109T101500Z`.
fn time(now: Stamp) -> String {
    let digits = now.to_rfc3339().chars().take(19).filter(char::is_ascii_alphanumeric).collect::<String>();
    format!("{digits}Z")
}

/// The stamp of which [`time`] makes this text.
fn stamp(text: &str) -> Option<Stamp> {
    let part = |range: std::ops::Range<usize>| text.get(range);
    let date = format!("{}-{}-{}", part(0..4)?, part(4..6)?, part(6..8)?);
    let clock = format!("{}:{}:{}", part(9..11)?, part(11..13)?, part(13..15)?);
    let stamp: Stamp = format!("{date}T{clock}Z").parse().ok()?;
    (time(stamp) == text).then_some(stamp)
}

/// Whether a migration has such a name: `2026-01-01-000001_foundation`.
fn is_migration(name: &str) -> bool {
    name.split_once('_').is_some_and(|(version, words)| {
        let fits = |(pattern, c): (char, char)| if pattern == '-' { c == '-' } else { c.is_ascii_digit() };
        version.len() == 17
            && "0000-00-00-000000".chars().zip(version.chars()).all(fits)
            && !words.is_empty()
            && words.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_backups_are_kept_and_tell_when_they_were_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("todos.db");
        adapters_sqlite::migrate(&database).expect("migrated");
        let backups = Backups { every: None, keep: 2, folder: folder.path().join("backups") };
        let series = Series::scheduled(&database, &backups);
        assert_eq!(series.last(), None);
        let at = |second: u64| Stamp::EPOCH.plus(Duration::from_secs(1_000_000_000 + second));
        for second in 0..4 {
            let before =
                before_migration(&database, &backups, "2026-01-01-000003_x", at(second)).expect("made");
            let name = format!("todos-before-migration-20010909T01464{second}Z-2026-01-01-000003_x.db");
            assert!(before.ends_with(name));
            series.add(&database, at(second)).expect("made");
        }
        assert_eq!(series.last(), Some(at(3)));
        assert_eq!(series.made(), ["todos-at-20010909T014642Z.db", "todos-at-20010909T014643Z.db"]);
        assert_eq!(Series::before_migrations(&database, &backups).made().len(), 2);
        fs::write(backups.folder.join("todos-at-20010909T014642Z.db.unfinished-x"), "").expect("written");
        series.add(&database, at(4)).expect("made");
        assert_eq!(series.names(|name| name.contains(UNFINISHED)), [""; 0]);
        let again = series.add(&database, at(4)).expect_err("it exists");
        assert!(again.to_string().contains("exists already"), "{again}");
    }

    #[test]
    fn files_that_the_schedule_did_not_make_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("todos.db");
        adapters_sqlite::migrate(&database).expect("migrated");
        let backups = Backups { every: None, keep: 1, folder: folder.path().join("backups") };
        fs::create_dir(&backups.folder).expect("created");
        let others = [
            "todos-at-2-at-20010101T000000Z.db",
            "todos-at-2-before-migration-20010101T000000Z-2026-01-01-000003_x.db",
            "todos-at-20010101T000000.db",
            "todos-at-20010101T000000Z-mine.db",
            "todos-at-20010101T000000Z.db.bak",
            "todos-at-20019999T000000Z.db",
            "todos-at-2024.db",
            "todos-at-2025-before-upgrade.db",
            "todos-at-mine.db.unfinished-business",
            "todos-before-migration-20010101T000000Z-mine.db",
            "todos-before-migration-20010101T000000Z.db",
            "todos-before-migration-mine.db",
        ];
        for name in others {
            fs::write(backups.folder.join(name), "precious").expect("written");
        }
        let series = Series::scheduled(&database, &backups);
        assert_eq!(series.last(), None);
        let at = |second: u64| Stamp::EPOCH.plus(Duration::from_secs(1_000_000_000 + second));
        for second in 0..2 {
            before_migration(&database, &backups, "2026-01-01-000003_x", at(second)).expect("made");
            series.add(&database, at(second)).expect("made");
            assert_eq!(series.last(), Some(at(second)));
        }
        let own = [
            "todos-at-20010909T014641Z.db",
            "todos-before-migration-20010909T014641Z-2026-01-01-000003_x.db",
        ];
        let mut expected = [&others[..], &own[..]].concat();
        expected.sort_unstable();
        assert_eq!(series.names(|_| true), expected);
    }

    #[test]
    fn every_migration_has_a_name_that_backups_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = adapters_sqlite::migrate(&folder.path().join("todos.db")).expect("migrated");
        for name in names {
            assert!(is_migration(&name), "{name}");
        }
    }
}
