//! Circles of imports, found from the sources: which file names which in its code, outside of comments and unit tests.
//!
//! A file that declares modules is part of a circle only by what it names itself: `mod` is no import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{all_rust_files, is_for_tests, root};

/// Which modules of a crate name which others, by file.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_folder_of_the_server_is_in_a_circle_of_imports() {
    let folder = |file: &str| file.split('/').next().unwrap_or_default().to_owned();
    let mut folders = Imports::new();
    for (file, named) in imports_of("server/src") {
        let others = named.iter().map(|other| folder(other)).filter(|other| *other != folder(&file));
        folders.entry(folder(&file)).or_default().extend(others);
    }
    assert_eq!(circles(&folders), Vec::<Vec<String>>::new());
}

#[test]
fn no_circle_of_imports_has_more_than_two_files() {
    let crates = [
        "server/src",
        "server/api/src",
        "server/client/src",
        "server/domain/src",
        "server/eventlog/src",
        "tui/src",
        "mocks/src",
    ];
    for sources in crates {
        let mut long = circles(&imports_of(sources));
        long.retain(|circle| circle.len() > 2);
        assert_eq!(long, Vec::<Vec<String>>::new(), "{sources}");
    }
}

#[test]
fn a_circle_is_found_whatever_form_its_imports_have() {
    let modules: BTreeMap<String, String> =
        ["a", "b", "b::c"].map(|module| (module.to_owned(), format!("{}.rs", module.replace("::", "/")))).into();
    let named = |module: &str, source: &str| names(source, module, &modules);
    assert_eq!(named("a", "use crate::{b::c::Thing, d};"), ["b/c.rs".to_owned()].into());
    assert_eq!(named("b::c", "let x = super::super::a::go();"), ["a.rs".to_owned()].into());
    assert_eq!(named("b", "use self::c::Thing; // crate::a"), ["b/c.rs".to_owned()].into());
    assert_eq!(named("b", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::a; }"), BTreeSet::new());
    let circle: Imports = [("x", "y"), ("y", "z"), ("z", "x"), ("w", "x")]
        .map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])))
        .into();
    assert_eq!(circles(&circle), [["x", "y", "z"].map(str::to_owned).to_vec()]);
}

/// What each file below a folder of sources names, by path from there. The crate's root and its tests are left out.
fn imports_of(sources: &str) -> Imports {
    let folder = root().join(sources);
    let files: Vec<String> = all_rust_files(&folder)
        .into_iter()
        .filter(|file| !is_for_tests(file))
        .map(|file| file.strip_prefix(&folder).unwrap().to_string_lossy().into_owned())
        .filter(|file| !["lib.rs", "main.rs"].contains(&file.as_str()) && !file.split('/').any(|part| part == "tests"))
        .collect();
    assert!(!files.is_empty(), "there are no sources under {sources}");
    let modules: BTreeMap<String, String> = files.iter().map(|file| (module_of(file), file.clone())).collect();
    let named = |file: &String| {
        let source = fs::read_to_string(folder.join(file)).unwrap();
        let mut named = names(&source, &module_of(file), &modules);
        named.remove(file);
        named
    };
    files.iter().map(|file| (file.clone(), named(file))).collect()
}

/// The path of a file's module from the crate's root, such as `http::routes`.
fn module_of(file: &str) -> String {
    let file = file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix(".rs")).unwrap_or(file);
    Path::new(file).iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("::")
}

/// The files that the code of a module names.
fn names(source: &str, module: &str, modules: &BTreeMap<String, String>) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String = lines.collect::<Vec<_>>().join(" ");
    let starts = ["crate::", "super::", "self::"];
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut found = BTreeSet::new();
    for start in starts {
        for (at, _) in code.match_indices(start) {
            if code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            for path in paths(&code[at..]) {
                found.extend(resolved(&path, module).and_then(|path| file_of(&path, modules)));
            }
        }
    }
    found
}

/// The paths that a piece of code begins with: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<String> {
    let end = code.find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
    let (begin, rest) = code.split_at(end.unwrap_or(code.len()));
    if !begin.ends_with("::") || !rest.starts_with('{') {
        return vec![begin.to_owned()];
    }
    let (mut depth, mut branch, mut found) = (0, String::new(), Vec::new());
    for letter in rest.chars() {
        match letter {
            '{' if depth == 0 => depth = 1,
            ',' | '}' if depth == 1 => {
                found.extend(paths(branch.trim()).into_iter().map(|path| format!("{begin}{path}")));
                branch.clear();
                if letter == '}' {
                    break;
                }
            }
            other => {
                depth += i32::from(other == '{') - i32::from(other == '}');
                branch.push(other);
            }
        }
    }
    found
}

/// A path from the crate's root; nothing for one that leads out of it.
fn resolved(path: &str, module: &str) -> Option<Vec<String>> {
    let mut parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
    let mut here: Vec<&str> = module.split("::").collect();
    match parts.remove(0) {
        "crate" => here.clear(),
        "super" => {
            here.pop()?;
        }
        _ => {}
    }
    while parts.first() == Some(&"super") {
        parts.remove(0);
        here.pop()?;
    }
    Some(here.into_iter().chain(parts).map(str::to_owned).collect())
}

/// The file of the longest beginning of a path that is a module.
fn file_of(path: &[String], modules: &BTreeMap<String, String>) -> Option<String> {
    (1..=path.len()).rev().find_map(|length| modules.get(&path[..length].join("::")).cloned())
}

/// The groups of more than one in which each leads to each.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(file) = next.pop() {
            let named = imports.get(&file).into_iter().flatten();
            next.extend(named.filter(|other| reached.insert((*other).clone())).cloned());
        }
        reached
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = imports.keys().map(|file| (file, reach(file))).collect();
    let leads = |from: &String, to: &String| reached.get(from).is_some_and(|reached| reached.contains(to));
    let circles = imports.keys().map(|file| {
        let members = imports.keys().filter(|other| leads(file, other) && leads(other, file));
        members.cloned().collect::<Vec<_>>()
    });
    let circles: BTreeSet<Vec<String>> = circles.filter(|members| members.len() > 1).collect();
    circles.into_iter().collect()
}
