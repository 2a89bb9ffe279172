//! The arguments of the commands.

use clap::{Args, Subcommand};
use domain::SessionId;

#[derive(Subcommand)]
pub enum Action {
    /// List all users
    List(Form),
    /// Show a user
    Show(Named),
    /// Create an account, with the password on standard input or a link with which the user sets one
    Create(Creation),
    /// Print a link with which the owner of an address may register, once and within 7 days
    ///
    /// It counts while the server runs with `REGISTRATION=invite`. The link is a secret: send it to the owner
    /// of the address alone.
    Invite {
        /// The email address that may be registered
        address: String,
        #[command(flatten)]
        form: Form,
    },
    /// Refuse a user's logins and tokens, until the account is enabled; deletes nothing
    Disable(Named),
    /// Let a disabled user in again, with the sessions of before
    Enable(Named),
    /// Delete an account with everything in it, and tell its address by an email
    Delete {
        #[command(flatten)]
        named: Named,
        /// Confirm the deletion
        #[arg(long)]
        yes: bool,
    },
    /// Mark a user's address as verified
    Verify(Named),
    /// Print a link with which a user sets a new password, once and within an hour
    ///
    /// The link is a secret. Using it ends the user's sessions and verifies the address.
    ResetPassword(Named),
    /// List a user's sessions
    Sessions(Named),
    /// End a user's sessions
    Revoke {
        #[command(flatten)]
        named: Named,
        /// The id of the one session to end, as `user sessions` lists it
        #[arg(long, value_name = "ID")]
        session: Option<SessionId>,
    },
}

#[derive(Args)]
pub struct Form {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Named {
    /// The email address or the id of the user
    pub user: String,
    #[command(flatten)]
    pub form: Form,
}

#[derive(Args)]
pub struct Creation {
    /// The email address
    pub address: String,
    /// The name to show
    #[arg(long)]
    pub name: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub form: Form,
}
