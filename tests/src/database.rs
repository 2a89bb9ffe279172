//! What an operator does to a server's database by hand.

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
    /// Runs a statement that gives nothing.
    pub fn execute(&self, sql: &str) {
        if let Some(database) = &self.postgres {
            database.sql(Role::Owner, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        } else {
            self.sqlite().batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }

    /// The texts that a query gives in its one column, which is named `value`.
    #[must_use]
    pub fn column(&self, sql: &str) -> Vec<String> {
        if let Some(database) = &self.postgres {
            let rows = database.sql(Role::Owner, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            return rows.lines().map(str::to_owned).collect();
        }
        let rows: Vec<Row> = sql_query(sql).load(&mut self.sqlite()).unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.into_iter().map(|row| row.value).collect()
    }

    /// Every table with a column `user_id`, as the database's catalogue tells it.
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

    /// A column of ids as texts without hyphens, in lower case.
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
