//! The requested window of a list.

use domain::todo::query::Filter;
use utoipa::{PartialSchema as _, ToSchema};

use crate::error::Problem;
use crate::extract::{Int, Query, Validation, number, word};
use crate::schema::NamedSchema;

/// The largest `limit`.
const LIMIT_MAX: i64 = 1000;

/// A filter by status.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `STATUSES` in the document")]
pub enum TaskStatus {
    /// All tasks.
    All,
    /// Tasks that are not completed.
    Pending,
    /// Completed tasks.
    Completed,
}

const STATUSES: [(&str, Filter); 3] =
    [("all", Filter::All), ("pending", Filter::Active), ("completed", Filter::Completed)];

/// The schemas of query parameters.
pub fn parameter_schemas() -> [NamedSchema; 1] {
    [(TaskStatus::name().into_owned(), TaskStatus::schema())]
}

/// The tasks to return.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub filter: Filter,
    /// `None` returns all tasks.
    pub limit: Option<u32>,
    pub offset: u64,
}

impl Window {
    /// Parses `status`. The window has no limit.
    pub fn unlimited(query: &Query) -> Result<Self, Problem> {
        let mut validation = Validation::default();
        let filter = query.get(&mut validation, "status", |text| word(text, &STATUSES));
        validation.finish()?;
        Ok(Self { filter: filter.unwrap_or_default(), limit: None, offset: 0 })
    }

    /// Parses `status`, `limit` and `offset`.
    pub fn limited(query: &Query) -> Result<Self, Problem> {
        let mut validation = Validation::default();
        let filter = query.get(&mut validation, "status", |text| word(text, &STATUSES));
        let limit = query.get(&mut validation, "limit", |text| number(text, 1, LIMIT_MAX));
        let offset = query.get(&mut validation, "offset", |text| number(text, 0, Int::MAX)).unwrap_or(0);
        validation.finish()?;
        Ok(Self {
            filter: filter.unwrap_or_default(),
            limit: limit.and_then(|limit| u32::try_from(limit).ok()),
            offset: u64::try_from(offset).unwrap_or(0),
        })
    }
}
