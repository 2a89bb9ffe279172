//! A database of one test.

use std::fmt::Write;
use std::sync::Arc;

use crate::host::random;
use crate::instance::Instance;

/// The roles of a cluster. Neither has a password, is a superuser or bypasses row-level security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Owns every database and what the migrations make in it.
    Owner,
    /// Owns nothing; may select, insert, update and delete in tables the owner made.
    App,
}

impl Role {
    /// Its name in PostgreSQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "todo_owner",
            Self::App => "todo_app",
        }
    }
}

/// A database with a name of its own, dropped with the value (if the cluster still runs then), connections and all.
/// Its cluster runs at least as long.
#[derive(Debug)]
pub struct Database {
    instance: Arc<Instance>,
    name: String,
    kept: bool,
}

impl Database {
    /// `hint` becomes the start of the name; it serves those who look into the server's log.
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
        // Before version 15 there was no other strategy and no word for it.
        if instance.version()? >= 15 {
            sql.push_str(" STRATEGY FILE_COPY");
        }
        instance.sql("postgres", "postgres", &sql)?;
        Ok(Self { instance: Arc::clone(instance), name, kept: false })
    }

    /// Cuts every connection, lets nobody connect again, and gives the name; the database then lives as long as its cluster.
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

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `postgres://…` over TCP for [`Role::Owner`]: the one for migrations.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.url(Role::Owner)
    }

    /// `postgres://…` over TCP for [`Role::App`]: the one a server in production would have.
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

    /// Runs statements as `role`, each on its own, up to the first that fails. Gives the rows, one a line, columns
    /// separated by `|`; or PostgreSQL's message.
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
