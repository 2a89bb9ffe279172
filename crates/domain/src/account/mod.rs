//! Accounts: register, log in, prove an address, change the profile or password, export, delete.

mod service;
mod store;

pub use service::{
    AccountPorts, AccountService, Credentials, DeletionOutcome, Export, ExportError, ExportPart, KeepSession,
    LoginOutcome, MagicLinkOutcome, MailOutcome, NotVerified, PasswordChangeOutcome, PasswordResetOutcome,
    Profile, ProfileOutcome, ProfileUpdate, RegistrationOutcome,
};
pub use store::{
    AccountRecords, AccountStore, EmailChange, IdentityRecord, MailRecord, NewUser, OneTimeTokenRecord,
    PasswordSet, ProfileChange, ProfileChanged, Registered,
};
