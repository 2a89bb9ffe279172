//! The databases that are measured on: new, filled, on a disk, at full durability; gone at the end.

use std::path::{Path, PathBuf};

use postgres_testbed::{Database, Durability, PrivateCluster, Role};
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{Meter, Served};
use crate::world::SECRET;
use crate::{Kind, Result, fill};

/// A filled database, and the programs that serve it.
pub struct Bed {
    pub kind: Kind,
    server: PathBuf,
    folder: TempDir,
    engine: Engine,
}

enum Engine {
    Sqlite(PathBuf),
    Postgres { database: Database, cluster: PrivateCluster },
}

impl Bed {
    /// Makes a database with the server's migrations and fills it.
    pub async fn new(kind: Kind, server: &Path) -> Result<Self> {
        // Beside the binaries: a temporary folder may lie in memory.
        let beside = server.parent().ok_or("the server's binary lies nowhere")?;
        let folder = TempDir::with_prefix_in("bench-", beside)?;
        let engine = match kind {
            Kind::Sqlite => Engine::Sqlite(folder.path().join("todos.db")),
            Kind::Postgres => {
                let cluster = PrivateCluster::start(Durability::Full);
                Engine::Postgres { database: cluster.create_database("bench"), cluster }
            }
        };
        let bed = Self { kind, server: server.to_owned(), folder, engine };
        let mut migrate = Command::new(server);
        migrate.args(["migrate", "up"]).current_dir(bed.folder.path()).env_clear().envs(bed.settings());
        let done = migrate.output().await?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into());
        }
        match &bed.engine {
            Engine::Sqlite(file) => fill::sqlite(file)?,
            Engine::Postgres { database, .. } => fill::postgres(database).await?,
        }
        Ok(bed)
    }

    /// The server's, beyond its defaults. On PostgreSQL it has a role that row security binds.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("SECRET_KEY", SECRET.to_owned()),
            ("JSON_LOGS", "true".to_owned()),
            // The limit counts every request, and never says no.
            ("RATE_LIMIT_API", "1000000/1s".to_owned()),
            ("RATE_LIMIT_API_BURST", "1000000".to_owned()),
            // The load says from where it comes.
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

    /// Starts the server.
    pub async fn serve(&self) -> Result<Served> {
        Served::start(&self.server, self.folder.path(), &self.settings(), |_| Vec::new()).await
    }

    /// Starts the floor, which on PostgreSQL is the tables' owner: nothing binds it.
    pub async fn serve_floor(&self) -> Result<Served> {
        let own = std::env::current_exe()?;
        let (command, database) = match &self.engine {
            Engine::Sqlite(file) => ("floor-sqlite", file.display().to_string()),
            Engine::Postgres { database, .. } => ("floor-postgres", database.owner_url()),
        };
        let arguments = |port: u16| vec![command.to_owned(), database.clone(), port.to_string()];
        Served::start(&own, self.folder.path(), &[], arguments).await
    }

    /// Reads what the process uses, and what its database does.
    pub fn meter(&self, served: &Served) -> Meter {
        let database = match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres { cluster, .. } => cluster.pid(),
        };
        Meter { http: served.pid(), database }
    }

    /// Name and version.
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

    /// How large the database is, in bytes.
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
