//! The programs that the quickstart needs: `curl`, `jq`, `python3` and Node. Installs what is missing.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The first versions of Node that run TypeScript as it is, by their major version.
const FIRST_NODE_VERSIONS: [(u32, u32); 2] = [(22, 18), (23, 6)];

/// The version of Node that is installed where there is none that runs TypeScript.
const NODE_PACKAGE: &str = "node@22";

/// A value of `PATH` with which all the programs are found.
pub(super) fn search_path() -> &'static OsStr {
    static SEARCH_PATH: OnceLock<OsString> = OnceLock::new();
    SEARCH_PATH.get_or_init(|| {
        for program in ["bash", "curl", "jq", "python3"] {
            assert!(
                is_there(program) || (install_package(program) && is_there(program)),
                "these tests need {program}: it was not found on the PATH, nor could `apt-get install {program}` get it"
            );
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        if runs_typescript(Path::new("node")) {
            return path;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node");
        let programs = folder.join("node_modules/node/bin");
        assert!(
            runs_typescript(&programs.join("node"))
                || (install_node(&folder) && runs_typescript(&programs.join("node"))),
            "these tests need Node 22.18 or later: it was not found on the PATH, nor could `npm install {NODE_PACKAGE}` get it"
        );
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path))).unwrap()
    })
}

/// What a program prints as its version.
fn version(program: impl AsRef<OsStr>) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_there(program: &str) -> bool {
    version(program).is_some()
}

fn runs_typescript(node: &Path) -> bool {
    version(node).is_some_and(|version| is_new_enough(&version))
}

/// Whether a version such as `v22.18.0` runs TypeScript without an option.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|number| number.parse::<u32>().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return false };
    let first = FIRST_NODE_VERSIONS.iter().find(|(first, _)| *first == major);
    first.map_or(major > FIRST_NODE_VERSIONS[1].0, |(_, first)| minor >= *first)
}

fn install_package(package: &str) -> bool {
    let install = ["install", "--yes", "--no-install-recommends", package];
    succeeds(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))
        || (succeeds(Command::new("apt-get").arg("update"))
            && succeeds(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive")))
}

/// Installs Node into a folder, where the next run finds it.
fn install_node(folder: &Path) -> bool {
    let npm_is_there = is_there("npm") || install_package("npm");
    std::fs::create_dir_all(folder).unwrap();
    let install = ["install", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", NODE_PACKAGE];
    npm_is_there && succeeds(Command::new("npm").args(install).arg("--prefix").arg(folder).current_dir(folder))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

#[test]
fn only_versions_of_node_that_run_typescript_as_it_is_will_do() {
    for version in ["v22.18.0\n", "v22.23.3", "v23.6.0", "v24.0.0", "v25.1.0"] {
        assert!(is_new_enough(version), "{version}");
    }
    for version in ["v20.20.2\n", "v22.6.0", "v23.5.9", "v9.11.2", "", "node"] {
        assert!(!is_new_enough(version), "{version}");
    }
}
