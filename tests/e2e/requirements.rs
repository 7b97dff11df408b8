//! The requirements of the shop and the tests that prove them. Their ids are those of `server/domain/README.md`: C the
//! catalogue, N stock, B the basket, O orders, P payment, W the wallet, V vouchers, F invoices, R mails and notices, I who
//! signs in, E the log, L the workshop lab, and S the hazards that the shop withstands: foreign requests, lost files, clocks, load.
//!
//! A test reads the sources, and fails when a requirement has no test, or names one that does not exist or is ignored.

mod lab;
mod mails_and_log;
mod money;
mod people;
mod safety;
mod shopping;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use self::table::ALL;

/// Number of requirements of each part.
const REQUIREMENT_COUNTS: [(&str, u32); 12] = [
    ("C", 7),
    ("N", 6),
    ("B", 6),
    ("O", 7),
    ("P", 7),
    ("W", 4),
    ("V", 3),
    ("F", 2),
    ("R", 3),
    ("I", 16),
    ("E", 8),
    ("L", 5),
];

/// Numbers of the requirements of part S.
const SAFETY_REQUIREMENTS: &[u32] =
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];

/// The id of a requirement, a summary, and its tests as `file::name`.
type Requirement = (&'static str, &'static str, &'static [&'static str]);

#[test]
fn every_line_of_what_the_shop_does_has_tests_and_they_are_there() {
    let parts =
        REQUIREMENT_COUNTS.iter().flat_map(|(part, count)| (1..=*count).map(move |line| format!("{part}{line}")));
    // The requirements of the lab begin at 0.
    let parts = parts.chain(["L0".to_owned()]);
    let due: BTreeSet<String> = parts.chain(SAFETY_REQUIREMENTS.iter().map(|line| format!("S{line}"))).collect();
    let lines = || ALL.into_iter().flatten();
    let known: BTreeSet<String> = lines().map(|(line, ..)| (*line).to_owned()).collect();
    assert_eq!(known, due, "every line stands here");
    assert_eq!(lines().count(), due.len(), "and each once");
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut missing = Vec::new();
    for (line, says, tests) in lines() {
        assert!(!tests.is_empty(), "{line} ({says}) has no test");
        for test in *tests {
            let (file, name) = test.split_once("::").expect("file::name");
            let source = fs::read_to_string(root.join(file)).unwrap_or_default();
            if !is_a_test(&source, name) {
                missing.push(format!("{line} ({says}): {test}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such tests:\n{}", missing.join("\n"));
}

#[test]
fn the_tests_that_the_page_about_security_names_are_there_and_each_of_its_lines_once() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let page = fs::read_to_string(root.join("server/SECURITY.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    let (mut ids, mut tests) = (Vec::new(), 0);
    for row in rows {
        ids.extend(row.split('|').nth(1).unwrap().split(',').map(str::trim));
        for (file, name) in row.split('`').filter_map(|part| part.split_once(".rs::")) {
            let source = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
            assert!(is_a_test(&source, name), "no such test: {file}.rs::{name}");
            tests += 1;
        }
    }
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "each line stands once");
    assert!(ids.len() > 80 && tests > 40, "{} lines, {tests} tests", ids.len());
}

#[test]
fn a_function_counts_as_a_test_only_where_it_is_run_as_one() {
    assert!(is_a_test("#[test]\nfn it_holds() {\n", "it_holds"));
    assert!(is_a_test("    #[tokio::test(flavor = \"multi_thread\")]\n    async fn it_holds() {\n", "it_holds"));
    for no_test in [
        "fn it_holds() {\n",
        "#[test]\nfn it_holds_too() {\n",
        "#[test]\n#[ignore]\nfn it_holds() {\n",
        "#[test]\nfn other() {}\n\nfn it_holds() {\n",
        "",
    ] {
        assert!(!is_a_test(no_test, "it_holds"), "{no_test:?}");
    }
}

/// Whether a source has a test of this name that is not ignored.
fn is_a_test(source: &str, name: &str) -> bool {
    let head = [format!("fn {name}("), format!("async fn {name}(")];
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let found = lines.iter().position(|line| head.iter().any(|head| line.starts_with(head.as_str())));
    let Some(found) = found else { return false };
    let attributes: Vec<&&str> = lines[..found].iter().rev().take_while(|line| line.starts_with("#[")).collect();
    let runs = |line: &&&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    attributes.iter().any(runs) && !attributes.iter().any(|line| line.starts_with("#[ignore"))
}
