//! Accounts: register, log in, prove an address, change the profile or password, export, delete.

mod service;
mod store;

pub use service::{
    AccessPolicy, AccountPorts, AccountService, Administration, CreationOutcome, Credentials,
    DeletionOutcome, Export, ExportError, ExportPart, Invitation, Invitations, LinkStart, LoginOutcome,
    MagicLinkOutcome, MailOutcome, NotVerified, PasswordChangeOutcome, PasswordResetOutcome, Profile,
    ProfileOutcome, ProfileUpdate, Registration, RegistrationOutcome, ResetToken, UnlinkOutcome,
};
pub use store::{
    AccountRecords, AccountStore, EmailChange, IdentityRecord, KeepSession, MailRecord, NewUser,
    OneTimeTokenRecord, PasswordSet, ProfileChange, ProfileChanged, Registered,
};
