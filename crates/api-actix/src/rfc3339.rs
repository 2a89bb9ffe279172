//! Timestamps on the wire: RFC 3339, UTC, six fraction digits, `Z`.

use std::fmt;

use domain::Stamp;
use serde::{Serialize, Serializer};

/// A [`Stamp`], or another value whose text form is a timestamp, as a JSON string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339<T = Stamp>(pub T);

impl<T: fmt::Display> fmt::Display for Rfc3339<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display> Serialize for Rfc3339<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
