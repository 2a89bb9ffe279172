//! The layers of settings: the defaults, the optional `todo-sync.toml`, and the environment, where
//! a `.env` file is read first. Each overrides the layers before it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::path::Path;

use config::{Config, Environment, File, FileFormat, Map, Source as _, Value, ValueKind};
use secrecy::SecretString;

use super::env_file::env_file;
use super::error::{SettingError, SettingWarning, SettingsError};
use super::secret_files::read_secret_files;
use super::setting::{self, ALL, Setting, provider_setting};
use super::{parse, spelling};

/// The settings file, in the working directory.
const SETTINGS_FILE: &str = "todo-sync.toml";

/// The values of all settings as texts, and the errors found so far.
///
/// Reading continues after a error, so that the operator learns of all errors at once.
pub struct Layers {
    config: Config,
    /// The names of the settings that are set explicitly and not just by default.
    given: BTreeSet<String>,
    errors: RefCell<Vec<SettingError>>,
    warnings: RefCell<Vec<SettingWarning>>,
}

impl Layers {
    /// Reads the files in `folder`, then `environment`. A blank variable counts as not set, and it
    /// hides a variable of the same name in `.env`.
    ///
    /// Fails only if a file can't be read; any other error is kept for [`finish`](Self::finish).
    pub fn read(
        folder: &Path,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let stop = |error| SettingsError(vec![error]);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let variables = env_file(folder).map_err(stop)?.into_iter().chain(environment);
        let mut variables: HashMap<_, _> =
            variables.filter(|(name, value)| is_meant(name, value, &mut warnings)).collect();
        variables.retain(|_, value| !is_blank(value));
        read_secret_files(folder, &mut variables, &mut errors);
        let variables = settings_among(variables, &mut errors, &mut warnings);
        let file = settings_file(folder, &mut errors).map_err(stop)?;
        let given = variables.keys().cloned().chain(file.keys().map(|key| key.to_uppercase())).collect();
        let config = layered(file, variables).map_err(|error| stop(unreadable(&error)))?;
        Ok(Self { config, given, errors: RefCell::new(errors), warnings: RefCell::new(warnings) })
    }

    /// Returns the warnings if no error was found.
    pub fn finish(self) -> Result<Vec<SettingWarning>, SettingsError> {
        let (errors, mut warnings) = (self.errors.into_inner(), self.warnings.into_inner());
        warnings.sort();
        if errors.is_empty() { Ok(warnings) } else { Err(SettingsError(errors)) }
    }

    /// Records a error.
    pub fn report(&self, error: SettingError) {
        self.errors.borrow_mut().push(error);
    }

    /// Records a warning.
    pub fn warn(&self, warning: SettingWarning) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Whether the setting is set explicitly and not just by default.
    pub fn is_given(&self, setting: &Setting) -> bool {
        self.given.contains(&*setting.name)
    }

    /// Each `<NAME>` for which an `OIDC_<NAME>_…` setting has a value.
    pub fn providers(&self) -> BTreeSet<&str> {
        self.given.iter().filter_map(|name| provider_setting(name)).map(|(provider, _)| provider).collect()
    }

    /// The value of a setting that has a default. After a error, that default.
    #[expect(clippy::expect_used, reason = "a test reads the default of every setting")]
    pub fn get<T, E: Display>(&self, setting: &Setting, parse: impl Fn(&str) -> Result<T, E>) -> T {
        self.find(setting, &parse).unwrap_or_else(|| {
            let default = setting.default.and_then(|default| parse(default).ok());
            default.expect("the default is a valid value")
        })
    }

    /// The value of an optional setting. After a error, `None`.
    pub fn find<T, E: Display>(&self, setting: &Setting, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(setting)?;
        self.parsed(setting, parse(&text))
    }

    /// The values of two settings that must be set together. `None` if neither is.
    pub fn credentials(&self, id: &Setting, secret: &Setting) -> Option<(String, SecretString)> {
        for (setting, other) in [(id, secret), (secret, id)] {
            if self.is_given(other) && !self.is_given(setting) {
                self.report(setting.error(format!("must be set where {} is", other.name)));
            }
        }
        self.find(id, parse::text).zip(self.find(secret, parse::secret))
    }

