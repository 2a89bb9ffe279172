//! Direct access to a server's database, as an operator has it.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use postgres_testbed::Role;

use crate::server::{Database, Server};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Server {
    /// Runs a statement without a result.
    pub fn execute(&self, sql: &str) {
        if let Some(database) = &self.postgres {
            database.sql(Role::Owner, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        } else {
            self.sqlite().batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }

    /// Runs a query whose only column is a text named `value`; returns the column.
    #[must_use]
    pub fn column(&self, sql: &str) -> Vec<String> {
        if let Some(database) = &self.postgres {
            let rows = database.sql(Role::Owner, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            return rows.lines().map(str::to_owned).collect();
        }
        let rows: Vec<Row> = sql_query(sql).load(&mut self.sqlite()).unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.into_iter().map(|row| row.value).collect()
    }

    /// Every table with a column `user_id`, from the database's catalogue.
    #[must_use]
    pub fn tables_of_users(&self) -> Vec<String> {
        self.column(match self.database() {
            Database::Postgres => {
                "SELECT c.table_name AS value FROM information_schema.columns c \
                 JOIN information_schema.tables t USING (table_schema, table_name) \
                 WHERE c.column_name = 'user_id' AND t.table_type = 'BASE TABLE' \
                 AND c.table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
            }
            Database::Sqlite => {
                "SELECT t.name AS value FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
                 WHERE t.type = 'table' AND c.name = 'user_id' ORDER BY 1"
            }
        })
    }

    /// The SQL expression of an id column as lower-case text without hyphens.
    #[must_use]
    pub fn id_text(&self, column: &str) -> String {
        match self.database() {
            Database::Postgres => format!("replace({column}::text, '-', '')"),
            Database::Sqlite => format!("lower(hex({column}))"),
        }
    }

    fn sqlite(&self) -> SqliteConnection {
        let file = self.setting("DATABASE_URL").trim_start_matches("sqlite://");
        let mut conn = SqliteConnection::establish(file).expect("the file opens");
        conn.batch_execute("PRAGMA busy_timeout = 10000").expect("it waits for the server's writes");
        conn
    }
}
