//! Tests of export, import and check.

use std::sync::Arc;

use storefront_eventlog::{HashTree, ImportError, Position, SqliteStore, check, export, export_line, import};

use crate::world::*;

pub(crate) async fn an_export_is_imported_byte_for_byte(log: Log) {
    let original: Log = Arc::new(SqliteStore::in_memory().unwrap());
    // Streams come and go, alone and together, over several pages.
    for turn in 0..700_usize {
        let mut append = empty_append().and(at_any_version(&format!("s-{}", turn % 7), new_events(turn % 4)));
        if turn % 3 == 0 {
            append = append.and(at_any_version("all", vec![event_about("ä \"quoted\"", "x.y")]));
        }
        original.append(append).await.unwrap();
    }
    let exported = export_of(&original).await;
    assert_eq!(import(&*log, &mut exported.as_slice()).await.unwrap(), head(&original).await);
    assert!(export_of(&log).await == exported, "the export of an import differs from what was imported");
    assert_eq!(read_whole_log(&log).await, read_whole_log(&original).await);
    append_events(&log, "s-1", 1).await;
    assert_sound(&log).await;
}

pub(crate) async fn an_export_has_a_line_for_each_event(log: Log) {
    assert_eq!(export_of(&log).await, b"");
    append_events(&log, "a", 3).await;
    let lines = String::from_utf8(export_of(&log).await).unwrap();
    let events = read_whole_log(&log).await;
    let expected: Vec<String> = events.iter().map(|event| export_line(event).unwrap()).collect();
    let mut tree = HashTree::default();
    for (line, (event, expected)) in lines.lines().zip(events.iter().zip(&expected)) {
        tree.add(event);
        let body = expected.strip_suffix('}').unwrap();
        assert_eq!(line, format!(r#"{body},"hash":"{}"}}"#, tree.hash()));
    }
    assert_eq!(lines.lines().count(), 3);
    let first = &events[0].id;
    let line = format!(
        r#"{{"position":1,"id":"{first}","stream":"a","version":1,"type":"thing.happened","schema_version":1,"time_ms":1700000000000,"correlation_id":"a correlation","causation_id":null,"actor":"tester","data":{{"kind":"thing.happened"}}}}"#
    );
    assert_eq!(expected[0], line);
}

pub(crate) async fn only_an_empty_log_takes_an_import(log: Log) {
    append_events(&log, "a", 2).await;
    let exported = export_of(&log).await;
    let refused = import(&*log, &mut exported.as_slice()).await;
    assert!(matches!(refused, Err(ImportError::NotEmpty(Position(2)))), "{refused:?}");
}

pub(crate) async fn an_import_says_which_line_is_wrong(log: Log) {
    append_events(&log, "a", 3).await;
    // As an older program wrote it: without hashes, so that each line is judged by what it says.
    let events = read_whole_log(&log).await;
    let good: String = events.iter().map(|event| export_line(event).unwrap() + "\n").collect();
    let line = |number: usize| good.lines().nth(number - 1).unwrap().to_owned() + "\n";
    let cases = [
        (line(1) + "no event\n", 2, "not an event"),
        (line(1) + &line(3), 2, "position 3 stands where 2 is due"),
        (line(1) + line(2).trim_end(), 2, "it has no end"),
        (line(1).replace("\"actor\"", "\"author\""), 1, "author"),
        (line(1).replace("\"a\"", "\"a b\""), 1, "stream name"),
        (line(1).replace("\"version\":1", "\"version\":0"), 1, "versions start at 1"),
    ];
    for (text, number, because) in cases {
        let empty = SqliteStore::in_memory().unwrap();
        let error = import(&empty, &mut text.as_bytes()).await.unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(&format!("line {number}: ")) && said.contains(because), "{said:?} for {text:?}");
    }
    let gap = line(1) + &line(2).replace("\"version\":2", "\"version\":7");
    let empty = SqliteStore::in_memory().unwrap();
    assert!(matches!(import(&empty, &mut gap.as_bytes()).await, Err(ImportError::Refused(_))));
}

pub(crate) async fn a_sound_log_passes_its_check(log: Log) {
    assert_eq!(check(&*log).await.unwrap().to_string(), "0 events in 0 streams: all sound");
    for turn in 0..1200 {
        append_events(&log, &format!("s-{}", turn % 9), 1 + turn % 2).await;
    }
    let report = check(&*log).await.unwrap();
    assert_eq!(report.to_string(), "1800 events in 9 streams: all sound");
}

async fn export_of(log: &Log) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = export(&**log, &mut bytes).await.unwrap();
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count() as u64, count);
    bytes
}
