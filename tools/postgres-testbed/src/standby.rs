//! Standbys of private clusters.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::instance::Instance;
use crate::{Database, PrivateCluster};

/// A standby. It is asynchronous at first: the primary answers a commit before the standby has it. It ends when this value and its
/// databases are dropped, or when the process ends.
#[derive(Debug)]
pub struct Standby {
    primary: Arc<Instance>,
    instance: Arc<Instance>,
}

impl Standby {
    /// Starts a standby of a cluster that runs with [`Durability::Full`](crate::Durability), in a few seconds.
    ///
    /// # Panics
    /// If it can't copy the cluster, or does not start.
    #[must_use]
    pub fn of(primary: &PrivateCluster) -> Self {
        let primary = Arc::clone(primary.instance());
        let instance = Arc::new(Instance::standby_of(&primary).unwrap_or_else(|e| panic!("{e}")));
        Self { primary, instance }
    }

    /// Makes the primary wait for this standby with each commit, from now on.
    ///
    /// # Panics
    /// If it does not, within a minute.
    pub fn make_synchronous(&self) {
        on(&self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'");
        on(&self.primary, "SELECT pg_reload_conf()");
        // A session reads changed settings only between two statements that a client sends, and `sync_state` follows
        // from its own settings. So each question has a session of its own.
        let (question, asked) =
            ("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", Instant::now());
        while on(&self.primary, question).trim() == "0" {
            assert!(asked.elapsed() < Duration::from_mins(1), "the standby does not become synchronous");
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the standby has everything that the primary has committed so far.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    pub fn catch_up(&self) {
        let position = on(&self.primary, "SELECT pg_current_wal_lsn()");
        let wait = format!(
            "SET statement_timeout = '60s';
             DO $$ BEGIN
                 WHILE pg_last_wal_replay_lsn() < '{}' LOOP PERFORM pg_sleep(0.01); END LOOP;
             END $$",
            position.trim()
        );
        on(&self.instance, &wait);
    }

    /// Cuts the standby off: it misses what the primary commits from now on.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    pub fn disconnect(&self) {
        let wait = "SET statement_timeout = '60s';
            ALTER SYSTEM SET primary_conninfo = '';
            SELECT pg_reload_conf();
            DO $$ BEGIN
                WHILE EXISTS (SELECT FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL) LOOP
                    PERFORM pg_sleep(0.01);
                END LOOP;
            END $$";
        on(&self.instance, wait);
    }

    /// Makes the standby a primary on a timeline of its own.
    ///
    /// # Panics
    /// If it is no longer a standby.
    pub fn promote(&self) {
        self.instance.promote().unwrap_or_else(|e| panic!("{e}"));
    }

    /// The standby's copy of a database. Dropping the value does not drop the database.
    #[must_use]
    pub fn database(&self, original: &Database) -> Database {
        Database::kept(&self.instance, original.name())
    }
}

fn on(instance: &Instance, sql: &str) -> String {
    instance.sql("postgres", "postgres", sql).unwrap_or_else(|e| panic!("{e}"))
}