    /// The items of an optional setting that is a list: an array in the settings file, a JSON
    /// array, or a text with commas. After a error, `None`.
    pub fn list<T, E: Display>(
        &self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let items = match self.value(setting)? {
            Value { kind: ValueKind::Array(items), .. } => {
                items.into_iter().map(Value::into_string).collect::<Result<_, _>>().ok()
            }
            _ => items(&self.text(setting)?),
        };
        let items: Vec<String> = self.parsed(setting, items.ok_or("must be a list of strings"))?;
        self.parsed(setting, items.iter().map(|item| parse(item)).collect())
    }

    /// The value of `result`. An error is recorded as a error of `setting`.
    pub fn parsed<T, E: Display>(&self, setting: &Setting, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.report(setting.error(problem.to_string()))).ok()
    }

    fn text(&self, setting: &Setting) -> Option<String> {
        let text = self.value(setting)?.into_string().map_err(|_| "must be a single value");
        Some(self.parsed(setting, text)?.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn value(&self, setting: &Setting) -> Option<Value> {
        self.config.get(&setting.name.to_lowercase()).ok()
    }
}

/// Merges the layers: the environment overrides the settings file, which overrides the defaults.
/// The crate `config` uses names in lower case.
fn layered(file: Map<String, Value>, variables: Map<String, String>) -> Result<Config, config::ConfigError> {
    let mut builder = Config::builder();
    for Setting { name, default, .. } in ALL {
        if let Some(default) = *default {
            builder = builder.set_default(name.to_lowercase(), default)?;
        }
    }
    for (name, value) in file {
        builder = builder.set_default(name, value)?;
    }
    builder.add_source(Environment::default().source(Some(variables))).build()
}

/// The values in `todo-sync.toml`, by their names in lower case.
fn settings_file(folder: &Path, errors: &mut Vec<SettingError>) -> Result<Map<String, Value>, SettingError> {
    let path = folder.join(SETTINGS_FILE);
    let is_there = path.exists();
    let file = File::from(path).format(FileFormat::Toml).required(is_there);
    let mut settings = Map::new();
    for (name, value) in file.collect().map_err(|error| unreadable(&error))? {
        if Setting::named(&name.to_uppercase()).is_some() {
            settings.insert(name.to_lowercase(), value);
        } else {
            errors.push(SettingError::Unknown { name, file: SETTINGS_FILE });
        }
    }
    Ok(settings)
}

/// Whether a variable can be meant for this server. Others whose name is a setting's are a warning.
fn is_meant(name: &OsStr, value: &OsStr, warnings: &mut Vec<SettingWarning>) -> bool {
    let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { return true };
    let what = if name.ends_with("_PORT") && value.contains("://") {
        // Kubernetes describes a service `smtp` by SMTP_PORT=tcp://10.0.0.1:25.
        "the address of a Kubernetes service, and not a port number"
    } else if name == setting::MAIL.name && value.starts_with('/') {
        "the mailbox that login shells name, and not a way to send mail"
    } else {
        return true;
    };
    if Setting::named(name).is_some() {
        warnings.push(SettingWarning::OfAnotherProgram { name: name.to_owned(), what });
    }
    false
}

/// The variables that are settings. Adds a warning for each other one that may have been meant for the
/// server.
fn settings_among(
    variables: HashMap<OsString, OsString>,
    errors: &mut Vec<SettingError>,
    warnings: &mut Vec<SettingWarning>,
) -> Map<String, String> {
    let (mut settings, mut others) = (Map::new(), BTreeSet::new());
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        match (Setting::named(&name), value.into_string()) {
            (Some(_), Ok(value)) => {
                settings.insert(name, value);
            }
            (Some(setting), Err(_)) => errors.push(setting.error("must be UTF-8")),
            (None, _) => {
                others.insert(name);
            }
        }
    }
    for name in others {
        if let Some(meant) = spelling::correct(&name).filter(|meant| !settings.contains_key(&*meant.name)) {
            let (meant, example) = (meant.name.into_owned(), meant.example);
            warnings.push(SettingWarning::Misspelt { name, meant, example });
        }
    }
    settings
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// Splits a JSON array, or a text at its commas. A `.env` file drops the quotation marks of an
/// unquoted JSON array, so brackets without them are accepted too.
fn items(text: &str) -> Option<Vec<String>> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if inside.is_some_and(|inside| inside.contains('"')) {
        return serde_json::from_str(text).ok();
    }
    let items = inside.unwrap_or(text).split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(items.map(str::to_owned).collect())
}

fn unreadable(error: &dyn Error) -> SettingError {
    // The following lines quote the file, which may hold a secret.
    let problem = error.to_string().trim().lines().next().unwrap_or_default().to_owned();
    SettingError::File { file: SETTINGS_FILE, problem }
}
