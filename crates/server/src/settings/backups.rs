//! Backups that the server makes by itself.

use std::path::PathBuf;
use std::time::Duration;

use super::layers::Layers;
use super::parse::number;
use super::setting;

/// When the server copies its SQLite database, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// The time from one backup to the next. `None` for no scheduled backups.
    pub every: Option<Duration>,
    /// How many scheduled backups are kept, and how many from before migrations.
    pub keep: usize,
    pub folder: PathBuf,
}

impl Backups {
    pub(super) fn read(layers: &Layers) -> Self {
        Self {
            every: layers.get(&setting::BACKUP_EVERY, every),
            keep: layers.get(&setting::BACKUP_KEEP, number(1..=10_000)),
            folder: layers.get(&setting::BACKUP_DIR, |text| Ok::<_, String>(PathBuf::from(text))),
        }
    }
}

/// `off`, or a number of minutes, hours or days: `30m`, `6h`, `1d`.
fn every(text: &str) -> Result<Option<Duration>, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let minutes = text.split_at_checked(text.len().saturating_sub(1)).and_then(|(amount, unit)| {
        let minutes: u64 = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            _ => return None,
        };
        Some(minutes * amount.parse::<u64>().ok().filter(|amount| (1..=10_000).contains(amount))?)
    });
    let minutes = minutes.ok_or_else(|| format!("must be off, or a number and m, h or d, not {text:?}"))?;
    Ok(Some(Duration::from_mins(minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_number_and_a_unit() {
        assert_eq!(every("off"), Ok(None));
        assert_eq!(every("30m"), Ok(Some(Duration::from_mins(30))));
        assert_eq!(every("6h"), Ok(Some(Duration::from_hours(6))));
        assert_eq!(every("1d"), Ok(Some(Duration::from_hours(24))));
        for bad in ["", "0h", "h", "6", "6s", "-1h", "1é", "99999d"] {
            assert!(every(bad).is_err_and(|problem| problem.contains("must be off")), "{bad}");
        }
    }
}
