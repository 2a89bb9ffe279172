//! The status table of `docs/errors.md`, which these tests take for the specification.

use std::collections::HashMap;
use std::sync::LazyLock;

use api_actix::error::Surface;
use domain::code::ErrorCode;

static STATUSES: LazyLock<HashMap<&str, [u16; 3]>> = LazyLock::new(|| {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md"));
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let code = cells.next()?.strip_suffix('`')?;
        let statuses: Vec<u16> = cells.take(3).filter_map(|cell| cell.parse().ok()).collect();
        Some((code, statuses.try_into().ok()?))
    };
    document.lines().filter_map(row).collect()
});

/// The status of `code` on `surface`, as documented.
pub fn documented_status(code: ErrorCode, surface: Surface) -> u16 {
    let [v1, todos, tasks] = STATUSES[code.as_str()];
    match surface {
        Surface::V1 => v1,
        Surface::Todos => todos,
        Surface::Tasks => tasks,
    }
}
