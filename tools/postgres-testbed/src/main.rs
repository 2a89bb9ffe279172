//! Joins or starts the shared test cluster, creates an empty database and prints its URLs for use with `psql`. Both live until
//! standard input ends.

use std::io::{self, Read, Write};

use postgres_testbed::{Role, Testbed};

fn main() -> io::Result<()> {
    let database = Testbed::shared().create_database("by_hand");
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", database.owner_url())?;
    writeln!(stdout, "{}", database.app_url())?;
    writeln!(stdout, "{}", database.socket_url(Role::Owner))?;
    stdout.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
