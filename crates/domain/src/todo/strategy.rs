//! The conflict strategies.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Decides what happens to a *stale* change: one that was made against a version that is no longer
/// current.
///
/// [The rule](mod@super::resolve) shows an example of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// The change is refused, and the client is shown the server's todo.
    #[default]
    Manual,
    /// Each field of the change is applied unless both sides changed it to different values: such a
    /// field is a conflict. An edit beats a deletion that was made without knowledge of it.
    Merge,
    /// The change is applied if the client's `updated_at` is later than the server's.
    LastWriteWins,
    /// The change is applied.
    ClientWins,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::Manual, Self::Merge, Self::LastWriteWins, Self::ClientWins];

    /// The strategy's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Merge => "merge",
            Self::LastWriteWins => "last_write_wins",
            Self::ClientWins => "client_wins",
        }
    }
}

impl AsRef<str> for Strategy {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be manual, merge, last_write_wins or client_wins")]
pub struct UnknownStrategy;

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == text).ok_or(UnknownStrategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_survives_its_name() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        assert_eq!("Merge".parse::<Strategy>(), Err(UnknownStrategy));
    }
}
