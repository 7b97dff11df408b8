//! Tests of personal data: what is stored, what is read, and what is left of somebody who was erased.

use storefront_domain::order::OrderEvent;
use storefront_eventlog::{Expected, SqliteStore, StreamAppend};

use super::*;
use crate::store::aggregates::{self, Store};
use crate::store::streams;
use crate::testing;

fn protected() -> ProtectedLog {
    ProtectedLog::new(Arc::new(SqliteStore::in_memory().unwrap()))
}

fn cancelled(reason: &str) -> OrderEvent {
    OrderEvent::Cancelled { reason: reason.to_owned() }
}

/// Appends a cancellation to the stream of an order.
async fn write(store: &Store, number: u128, reason: &str) {
    let id = testing::order(number);
    let mut event = testing::Log::default().write(&streams::order(id), &cancelled(reason)).to_new();
    event.id = random::id();
    event.correlation_id = id.to_string();
    let part = StreamAppend { stream: streams::order(id), expected: Expected::Any, events: vec![event] };
    store.append(Append { streams: vec![part], ..Append::default() }).await.unwrap();
}

/// The reasons of all cancellations of an order, by each way to read them.
async fn reasons(store: &Store, number: u128) -> Vec<String> {
    let stream = streams::order(testing::order(number));
    let filter = Filter { streams: vec![stream.to_string()], ..Filter::default() };
    let reason = |recorded: &Recorded| match aggregates::decode(recorded).unwrap() {
        OrderEvent::Cancelled { reason } => reason,
        other => panic!("{other:?}"),
    };
    let read: Vec<_> = store.read_stream(&stream, Version(1), 10).await.unwrap().iter().map(reason).collect();
    let all = store.read_all(Position(0), 10, &filter).await.unwrap();
    assert_eq!(all.events.iter().map(|recorded| reason(recorded)).collect::<Vec<_>>(), read);
    let followed = store.follow(Position(0), 10, &filter).await.unwrap();
    assert_eq!(followed.events.iter().map(|recorded| reason(recorded)).collect::<Vec<_>>(), read);
    read
}

async fn stored_text(log: &ProtectedLog) -> String {
    let page = log.stored().read_all(Position(0), 100, &Filter::default()).await.unwrap();
    page.events.iter().map(|recorded| recorded.data()).collect()
}

async fn erase(log: &ProtectedLog, number: u128) {
    log.erase(&[], &[testing::order(number).to_string()]).await.unwrap();
}

#[tokio::test]
async fn what_people_type_is_stored_encrypted_and_read_as_it_was() {
    let log = protected();
    for is_only_writer in [true, false] {
        let store = Store::protected(&log, is_only_writer);
        write(&store, 1, "I moved to Long Lane").await;
        assert!(reasons(&store, 1).await.iter().all(|reason| reason == "I moved to Long Lane"));
    }
    let stored = stored_text(&log).await;
    assert!(stored.contains("enc1:") && !stored.contains("Long Lane"), "{stored}");
}

#[tokio::test]
async fn another_server_reads_it_too() {
    let log = protected();
    let (here, there) =
        (Store::protected(&log, false), Store::protected(&ProtectedLog::new(log.stored().clone()), false));
    write(&here, 1, "here").await;
    write(&there, 1, "there").await;
    assert_eq!(reasons(&here, 1).await, ["here", "there"]);
    assert_eq!(reasons(&there, 1).await, ["here", "there"]);
}

#[tokio::test]
async fn an_erased_order_is_read_nowhere_and_others_stay() {
    let log = protected();
    let store = Store::protected(&log, true);
    write(&store, 1, "one").await;
    write(&store, 2, "two").await;
    assert_eq!((reasons(&store, 1).await, reasons(&store, 2).await), (vec!["one".to_owned()], vec!["two".to_owned()]));
    erase(&log, 1).await;
    erase(&log, 1).await;
    assert_eq!(reasons(&store, 1).await, [ERASED]);
    assert_eq!(reasons(&store, 2).await, ["two"]);
    let elsewhere = Store::protected(&ProtectedLog::new(log.stored().clone()), true);
    assert_eq!(reasons(&elsewhere, 1).await, [ERASED]);
}

#[tokio::test]
async fn a_server_that_meets_the_erasure_of_another_forgets_what_it_has_read() {
    let log = protected();
    let (here, there) =
        (Store::protected(&log, false), Store::protected(&ProtectedLog::new(log.stored().clone()), false));
    write(&here, 1, "one").await;
    assert_eq!(reasons(&there, 1).await, ["one"]);
    erase(&log, 1).await;
    let id = testing::order(1);
    let erased = testing::Log::default().write(&streams::order(id), &cancelled("erased")).to_new();
    let erased = NewEvent {
        kind: ERASURES[0].to_owned(),
        id: random::id(),
        data: JsonText::of(&serde_json::json!({})).unwrap(),
        ..erased
    };
    let part =
        StreamAppend { stream: streams::order(testing::order(9)), expected: Expected::Any, events: vec![erased] };
    here.append(Append { streams: vec![part], ..Append::default() }).await.unwrap();
    there.read_all(Position(0), 10, &Filter::default()).await.unwrap();
    assert_eq!(reasons(&there, 1).await, [ERASED]);
}

#[tokio::test]
async fn events_of_a_program_that_did_not_encrypt_are_read_as_they_are() {
    let log = protected();
    let plain = Store::shared(log.stored().clone());
    for reason in ["plain", "enc1:", "enc1:Zm9vYmFy"] {
        write(&plain, 1, reason).await;
    }
    assert_eq!(reasons(&Store::protected(&log, false), 1).await, ["plain", "enc1:", "enc1:Zm9vYmFy"]);
}

/// The newest example of each type, as JSON.
fn examples() -> Vec<(String, Value)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codec/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut examples = std::collections::BTreeMap::new();
    for path in files.collect::<BTreeSet<_>>() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (kind, _version) = name.rsplit_once(".v").unwrap();
        examples.insert(kind.to_owned(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap());
    }
    examples.into_iter().collect()
}

/// All texts of JSON, with their places.
fn texts(place: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::String(text) => vec![(place.to_owned(), text.clone())],
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| texts(&format!("{place}/{name}"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, value)| texts(&format!("{place}/{index}"), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[test]
fn each_place_of_a_personal_text_is_one_in_a_stored_event() {
    for (kind, data) in examples() {
        for place in personal_texts(&kind) {
            assert!(data.pointer(place).is_some_and(Value::is_string), "{kind} has no {place}");
        }
    }
}

/// The examples speak of Ada in Long Lane, so a new event or field that tells of her is found.
#[test]
fn whatever_tells_of_a_person_is_encrypted_except_in_invoices() {
    for (kind, data) in examples().iter().filter(|(kind, _)| !kind.starts_with("invoice.")) {
        for (place, text) in texts("", data) {
            let tells = ["Ada", "@example", "Long Lane", "Sampleton", "+49", "$argon2id"]
                .iter()
                .any(|word| text.contains(word));
            assert!(!tells || personal_texts(kind).contains(&place.as_str()), "{kind} stores {place} as it is: {text}");
        }
    }
}
