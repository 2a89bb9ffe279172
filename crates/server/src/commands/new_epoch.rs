//! `new-epoch`: tells devices that the database may have lost changes.

use std::error::Error;

use tokio::runtime::Builder;

use super::print;
use crate::settings::Settings;
use crate::wire;

pub fn run(end_sessions: bool, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let epoch = runtime.block_on(wire::begin_epoch(&settings.database))?;
    print(format_args!("The database is in the epoch {epoch} now."));
    if end_sessions {
        let ended = runtime.block_on(wire::end_all_sessions(&settings.database))?;
        runtime.block_on(wire::announce_revocations(settings))?;
        print(format_args!("ended {ended} sessions; users log in again"));
    }
    Ok(())
}
