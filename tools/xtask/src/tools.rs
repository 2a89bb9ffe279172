//! Finds or installs what the tests need besides the Rust toolchain.
//!
//! PostgreSQL, `PgBouncer`, Redis, nginx, libfaketime, systemd and Chromium are installed for the whole machine with
//! apt-get. Packages from npm and `PyPI` are pinned by committed files and installed inside the checkout, each beside a
//! copy of the file that pinned it: they are installed again when the file changes.

use std::path::{Path, PathBuf};

use postgres_testbed::{Binaries, Pooler};
use redis_testbed::RedisServer;

use crate::process::{command, output, read, root, run, succeeds, target};

/// Makes sure that PostgreSQL's programs are there.
pub fn postgres() -> Result<(), String> {
    let Err(missing) = Binaries::find() else {
        return Ok(());
    };
    println!(
        "installing PostgreSQL with apt-get, for its programs only: the tests run a cluster of their own"
    );
    apt_install("postgresql", &missing)?;
    Binaries::find().map(drop)
}

/// Makes sure that `PgBouncer` is there.
pub fn pooler() -> Result<(), String> {
    let Err(missing) = Pooler::program() else {
        return Ok(());
    };
    println!("installing PgBouncer with apt-get, for its program only: the tests start their own");
    apt_install("pgbouncer", &missing)?;
    Pooler::program().map(drop)
}

/// Makes sure that nginx is there.
pub fn nginx() -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    if folders.any(|folder| folder.join("nginx").is_file()) {
        return Ok(());
    }
    println!("installing nginx with apt-get, for its program only: the tests start their own");
    apt_install("nginx", "nginx is needed: `apt-get install nginx`")
}

/// Makes sure that Redis is there.
pub fn redis() -> Result<(), String> {
    let Err(missing) = RedisServer::program() else {
        return Ok(());
    };
    println!("installing Redis with apt-get, for its program only: the tests start their own");
    apt_install("redis-server", &missing)?;
    RedisServer::program().map(drop)
}

/// Makes sure that libfaketime is there, which gives an instance of the tests another clock.
pub fn libfaketime() -> Result<(), String> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    if folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).any(|library| library.is_file())
    {
        return Ok(());
    }
    println!("installing libfaketime with apt-get, for tests of clocks that differ");
    apt_install("libfaketime", "libfaketime is needed: `apt-get install libfaketime`")
}

/// Makes sure that `systemd-analyze` is there, which reads the sample of a unit.
pub fn systemd() -> Result<(), String> {
    if succeeds(command("systemd-analyze").arg("--version")) {
        return Ok(());
    }
    println!("installing systemd with apt-get, for its program systemd-analyze");
    apt_install("systemd", "systemd-analyze is needed: `apt-get install systemd`")
}

/// Makes sure that Chromium is there, which the tests of the JavaScript packages drive.
pub fn chromium() -> Result<(), String> {
    if ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .iter()
        .any(|path| Path::new(path).exists())
    {
        return Ok(());
    }
    println!("installing Chromium with apt-get, for the tests of the JavaScript packages");
    apt_install("chromium", "Chromium is needed: `apt-get install chromium`")
}

/// The path of Prometheus' `promtool`, which is unpacked beside the build where the machine has none.
pub fn promtool() -> Result<PathBuf, String> {
    if succeeds(command("promtool").arg("--version")) {
        return Ok("promtool".into());
    }
    let folder = target()?.join("tools/prometheus");
    let program = folder.join("usr/bin/promtool");
    if program.exists() {
        return Ok(program);
    }
    let missing = "promtool is needed: `apt-get install prometheus`, or https://prometheus.io/download";
    println!("unpacking promtool into {}", folder.display());
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    apt_get(&["update"], missing)?;
    run(command("apt-get").args(["-q", "download", "prometheus"]).current_dir(&folder))
        .map_err(|error| format!("{error}\n{missing}"))?;
    let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let packages = entries.flatten().map(|entry| entry.path());
    for package in packages.filter(|path| path.extension().is_some_and(|extension| extension == "deb")) {
        run(command("dpkg").arg("-x").arg(&package).arg(&folder))?;
        std::fs::remove_file(&package).map_err(|error| error.to_string())?;
    }
    Ok(program)
}

