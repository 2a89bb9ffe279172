//! The shared cluster and private ones.

use std::fs::{self, File};
use std::sync::{Arc, OnceLock};

use crate::Database;
use crate::host::told;
use crate::instance::{Durability, Instance};

/// The cluster that all test processes of this checkout share, without durability.
#[derive(Debug)]
pub struct Testbed(Arc<Instance>);

/// A database made to be cloned. See [`Testbed::ensure_template`].
#[derive(Debug, Clone)]
pub struct Template(String);

impl Testbed {
    /// Joins the cluster, or starts it, which takes about a second. It runs at least until this process ends.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Testbed> = OnceLock::new();
        SHARED.get_or_init(|| Self(Arc::new(Instance::shared().unwrap_or_else(|e| panic!("{e}")))))
    }

    /// An empty database.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[must_use]
    pub fn create_database(&self, hint: &str) -> Database {
        Database::create(&self.0, hint, None).unwrap_or_else(|e| panic!("{e}"))
    }

    /// A clone of the template, made in some ten milliseconds.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[must_use]
    pub fn create_database_from(&self, template: &Template, hint: &str) -> Database {
        Database::create(&self.0, hint, Some(&template.0)).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The template named `key`, which is made once per cluster whatever the number of processes that ask: `migrate`
    /// gets an empty database and fills it. If it panics, the next to ask tries anew.
    ///
    /// As the cluster may outlive a run of the tests by seconds, `key` must change with what `migrate` does: let it
    /// contain a hash of the migrations.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub fn ensure_template(&self, key: &str, migrate: impl FnOnce(&Database)) -> Template {
        self.template(key, migrate).unwrap_or_else(|e| panic!("{e}"))
    }

    fn template(&self, key: &str, migrate: impl FnOnce(&Database)) -> Result<Template, String> {
        let path = self.0.folder().join("templates");
        let mut lines =
            File::options().read(true).append(true).create(true).open(&path).map_err(told("open", &path))?;
        lines.lock().map_err(told("lock", &path))?;
        let known = fs::read_to_string(&path).map_err(told("read", &path))?;
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
            .map_err(told("write", &path))?;
        Ok(Template(name))
    }
}

/// A cluster of one's own that can be stopped and started again. It ends when this value and its databases are dropped,
/// or when the process ends.
#[derive(Debug)]
pub struct PrivateCluster(Arc<Instance>);

impl PrivateCluster {
    /// Starts it, in about a second.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(durability: Durability) -> Self {
        Self(Arc::new(Instance::private(durability).unwrap_or_else(|e| panic!("{e}"))))
    }

    /// An empty database.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[must_use]
    pub fn create_database(&self, hint: &str) -> Database {
        Database::create(&self.0, hint, None).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Stops it as a crash would: connections are cut, new ones refused. What was committed is there again after
    /// [`start_again`](Self::start_again).
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop_immediate(&self) {
        self.0.stop_immediate().unwrap_or_else(|e| panic!("{e}"));
    }

    /// Starts it after a stop, on the same port, and returns when it takes connections.
    ///
    /// # Panics
    /// When it runs already or does not start.
    pub fn start_again(&self) {
        self.0.start_again().unwrap_or_else(|e| panic!("{e}"));
    }

    /// The id of its main process, the parent of all its others, while it runs: for measuring what it uses.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }
}
