//! `export`: everything stored about a user, as one document.

use std::error::Error;
use std::io::{self, BufWriter};

use clap::Args;
use tokio::runtime::Builder;

use crate::settings::Settings;
use crate::{telemetry, wire};

#[derive(Args)]
pub struct Arguments {
    /// The email address or the id of the user
    #[arg(long, value_name = "ADDRESS")]
    user: String,
}

pub fn run(arguments: &Arguments, settings: &Settings) -> Result<(), Box<dyn Error>> {
    telemetry::init_logging(settings);
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (administration, beside) = wire::administration(settings).await?;
        let written = async {
            let name = &arguments.user;
            let unknown = || format!("there is no user {name}");
            let user = administration.find(name).await?.ok_or_else(unknown)?.id;
            let export = administration.export(user).await?.ok_or_else(unknown)?;
            tracing::info!(%user, "the command `export` exports an account");
            let mut output = BufWriter::new(io::stdout());
            Ok(api_actix::write_export(export, &mut output).await?)
        };
        let written: Result<(), Box<dyn Error>> = written.await;
        drop(administration);
        beside.close().await;
        written
    })
}
