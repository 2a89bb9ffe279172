//! Secrets in files: `NAME_FILE` names the file that holds the secret `NAME`, as container platforms mount
//! them. It serves every setting that may contain a secret.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::error::SettingError;
use super::setting::Setting;

const SUFFIX: &str = "_FILE";
/// The most bytes of a file. No secret is as long, and a device such as `/dev/zero` has no end.
const MAX_BYTES: u64 = 64 * 1024;

/// Gives each secret the content of its file, without the white space around it.
pub fn read_secret_files(
    folder: &Path,
    variables: &mut HashMap<OsString, OsString>,
    errors: &mut Vec<SettingError>,
) {
    let is_secret = |name: &&str| Setting::named(name).is_some_and(|setting| setting.is_secret);
    let of_file = |name: &OsString| name.to_str()?.strip_suffix(SUFFIX).filter(is_secret).map(str::to_owned);
    let names: Vec<_> = variables.keys().filter_map(of_file).collect();
    for name in names {
        let variable = format!("{name}{SUFFIX}");
        let mut fail = |problem: String| {
            let name = variable.clone();
            errors.push(SettingError::Value { name, problem, example: "/run/secrets/name" });
        };
        let Some(file) = variables.remove(&OsString::from(&variable)) else { continue };
        if variables.contains_key(&OsString::from(&name)) {
            fail(format!("can't be set where {name} is"));
            continue;
        }
        match read(&folder.join(&file)) {
            Ok(secret) if secret.trim().is_empty() => fail("names an empty file".to_owned()),
            Ok(secret) => drop(variables.insert(name.into(), secret.trim().into())),
            Err(error) => fail(format!("names a file that can't be read ({error})")),
        }
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it has more than 64 KiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}
