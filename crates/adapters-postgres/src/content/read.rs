//! Reads the content of a database.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::snapshot::{Column, Kind, Part, Row, TABLES, Table};
use futures_util::TryStreamExt as _;
use tokio::sync::mpsc::Sender;

use super::{ContentError, begin, connect};

/// The maximum number of rows in one part.
const CHUNK: usize = 500;

/// Sends the content of a database, in one snapshot. Waits while the channel is full.
pub async fn read_content(url: &str, to: Sender<Part>) -> Result<(), ContentError> {
    let mut conn = connect(url).await?;
    let mut transaction = conn.build_transaction().repeatable_read().read_only();
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            for table in TABLES {
                read(conn, table, &to).await?;
            }
            to.send(Part::End).await.map_err(|_| ContentError::BrokenOff)
        })
        .await
}

#[derive(QueryableByName)]
struct Json {
    #[diesel(sql_type = Text)]
    json: String,
}

/// Sends the rows of a table.
async fn read(
    conn: &mut AsyncPgConnection,
    table: &'static Table,
    to: &Sender<Part>,
) -> Result<(), ContentError> {
    let send = async |rows| to.send(Part::Rows(table, rows)).await.map_err(|_| ContentError::BrokenOff);
    let mut rows: Vec<Row> = Vec::new();
    let mut stream = diesel::sql_query(select(table)).load_stream::<Json>(conn).await?;
    while let Some(Json { json }) = stream.try_next().await? {
        rows.push(serde_json::from_str(&json).map_err(|e| ContentError::Copy(e.to_string()))?);
        if rows.len() == CHUNK {
            send(std::mem::take(&mut rows)).await?;
        }
    }
    send(rows).await
}

/// A query of one column: each row as a JSON array.
fn select(table: &Table) -> String {
    if table.name == "todo_numbers" {
        return "select json_build_array((last_value + is_called::int)::text)::text as json from todo_numbers"
            .to_owned();
    }
    let order = match table.name {
        "epochs" | "revoked_tokens" => "ordinal",
        "external_identities" => "user_id, provider, subject",
        "todos" => "user_id, id",
        _ => "id",
    };
    let values: Vec<_> = table.columns.iter().map(value).collect();
    format!(
        "select json_build_array({})::text as json from {} order by {order}",
        values.join(", "),
        table.name
    )
}

/// The value of a column as a text or null, in SQL.
fn value(column: &Column) -> String {
    let name = column.name;
    match column.kind {
        Kind::Text => format!("\"{name}\""),
        Kind::Id => format!("replace({name}::text, '-', '')"),
        Kind::Bytes => format!("encode({name}, 'hex')"),
        Kind::Flag => format!("{name}::int::text"),
        Kind::Number => format!("{name}::text"),
        Kind::Time => format!("(extract(epoch from {name}) * 1000000)::bigint::text"),
    }
}
