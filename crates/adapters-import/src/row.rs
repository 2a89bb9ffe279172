//! Rows of a table in CSV.

use csv::StringRecord;

/// A row, with the names of the columns.
pub struct Row<'a> {
    header: &'a StringRecord,
    record: StringRecord,
}

impl<'a> Row<'a> {
    pub const fn new(header: &'a StringRecord, record: StringRecord) -> Self {
        Self { header, record }
    }

    /// The value in the column `name`; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        let index = self.header.iter().position(|found| found == name);
        index.and_then(|index| self.record.get(index)).unwrap_or_default()
    }

    pub fn place(&self) -> String {
        format!("line {}", self.record.position().map_or(0, csv::Position::line))
    }
}
