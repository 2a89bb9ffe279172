//! Standbys of private clusters.

use std::sync::Arc;

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
        let wait = "SET statement_timeout = '60s';
            SELECT pg_reload_conf();
            DO $$ BEGIN
                WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') LOOP
                    PERFORM pg_sleep(0.01);
                    PERFORM pg_stat_clear_snapshot();
                END LOOP;
            END $$";
        on(&self.primary, wait);
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
    /// If it is none any more.
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
