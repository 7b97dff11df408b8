//! Dependency rules between modules, checked on the sources. Cargo enforces those between crates.

mod imports;

use std::fs;
use std::path::{Path, PathBuf};

/// A rule: files under `within`, but not under `except`, must not mention any of `never`.
struct Rule {
    within: &'static str,
    except: &'static [&'static str],
    never: &'static [&'static str],
    because: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: "server/domain/src",
        except: &[],
        never: &[
            "async fn",
            "tokio",
            "SystemTime",
            "Instant",
            "Uuid::new",
            "tracing",
            "rusqlite",
            "axum",
            "reqwest",
            "std::env",
            "std::fs",
        ],
        because: "the domain is pure: no I/O, no async, no clock, no randomness",
    },
    Rule {
        within: "server/src",
        except: &["server/src/views"],
        never: &["rusqlite", "tokio_postgres", "SELECT ", "INSERT INTO"],
        because: "SQL stands in server/eventlog and server/src/views only",
    },
    Rule {
        within: "server/src",
        except: &["server/src/http", "server/src/runtime/server.rs"],
        never: &["axum", "hyper"],
        because: "axum stands in server/src/http and the composition root only",
    },
    Rule {
        within: "server/src",
        except: &["server/src/integrations"],
        never: &["reqwest", "lettre"],
        because: "other systems are spoken to in server/src/integrations only",
    },
    Rule {
        within: "server/src",
        except: &["server/src/config.rs", "server/src/main.rs"],
        never: &["std::env"],
        because: "the environment is read in one place",
    },
    Rule {
        within: "server/src/http",
        except: &[],
        never: &["SqliteStore", "PostgresStore", "crate::processes"],
        because: "HTTP names no database and runs no process",
    },
    Rule {
        within: "server/src/views",
        except: &[],
        never: &["crate::http", "crate::processes", "crate::integrations"],
        because: "views know neither HTTP nor processes nor the systems around the shop",
    },
    Rule { within: "server/src/processes", except: &[], never: &["crate::http"], because: "processes know no HTTP" },
    Rule {
        within: "tui/src/state",
        except: &[],
        never: &["tokio", "reqwest", "storefront_client", "std::time::Instant", "SystemTime", "ratatui"],
        because: "the client's state knows no tokio, HTTP, clock or ratatui",
    },
    Rule {
        within: "tui/src/update",
        except: &[],
        never: &["tokio", "reqwest", "Instant::now", "SystemTime", "ratatui"],
        because: "the client's update knows no tokio, HTTP, clock or ratatui",
    },
    Rule {
        within: "tui/src/view",
        except: &[],
        never: &["tokio", "reqwest", "Instant::now", "SystemTime"],
        because: "the client's view reads the model and nothing else",
    },
    Rule {
        within: "tui/src/screen_reader",
        except: &[],
        never: &["tokio", "reqwest", "Instant::now", "SystemTime", "ratatui", "crate::terminal"],
        because: "what is said follows from the model and nothing else",
    },
    Rule {
        within: "tui/src",
        except: &["tui/src/embedded.rs"],
        never: &["storefront_server", "storefront_mocks"],
        because: "one file of the client names the server and the stubs",
    },
    Rule {
        within: "mocks/src",
        except: &[],
        never: &[
            "storefront_api",
            "storefront_domain",
            "storefront_eventlog",
            "storefront_server",
            "storefront_client",
        ],
        because: "the stubs stand for systems that are not ours",
    },
    Rule {
        within: "server/eventlog/src",
        except: &[],
        never: &["storefront_api", "storefront_domain", "storefront_server", "axum", "reqwest"],
        because: "the event log knows no shop",
    },
];

#[test]
fn no_module_imports_what_it_must_not() {
    let mut broken = Vec::new();
    for rule in RULES {
        let files = rust_files(&root().join(rule.within));
        assert!(!files.is_empty(), "there are no sources under {}", rule.within);
        for file in files {
            let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            if rule.except.iter().any(|except| name.starts_with(except)) {
                continue;
            }
            for word in found(&fs::read_to_string(&file).unwrap(), rule.never) {
                broken.push(format!("{name} mentions {word:?}, but {}", rule.because));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_check_sees_a_forbidden_word_and_no_comment() {
    assert_eq!(found("use tokio::time;", &["tokio", "axum"]), ["tokio"]);
    assert_eq!(
        found("//! knows no tokio\n/// nor axum\nlet x = 1; // nor reqwest", &["tokio", "axum", "reqwest"]),
        [""; 0]
    );
}

#[test]
fn every_test_that_the_readme_names_is_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let promises = readme.lines().filter(|line| line.starts_with("| P"));
    let named: Vec<&str> =
        promises.flat_map(|line| line.split('`').skip(1).step_by(2)).filter(|name| name.contains("::")).collect();
    assert!(named.len() >= 8, "the README names its tests: {named:?}");
    let sources: String = ["tests", "server", "tui", "mocks"]
        .iter()
        .flat_map(|folder| all_rust_files(&root().join(folder)))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for name in named {
        let last = name.rsplit("::").next().unwrap();
        let is_there = sources.contains(&format!("fn {last}(")) || sources.contains(&format!("mod {last}"));
        assert!(is_there, "the README names {name}, which is not there");
    }
}

#[test]
fn nothing_else_stands_at_the_top() {
    let agreed = ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "tui", "server", "mocks", "tests", "target"];
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strange: Vec<String> =
        entries.filter(|name| !name.starts_with('.') && !agreed.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// The words that the code mentions outside comments and outside its unit tests.
fn found<'a>(source: &str, words: &[&'a str]) -> Vec<&'a str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join("\n");
    words.iter().filter(|word| code.contains(**word)).copied().collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    // A file of tests may use what it likes.
    all_rust_files(folder).into_iter().filter(|file| !is_for_tests(file)).collect()
}

fn all_rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path {
            folder if folder.is_dir() => all_rust_files(&folder),
            file if file.extension().is_some_and(|extension| extension == "rs") => vec![file],
            _ => Vec::new(),
        })
        .collect()
}

fn is_for_tests(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name == "tests.rs" || name == "testing.rs" || name.ends_with("_tests.rs")
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
