//! What can be wrong with the settings.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Everything that is wrong with the settings, in the order in which it was found.
#[derive(Debug, Error)]
pub struct SettingsError(pub(super) Vec<SettingError>);

impl fmt::Display for SettingsError {
    /// Writes each error on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// One error, as one sentence with an example. Never contains a secret.
#[derive(Debug, Error)]
pub enum SettingError {
    /// The value is not allowed.
    #[error("{name} {problem}; for example: {name}={example}")]
    Value { name: String, problem: String, example: &'static str },
    /// A settings file contains a name that is not a setting.
    #[error("{name} in {file} is not a setting; .env.example lists them all, for example: PORT=8000")]
    Unknown { name: String, file: &'static str },
    /// A settings file can't be read.
    #[error("{file} can't be read: {problem}")]
    File { file: &'static str, problem: String },
}

/// What the operator should know about settings with which the server starts.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum SettingWarning {
    /// The setting describes how another one is to work, which is not set.
    #[error("{name} is ignored without {without}")]
    Unused { name: Cow<'static, str>, without: Cow<'static, str> },
    /// A variable's name is almost that of a setting which has no value.
    #[error("{name} is not a setting; should it be {meant}? For example: {meant}={example}")]
    Misspelt { name: String, meant: String, example: &'static str },
    /// Another program sets a variable of this name.
    #[error("{name} is ignored: it is {what}")]
    OfAnotherProgram { name: String, what: &'static str },
    /// The database may answer that it offers no TLS, and so may an attacker on the way.
    #[error(
        "{name} permits a connection without TLS to another machine: add sslmode=verify-full, or sslmode=require \
         where the certificate can't be verified"
    )]
    MayBeInClear { name: String },
    /// The address is that of another machine, without TLS.
    #[error(
        "{name} has no TLS to another machine, so whoever is between reads and alters what is sent: use {tls}"
    )]
    InClear { name: String, tls: &'static str },
    /// The setting is for several instances, and an SQLite file has one.
    #[error("{name} is ignored: an SQLite file belongs to one instance, which shares nothing")]
    OneInstance { name: &'static str },
}
