//! The whole content of a database, in a form that is the same for every store: to move it to another
//! store, and to check it.
//!
//! A store reads its [`TABLES`] in order, in one snapshot, and sends each row as texts. Another store
//! writes them. [`Check`] recomputes what rows say about one another.
//!
//! Deliberately absent: columns that a store derives from others, such as sort keys. Each store writes
//! its own.

mod check;
mod record;
mod report;
mod tables;

pub use check::Check;
pub use report::{Contents, Finding, Recount, Report};
pub use tables::{Column, Kind, TABLES, Table};

/// The values of a row, in the order of the table's columns. `None` is null.
pub type Row = Vec<Option<String>>;

/// A part of the content of a database.
#[derive(Clone, Debug)]
pub enum Part {
    /// The next rows of a table.
    Rows(&'static Table, Vec<Row>),
    /// All rows were sent. A receiver that does not get this part MUST discard everything.
    End,
}
