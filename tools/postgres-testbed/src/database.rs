//! Databases in a cluster.

use std::fmt::Write;
use std::sync::Arc;

use crate::host::random;
use crate::instance::Instance;

/// The roles of a cluster. Neither has a password, is a superuser or bypasses row-level security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Owns every database and what the migrations create in it.
    Owner,
    /// Owns nothing; may select, insert, update and delete in the owner's tables.
    App,
}

impl Role {
    /// The name in PostgreSQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "todo_owner",
            Self::App => "todo_app",
        }
    }
}

/// A database with a unique name. Dropping the value drops the database and its connections, if the cluster still runs.
/// The cluster runs at least as long as this value lives.
#[derive(Debug)]
pub struct Database {
    instance: Arc<Instance>,
    name: String,
    kept: bool,
}

impl Database {
    /// `hint` becomes the start of the name, which makes the server's log readable.
    pub(crate) fn create(
        instance: &Arc<Instance>,
        hint: &str,
        template: Option<&str>,
    ) -> Result<Self, String> {
        let readable =
            hint.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        let name = format!("{}_{:016x}", readable.take(40).collect::<String>(), random());
        let mut sql = format!("CREATE DATABASE \"{name}\" OWNER todo_owner");
        if let Some(template) = template {
            let _ = write!(sql, " TEMPLATE \"{template}\"");
        }
        // Versions before 15 have no other strategy, and no keyword for it.
        if instance.version()? >= 15 {
            sql.push_str(" STRATEGY FILE_COPY");
        }
        instance.sql("postgres", "postgres", &sql)?;
        Ok(Self { instance: Arc::clone(instance), name, kept: false })
    }

    /// A database that exists, and that is not dropped with the value.
    pub(crate) fn kept(instance: &Arc<Instance>, name: &str) -> Self {
        Self { instance: Arc::clone(instance), name: name.to_owned(), kept: true }
    }

    /// Closes all connections, forbids new ones and returns the name. The database then lives as long as its cluster.
    pub(crate) fn into_template(mut self) -> Result<String, String> {
        let name = &self.name;
        let sql = format!(
            "ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';"
        );
        self.instance.sql("postgres", "postgres", &sql)?;
        self.kept = true;
        Ok(self.name.clone())
    }

    /// A copy of this database, to which nothing may be connected.
    ///
    /// # Panics
    /// If PostgreSQL refuses.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::create(&self.instance, "copy", Some(&self.name)).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn port(&self) -> u16 {
        self.instance.port()
    }

    /// `postgres://…` over TCP for [`Role::Owner`], for migrations.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.url(Role::Owner)
    }

    /// `postgres://…` over TCP for [`Role::App`], as a production server uses it.
    #[must_use]
    pub fn app_url(&self) -> String {
        self.url(Role::App)
    }

    fn url(&self, role: Role) -> String {
        format!("postgres://{}@127.0.0.1:{}/{}", role.name(), self.instance.port(), self.name)
    }

    /// `postgres://…` over the Unix socket.
    #[must_use]
    pub fn socket_url(&self, role: Role) -> String {
        let folder = self.instance.folder().to_string_lossy().replace('/', "%2F");
        format!("postgres://{}@/{}?host={folder}&port={}", role.name(), self.name, self.instance.port())
    }

    /// Runs statements as `role` in autocommit up to the first that fails. Returns the rows, one a line with `|` between columns.
    /// The error is PostgreSQL's message.
    pub fn sql(&self, role: Role, sql: &str) -> Result<String, String> {
        self.instance.sql(role.name(), &self.name, sql).map(|rows| rows.trim_end().to_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.kept {
            let sql = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name);
            let _ = self.instance.sql("postgres", "postgres", &sql);
        }
    }
}
