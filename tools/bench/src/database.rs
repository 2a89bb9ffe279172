//! Temporary databases for the benchmark: filled, on disk, at full durability.

use std::path::{Path, PathBuf};

use postgres_testbed::{Database, Durability, PrivateCluster, Role};
use tempfile::TempDir;
use tokio::process::Command;

use crate::dataset::SECRET;
use crate::process::{Meter, Served};
use crate::{Kind, Result, fill};

/// A filled database and the programs that serve it.
pub struct Testbed {
    pub kind: Kind,
    server: PathBuf,
    folder: TempDir,
    engine: Engine,
}

enum Engine {
    Sqlite(PathBuf),
    Postgres { database: Database, cluster: PrivateCluster },
}

impl Testbed {
    /// Creates a database with the server's migrations and fills it.
    pub async fn new(kind: Kind, server: &Path) -> Result<Self> {
        // Beside the binaries, as the system's temporary folder may be in memory.
        let beside = server.parent().ok_or("the server's binary has no folder")?;
        let folder = TempDir::with_prefix_in("bench-", beside)?;
        let engine = match kind {
            Kind::Sqlite => Engine::Sqlite(folder.path().join("todos.db")),
            Kind::Postgres => {
                let cluster = PrivateCluster::start(Durability::Full);
                Engine::Postgres { database: cluster.create_database("bench"), cluster }
            }
        };
        let testbed = Self { kind, server: server.to_owned(), folder, engine };
        let mut migrate = Command::new(server);
        migrate
            .args(["migrate", "up"])
            .current_dir(testbed.folder.path())
            .env_clear()
            .envs(testbed.settings());
        let done = migrate.output().await?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into());
        }
        match &testbed.engine {
            Engine::Sqlite(file) => fill::sqlite(file)?,
            Engine::Postgres { database, .. } => fill::postgres(database).await?,
        }
        Ok(testbed)
    }

    /// The server's settings besides its defaults. On PostgreSQL its role is subject to row-level security.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("SECRET_KEY", SECRET.to_owned()),
            ("JSON_LOGS", "true".to_owned()),
            // The limiter counts every request and refuses none.
            ("RATE_LIMIT_API", "1000000/1s".to_owned()),
            ("RATE_LIMIT_API_BURST", "1000000".to_owned()),
            // The load sets X-Forwarded-For.
            ("TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
        ];
        match &self.engine {
            Engine::Sqlite(file) => settings.push(("DATABASE_URL", format!("sqlite://{}", file.display()))),
            Engine::Postgres { database, .. } => {
                settings.push(("DATABASE_URL", database.app_url()));
                settings.push(("MIGRATION_DATABASE_URL", database.owner_url()));
            }
        }
        settings
    }

    /// Starts the server with its default rate limits.
    pub async fn serve_with_limits(&self) -> Result<Served> {
        let mut settings = self.settings();
        settings.retain(|(name, _)| !name.starts_with("RATE_LIMIT_"));
        Served::start(&self.server, self.folder.path(), &settings, |_| Vec::new()).await
    }

    /// Starts the server.
    pub async fn serve(&self) -> Result<Served> {
        self.serve_with(&[]).await
    }

    /// Starts the server with these settings besides.
    pub async fn serve_with(&self, more: &[(&'static str, String)]) -> Result<Served> {
        let settings = [self.settings(), more.to_vec()].concat();
        Served::start(&self.server, self.folder.path(), &settings, |_| Vec::new()).await
    }

    /// The server's binary.
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// The folder in which servers run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the baseline. On PostgreSQL it owns the tables, so row-level security does not apply.
    pub async fn serve_floor(&self) -> Result<Served> {
        let own = std::env::current_exe()?;
        let (command, database) = match &self.engine {
            Engine::Sqlite(file) => ("floor-sqlite", file.display().to_string()),
            Engine::Postgres { database, .. } => ("floor-postgres", database.owner_url()),
        };
        let arguments = |port: u16| vec![command.to_owned(), database.clone(), port.to_string()];
        Served::start(&own, self.folder.path(), &[], arguments).await
    }

    /// A meter for the process and its database.
    pub fn meter(&self, served: &Served) -> Meter {
        let database = match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres { cluster, .. } => cluster.pid(),
        };
        Meter { http: served.pid(), database }
    }

    /// The name and version of the database.
    pub fn version(&self) -> Result<String> {
        match &self.engine {
            Engine::Sqlite(file) => {
                use diesel::prelude::*;
                let mut conn = crate::floor::sqlite::connect(file)?;
                let version = diesel::dsl::sql::<diesel::sql_types::Text>("SELECT sqlite_version()");
                Ok(format!("SQLite {}", version.get_result::<String>(&mut conn)?))
            }
            Engine::Postgres { database, .. } => {
                Ok(format!("PostgreSQL {}", database.sql(Role::Owner, "show server_version")?))
            }
        }
    }

    /// The size of the database in bytes.
    pub fn size(&self) -> Result<u64> {
        match &self.engine {
            Engine::Sqlite(file) => Ok(std::fs::metadata(file)?.len()),
            Engine::Postgres { database, .. } => Ok(database
                .sql(Role::Owner, "select pg_database_size(current_database())")?
                .trim()
                .parse()?),
        }
    }
}