/// Installs a package for the whole machine; `missing` says what to do where that is not allowed.
fn apt_install(package: &str, missing: &str) -> Result<(), String> {
    apt_get(&["update"], missing)?;
    apt_get(&["install", "-y", "--no-install-recommends", package], missing)
}

/// Runs apt-get as root; `missing` says what to do where that is not allowed.
fn apt_get(arguments: &[&str], missing: &str) -> Result<(), String> {
    let root = output(command("id").arg("-u"))?.trim() == "0";
    if !succeeds(command("apt-get").arg("--version"))
        || !(root || succeeds(command("sudo").args(["-n", "true"])))
    {
        return Err(missing.to_owned());
    }
    let mut apt_get = if root { command("apt-get") } else { command("sudo") };
    apt_get.args((!root).then_some("apt-get"));
    run(apt_get.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(arguments))
}

/// Installs the packages of the npm project in `folder`, "." for the workspaces of the root, and returns its path.
pub fn npm_project(folder: &str) -> Result<PathBuf, String> {
    let project = if folder == "." { root().to_owned() } else { root().join(folder) };
    let lock = project.join("package-lock.json");
    let mark = project.join("node_modules/.installed-from");
    if !is_current(&lock, &mark) {
        node_and_npm("node", "npm")?;
        println!("installing the npm packages of {}", project.display());
        run(command("npm").args(["ci", "--loglevel=error"]).current_dir(&project))?;
        copy(&lock, &mark)?;
    }
    Ok(project)
}

/// Makes sure that these programs are there, and recent enough.
fn node_and_npm(node: &str, npm: &str) -> Result<(), String> {
    let needed =
        "Node.js 20.19 or newer with npm is needed: https://nodejs.org/ or `apt-get install nodejs npm`";
    let version = output(command(node).arg("--version")).map_err(|e| format!("{needed}; {e}"))?;
    if !recent_enough(version.trim()) {
        return Err(format!("{needed}; this is {}", version.trim()));
    }
    output(command(npm).arg("--version")).map(drop).map_err(|e| format!("{needed}; {e}"))
}

/// Installs the packages of `tests/requirements.txt` and returns the path of the program `name` among them.
pub fn python_program(name: &str) -> Result<PathBuf, String> {
    let requirements = root().join("tests/requirements.txt");
    let folder = target()?.join("python-tools");
    let mark = folder.join("installed-from");
    if !is_current(&requirements, &mark) {
        println!("installing the Python packages of tests/requirements.txt into {}", folder.display());
        let needed = "Python 3.11 or newer with pip is needed: `apt-get install python3 python3-pip`";
        // Debian packages pip for virtual environments separately; the system's pip does the same
        // job.
        run(command("python3").args(["-m", "venv", "--clear", "--without-pip"]).arg(&folder))
            .map_err(|e| format!("{e}\n{needed}"))?;
        let mut pip = command("python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--python"])
            .arg(folder.join("bin/python"));
        run(pip.args(["install", "--requirement"]).arg(&requirements))
            .map_err(|e| format!("{e}\n{needed}"))?;
        copy(&requirements, &mark)?;
    }
    Ok(folder.join("bin").join(name))
}

fn is_current(pins: &Path, mark: &Path) -> bool {
    read(mark).is_ok_and(|installed| read(pins).is_ok_and(|pinned| installed == pinned))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::copy(from, to).map(drop).map_err(|e| format!("could not write {}: {e}", to.display()))
}

/// Whether this output of `node --version` satisfies Redocly CLI.
fn recent_enough(version: &str) -> bool {
    let mut numbers =
        version.trim_start_matches('v').split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let major_minor = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    matches!(major_minor, (20, 19..) | (22, 12..) | (23.., _))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_node_or_npm_is_told_what_it_needs() {
        // `rustc --version` prints no version of Node.js.
        for node in ["no-such-node", "rustc"] {
            let missing = node_and_npm(node, "npm").unwrap_err();
            assert!(missing.starts_with("Node.js 20.19 or newer with npm is needed: "), "{missing}");
            assert!(missing.contains(node), "{missing}");
        }
    }

    #[test]
    fn a_node_that_is_too_old_is_refused() {
        for version in ["v18.20.4", "v20.18.1", "v21.0.0", "v22.11.0", "nonsense"] {
            assert!(!recent_enough(version), "{version}");
        }
        for version in ["v20.19.0", "v22.12.0", "v24.1.0"] {
            assert!(recent_enough(version), "{version}");
        }
    }
}
