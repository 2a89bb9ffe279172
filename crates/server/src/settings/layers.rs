//! Where settings come from, one over the other: the optional `todo-sync.toml`, an optional `.env`, the environment.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;

use config::{Config, Environment, File, FileFormat, Map, Source, Value, ValueKind};

use super::known::{UNSUPPORTED, meant, named, oidc};
use super::{Setting, SettingsError};

/// The settings file, in the working directory.
pub const FILE: &str = "todo-sync.toml";
/// Variables of the environment, in the working directory; those that are set there already win.
const ENV_FILE: &str = ".env";

/// The values as they were given, not yet looked at.
pub struct Layers {
    config: Config,
    providers: BTreeSet<String>,
}

impl Layers {
    /// Reads the files in `folder` and, over them, `environment`. Of the settings `known`, the file may hold no other; other variables
    /// are none of ours unless they look like one that is not given, or ask for what this version can't do. A blank value counts as not given, and hides that of `.env`.
    pub fn read(
        folder: &Path,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        known: &[Setting],
    ) -> Result<Self, SettingsError> {
        let mut variables = env_file(folder)?;
        variables.extend(environment);
        variables.retain(|_, value| !is_blank(value));
        let variables = ours(variables, known)?;
        let values = file(folder, known)?;
        let names = variables.keys().cloned().chain(values.keys().map(|key| key.to_uppercase()));
        let providers =
            names.filter_map(|name| oidc(&name).map(|(provider, _)| provider.to_owned())).collect();
        let mut builder = Config::builder();
        for (key, value) in values {
            builder = builder.set_default(&key, value).map_err(|error| in_file(&error))?;
        }
        let source = Environment::default().ignore_empty(true).source(Some(variables));
        let config = builder.add_source(source).build().map_err(|error| in_file(&error))?;
        Ok(Self { config, providers })
    }

    /// Each `<NAME>` for which some `OIDC_<NAME>_…` is given.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().map(String::as_str)
    }

    /// One value, trimmed.
    pub fn text(&self, setting: Setting) -> Result<Option<String>, SettingsError> {
        self.text_of(setting.name, setting)
    }

    /// One value, trimmed, of the form `name` of a setting.
    pub fn text_of(&self, name: &str, setting: Setting) -> Result<Option<String>, SettingsError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let text = value.into_string().map_err(|_| setting.bad_as(name, "must be a single value"))?;
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Several: a list in the file, or one text with commas between, or a JSON list.
    pub fn list(&self, setting: Setting) -> Result<Option<Vec<String>>, SettingsError> {
        let texts_only = || setting.bad("must be a list of texts");
        match self.value(setting.name).map(|value| (value.kind.clone(), value)) {
            None => Ok(None),
            Some((ValueKind::Array(_), value)) => value.try_deserialize().map(Some).map_err(|_| texts_only()),
            Some(_) => match self.text(setting)? {
                Some(text) => items(&text).map(Some).ok_or_else(texts_only),
                None => Ok(None),
            },
        }
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.config.get::<Value>(&name.to_lowercase()).ok()
    }
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// The items of a JSON list, or of a text with commas between. A `.env` file loses the quotes of a JSON list that stands
/// in it unquoted; the brackets are left.
fn items(text: &str) -> Option<Vec<String>> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if inside.is_some_and(|inside| inside.contains('"')) {
        return serde_json::from_str(text).ok();
    }
    let items = inside.unwrap_or(text).split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(items.map(str::to_owned).collect())
}

fn file(folder: &Path, known: &[Setting]) -> Result<HashMap<String, Value>, SettingsError> {
    let text = match std::fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(in_file(&error)),
    };
    let values = File::from_str(&text, FileFormat::Toml).collect().map_err(|error| in_file(&error))?;
    let mut settings = HashMap::new();
    for (name, value) in values {
        // Case does not matter there.
        if named(&name.to_uppercase(), known).is_none() {
            return Err(SettingsError::Unknown { name, file: FILE });
        }
        settings.insert(name.to_lowercase(), value);
    }
    Ok(settings)
}

fn env_file(folder: &Path) -> Result<HashMap<OsString, OsString>, SettingsError> {
    let in_file = |problem: String| SettingsError::File { file: ENV_FILE, problem };
    let variables = match dotenvy::from_path_iter(folder.join(ENV_FILE)) {
        Ok(variables) => variables,
        Err(error) if error.not_found() => return Ok(HashMap::new()),
        Err(error) => return Err(in_file(error.to_string())),
    };
    variables
        .map(|variable| match variable {
            Ok((name, value)) => Ok((name.into(), value.into())),
            // The parser's own message quotes the line, and a secret may stand in it.
            Err(dotenvy::Error::LineParse(..)) => Err(in_file(
                "a line is not of the form NAME=value (quote a value that has spaces in it)".into(),
            )),
            Err(error) => Err(in_file(error.to_string())),
        })
        .collect()
}

fn ours(
    variables: HashMap<OsString, OsString>,
    known: &[Setting],
) -> Result<Map<String, String>, SettingsError> {
    let (mut ours, mut others) = (Map::new(), Vec::new());
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        if let Some(setting) = named(&name, known) {
            let text = value.into_string().map_err(|_| setting.bad_as(&name, "must be UTF-8"))?;
            ours.insert(name, text);
        } else {
            others.push(name);
        }
    }
    if let Some((name, use_of)) =
        UNSUPPORTED.into_iter().find(|(name, _)| others.iter().any(|other| other == name))
    {
        return Err(SettingsError::Unsupported { name, use_of });
    }
    // In a fixed order, so that of several the same one is told each time.
    others.sort_unstable();
    let misspelt = others.into_iter().find_map(|name| {
        let meant = meant(&name, known).filter(|meant| !ours.contains_key(meant))?;
        let example = named(&meant, known).map_or("…", |setting| setting.example);
        Some(SettingsError::Misspelt { name, meant, example })
    });
    misspelt.map_or(Ok(ours), Err)
}

fn in_file(error: &dyn std::error::Error) -> SettingsError {
    // The lines that follow quote the file, and a secret may stand there.
    let problem = error.to_string().trim().lines().next().unwrap_or_default().to_owned();
    SettingsError::File { file: FILE, problem }
}
