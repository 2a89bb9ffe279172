//! The shared cluster and private ones.

use std::fs::{self, File};
use std::sync::{Arc, OnceLock};

use crate::Database;
use crate::host::{Durability, failed_to};
use crate::instance::Instance;

const CHANGED_SETTINGS: &str = "
    select format('%s = %s in %s', name, setting, sourcefile) from pg_file_settings
     where sourcefile like '%/postgresql.auto.conf'
    union all
    select format('%s of %s in %s', array_to_string(setconfig, ', '), coalesce(rolname, 'every role'),
                  coalesce(datname, 'every database'))
      from pg_db_role_setting
      left join pg_roles on pg_roles.oid = setrole
      left join pg_database on pg_database.oid = setdatabase";

/// The cluster that all test processes of this checkout share, without durability.
#[derive(Debug)]
pub struct Testbed(Arc<Instance>);

/// A database to clone. See [`Testbed::ensure_template`].
#[derive(Debug, Clone)]
pub struct Template(String);

impl Testbed {
    /// Joins the cluster, or starts it in about a second. It runs at least until this process ends.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Testbed> = OnceLock::new();
        SHARED.get_or_init(|| Self(Arc::new(Instance::shared().unwrap_or_else(|e| panic!("{e}")))))
    }

    /// Creates an empty database.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    #[must_use]
    pub fn create_database(&self, hint: &str) -> Database {
        Database::create(&self.0, hint, None).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Clones the template, in about ten milliseconds.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    #[must_use]
    pub fn create_database_from(&self, template: &Template, hint: &str) -> Database {
        Database::create(&self.0, hint, Some(&template.0)).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Returns the template named `key`. The first process of the cluster that asks for it creates it: `migrate` fills an empty
    /// database. If `migrate` panics, the next process tries again.
    ///
    /// The cluster may outlive a run of the tests by seconds, so `key` must change with the effect of `migrate`: it should
    /// contain a hash of the migrations.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    pub fn ensure_template(&self, key: &str, migrate: impl FnOnce(&Database)) -> Template {
        self.template(key, migrate).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The settings that an `ALTER SYSTEM`, `ALTER ROLE` or `ALTER DATABASE` has left in the cluster. Nothing that tests
    /// or the server do should leave one.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    #[must_use]
    pub fn changed_settings(&self) -> Vec<String> {
        let changed = self.0.sql("postgres", "postgres", CHANGED_SETTINGS).unwrap_or_else(|e| panic!("{e}"));
        changed.lines().map(str::to_owned).collect()
    }

    fn template(&self, key: &str, migrate: impl FnOnce(&Database)) -> Result<Template, String> {
        let path = self.0.folder().join("templates");
        let mut lines = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(failed_to("open", &path))?;
        lines.lock().map_err(failed_to("lock", &path))?;
        let known = fs::read_to_string(&path).map_err(failed_to("read", &path))?;
        let key = key.escape_default().to_string();
        if let Some((_, name)) =
            known.lines().filter_map(|line| line.split_once('\t')).find(|(k, _)| *k == key)
        {
            return Ok(Template(name.to_owned()));
        }
        let database = Database::create(&self.0, "template", None)?;
        migrate(&database);
        let name = database.into_template()?;
        std::io::Write::write_all(&mut lines, format!("{key}\t{name}\n").as_bytes())
            .map_err(failed_to("write", &path))?;
        Ok(Template(name))
    }
}

/// A private cluster that can be stopped and started again. It ends when this value and its databases are dropped, or when
/// the process ends.
#[derive(Debug)]
pub struct PrivateCluster(Arc<Instance>);

impl PrivateCluster {
    /// Starts a cluster in about a second.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(durability: Durability) -> Self {
        Self(Arc::new(Instance::private(durability).unwrap_or_else(|e| panic!("{e}"))))
    }

    /// Creates an empty database.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    #[must_use]
    pub fn create_database(&self, hint: &str) -> Database {
        Database::create(&self.0, hint, None).unwrap_or_else(|e| panic!("{e}"))
    }

    pub(crate) const fn instance(&self) -> &Arc<Instance> {
        &self.0
    }

    /// Stops the cluster as a crash would: it closes connections and refuses new ones. Committed
    /// data is available again after [`start_again`](Self::start_again).
    ///
    /// # Panics
    /// If it is not running.
    pub fn stop_immediate(&self) {
        self.0.stop_immediate().unwrap_or_else(|e| panic!("{e}"));
    }

    /// Starts the stopped cluster on the same port, and returns when it accepts connections.
    ///
    /// # Panics
    /// If it is already running, or does not start.
    pub fn start_again(&self) {
        self.0.start_again().unwrap_or_else(|e| panic!("{e}"));
    }

    /// The id of its main process, the parent of all its processes, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }
}
