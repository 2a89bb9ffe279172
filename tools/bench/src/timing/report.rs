//! Reports the measurement as Markdown.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Measured;
use super::stats::{Difference, Sample};
use crate::{Kind, Result};

const ABOUT: &str = include_str!("about.md");
/// Authors write the part of the document after this line, and a run keeps that part.
const NOTES: &str = "## Notes\n";

pub fn text(machine: &[(&str, String)], measured: &[Measured]) -> String {
    // Writing to a string does not fail.
    let mut out = String::from(ABOUT);
    let _ = writeln!(out, "\n## Measured on\n\n| | |\n|---|---|");
    for (name, value) in machine {
        let _ = writeln!(out, "| {name} | {value} |");
    }
    for (kind, name) in [(Kind::Sqlite, "SQLite"), (Kind::Postgres, "PostgreSQL")] {
        let here: Vec<_> = measured.iter().filter(|measured| measured.kind == kind).collect();
        if here.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "\n## {name}\n\n| request | address | n | median | quartiles | 5 %–95 % |\n|---|---|--:|--:|--:|--:|"
        );
        for Measured { case, old, known, unknown, .. } in &here {
            for (group, sample) in [("known", known), ("unknown", unknown), ("old", old)] {
                let _ = writeln!(out, "| `{}` | {group} | {} |", case.path(), spread(sample));
            }
        }
        let _ = writeln!(
            out,
            "\n| request | between | difference of medians, µs | 95 % interval | AUC |\n|---|---|--:|--:|--:|"
        );
        for Measured { case, old, known, unknown, .. } in &here {
            for (between, one, other) in [
                ("known and unknown", known, unknown),
                ("old and unknown", old, unknown),
                ("known and old", known, old),
            ] {
                let difference = difference(&Difference::between(one, other));
                let _ = writeln!(out, "| `{}` | {between} | {difference} |", case.path());
            }
        }
    }
    out
}

fn spread(sample: &Sample) -> String {
    let ms = |part| format!("{:.3}", sample.quantile(part) / 1_000.0);
    format!("{} | {} | {}–{} | {}–{}", sample.len(), ms(0.5), ms(0.25), ms(0.75), ms(0.05), ms(0.95))
}

fn difference(difference: &Difference) -> String {
    let Difference { median, interval: (low, high), auc } = difference;
    let mark = if difference.is_clear() { "**" } else { "" };
    format!("{mark}{median:+.0}{mark} | {low:+.0} to {high:+.0} | {auc:.3}")
}

/// Writes the document and keeps its notes.
pub fn write(text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/timing.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let notes = old.find(NOTES).map_or(NOTES, |at| &old[at..]);
    fs::write(path, format!("{text}\n{notes}"))?;
    Ok(())
}
