//! Why the server does not start.

use thiserror::Error;

use super::known::ALL;

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A value is not what it has to be.
    #[error("{name} {problem}; for example: {name}={example}")]
    Value {
        /// The variable.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// A value that would do.
        example: &'static str,
    },
    /// The settings file names something that is no setting.
    #[error("{name} in {file} is not a setting; .env.example lists them all, for example: {}={}", ALL[0].name, ALL[0].example)]
    Unknown {
        /// The name, as it stands there.
        name: String,
        /// The file.
        file: &'static str,
    },
    /// A variable is named almost like a setting, which is not given.
    #[error("{name} is not a setting; should it be {meant}? For example: {meant}={example}")]
    Misspelt {
        /// The name, as it was given.
        name: String,
        /// The setting.
        meant: String,
        /// A value of it.
        example: &'static str,
    },
    /// A variable that stands for something this server does not do.
    #[error("{name} is not a setting yet: this version can't {use_of}; unset it, for example: {name}=")]
    Unsupported {
        /// The variable.
        name: &'static str,
        /// What whoever sets it wants.
        use_of: &'static str,
    },
    /// A file of settings can't be read.
    #[error("{file} can't be read: {problem}")]
    File {
        /// The file.
        file: &'static str,
        /// Why.
        problem: String,
    },
}
