//! Reading the app's folder.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use super::file::File;

/// The most bytes that the files may have in all: they stay in memory.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The files below `folder`, by their paths, which begin with a slash.
pub fn read(folder: &Path) -> io::Result<HashMap<String, File>> {
    let mut files = HashMap::new();
    let mut total = 0;
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // A name that is not UTF-8 cannot be requested.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let (path, kind) = (format!("{prefix}/{name}"), entry.file_type()?);
            if kind.is_dir() {
                folders.push((entry.path(), path));
            } else if kind.is_file() {
                total += entry.metadata()?.len();
                if total > MAX_BYTES {
                    return Err(io::Error::other("its files have more than 64 MiB in all"));
                }
                let file = File::new(&path, fs::read(entry.path())?);
                files.insert(path, file);
            }
        }
    }
    Ok(files)
}
