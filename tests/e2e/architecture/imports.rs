//! Circles of imports, found from the sources: which file names which in its code, outside of comments and unit tests.
//!
//! A file that declares modules is part of a circle only by what it names itself: `mod` is no import. What a module
//! re-exports with `pub use`, such as the crate's root, is an import of the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{all_rust_files, is_for_tests, root};

/// The files that each file of a crate names.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate. The path of the root is empty.
#[derive(Default)]
struct Modules {
    /// The file of each module, by the module's path from the root.
    files: BTreeMap<String, String>,
    /// What each name that a module re-exports leads to, by the path of the name.
    exports: BTreeMap<String, Vec<String>>,
}

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
    let sources = [
        ("", "lib.rs", "pub use b::{c::Thing, Other};"),
        ("a", "a.rs", ""),
        ("b", "b.rs", "pub(crate) use self::c::Inner;"),
        ("b::c", "b/c.rs", ""),
    ];
    let mut modules = Modules::default();
    for (module, file, source) in sources {
        modules.add(module, file, source);
    }
    let imported = |module: &str, source: &str| names(source, module, &modules);
    let file = |name: &str| BTreeSet::from([name.to_owned()]);
    assert_eq!(
        imported("a", "use crate::{b::c::Thing, d};"),
        BTreeSet::from(["b/c.rs".to_owned(), "lib.rs".to_owned()])
    );
    assert_eq!(imported("a", "use crate::Thing;"), file("b/c.rs"));
    assert_eq!(
        imported("a", "use crate::{Other, b::Inner};"),
        BTreeSet::from(["b.rs".to_owned(), "b/c.rs".to_owned()])
    );
    assert_eq!(imported("b::c", "let x = super::super::a::go();"), file("a.rs"));
    assert_eq!(imported("b", "use self::c::Thing; // crate::a"), file("b/c.rs"));
    assert_eq!(imported("b", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::a; }"), BTreeSet::new());
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
        .filter(|file| file != "main.rs" && !file.split('/').any(|part| part == "tests"))
        .collect();
    assert!(!files.is_empty(), "there are no sources under {sources}");
    let read = |file: &String| fs::read_to_string(folder.join(file)).unwrap();
    let mut modules = Modules::default();
    for file in &files {
        modules.add(&module_of(file), file, &read(file));
    }
    let imported = |file: &String| {
        let mut imported = names(&read(file), &module_of(file), &modules);
        imported.remove(file);
        imported.remove(ROOT);
        imported
    };
    files.iter().filter(|file| *file != ROOT).map(|file| (file.clone(), imported(file))).collect()
}

/// The file of the crate's root.
const ROOT: &str = "lib.rs";

/// The path of a file's module from the crate's root, such as `http::routes`.
fn module_of(file: &str) -> String {
    if file == ROOT {
        return String::new();
    }
    let file = file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix(".rs")).unwrap_or(file);
    Path::new(file).iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("::")
}

impl Modules {
    /// Adds a module with what it re-exports.
    fn add(&mut self, module: &str, file: &str, source: &str) {
        self.files.insert(module.to_owned(), file.to_owned());
        let code = code_of(source);
        for (at, _) in code.match_indices("pub") {
            let rest = code[at + "pub".len()..].trim_start();
            let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
            let Some(exported) = rest.trim_start().strip_prefix("use ") else { continue };
            for path in paths(exported) {
                let begins = STARTS.iter().any(|start| path.starts_with(start));
                let path = if begins { path } else { format!("self::{path}") };
                if let Some((path, name)) =
                    resolved(&path, module).and_then(|path| Some((path.clone(), path.last()?.clone())))
                {
                    self.exports.insert(join(module, &name), path);
                }
            }
        }
    }

    /// The file that defines what a path names: that of the longest beginning of the path that is a module, or where the
    /// rest of it is re-exported from.
    fn file_of(&self, path: &[String]) -> Option<&String> {
        let mut path = path.to_vec();
        // A chain of re-exports is short.
        for _ in 0..8 {
            let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length].join("::")))?;
            let module = path[..length].join("::");
            let exported = path.get(length).and_then(|name| self.exports.get(&join(&module, name)));
            match exported.filter(|exported| exported[..] != path[..=length]) {
                Some(exported) => path = exported.iter().chain(&path[length + 1..]).cloned().collect(),
                None => return self.files.get(&module),
            }
        }
        None
    }
}

/// What a path to something in the crate begins with.
const STARTS: [&str; 3] = ["crate::", "super::", "self::"];

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// A source without comments and unit tests, in one line.
fn code_of(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join(" ")
}

/// The files that the code of a module names.
fn names(source: &str, module: &str, modules: &Modules) -> BTreeSet<String> {
    let code = code_of(source);
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut found = BTreeSet::new();
    for start in STARTS {
        for (at, _) in code.match_indices(start) {
            if code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            for path in paths(&code[at..]) {
                found.extend(resolved(&path, module).and_then(|path| modules.file_of(&path).cloned()));
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
    let mut here: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return None;
    }
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
