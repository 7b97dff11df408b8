//! Tests of the keys that stand beside the log, and of erasing.

use std::sync::Arc;

use storefront_eventlog::{DataKey, JsonText, SqliteStore, Version, export, import};
use tempfile::TempDir;
use uuid::Uuid;

use crate::world::*;

fn key(number: u8) -> DataKey {
    DataKey { id: Uuid::from_u128(number.into()), secret: [number; 32] }
}

fn ids(keys: &[DataKey]) -> Vec<Uuid> {
    keys.iter().map(|key| key.id).collect()
}

async fn found(log: &Log, keys: &[DataKey]) -> Vec<DataKey> {
    let mut found = log.data_keys(&ids(keys)).await.unwrap();
    found.sort_by_key(|key| key.id);
    found
}

pub(crate) async fn a_key_is_found_until_it_is_erased(mut world: World) {
    let log = world.log();
    let keys = [key(1), key(2), key(3)];
    log.add_data_keys(&keys).await.unwrap();
    log.add_data_keys(&[DataKey { secret: [9; 32], ..key(2) }]).await.unwrap();
    assert_eq!(found(&log, &keys).await, keys, "a key never changes");
    log.erase(&ids(&[key(2)]), &[]).await.unwrap();
    log.erase(&ids(&[key(2), key(4)]), &[]).await.unwrap();
    world.reopen().await;
    let log = world.log();
    assert_eq!(found(&log, &keys).await, [key(1), key(3)]);
    assert_eq!(log.data_keys_after(Uuid::nil(), 1).await.unwrap(), [key(1)]);
    assert_eq!(log.data_keys_after(key(1).id, 10).await.unwrap(), [key(3)]);
    assert_eq!(log.data_keys_after(key(3).id, 10).await.unwrap(), []);
}

pub(crate) async fn what_is_kept_of_an_erased_stream_beside_its_events_goes(world: World) {
    let log = world.log();
    for (name, other) in [("a", "kept-a"), ("b", "kept-b")] {
        let about = |count: usize| (0..count).map(|_| event_about(name, "thing.happened")).collect();
        // The last event is of another stream.
        let append = empty_append().and(at_version(name, 0, about(3))).and(at_any_version(other, about(1)));
        log.append(append.with_response(stored_response(name, "hello", 0))).await.unwrap();
        let state = JsonText::of(&"state").unwrap();
        assert!(log.save_snapshot(&stream(name), Version(3), 1, &state).await.unwrap());
        append_events(&log, other, 1).await;
    }
    log.erase(&[], &[stream("a"), stream("c")]).await.unwrap();
    let snapshots = (log.snapshot(&stream("a"), 1).await.unwrap(), log.snapshot(&stream("b"), 1).await.unwrap());
    assert!(matches!(snapshots, (None, Some(_))), "{snapshots:?}");
    let answers = (log.answer("a").await.unwrap(), log.answer("b").await.unwrap());
    assert!(matches!(answers, (None, Some(_))), "{answers:?}");
    assert_eq!(read_whole_stream(&log, "a").await.len(), 3, "events stay");
}

pub(crate) async fn an_export_takes_the_keys_along(world: World) {
    let log = world.log();
    append_events(&log, "a", 3).await;
    // More than one page.
    let keys: Vec<DataKey> = (1..=1201_u128).map(|id| DataKey { id: Uuid::from_u128(id), secret: [7; 32] }).collect();
    log.add_data_keys(&keys).await.unwrap();
    let mut exported = Vec::new();
    assert_eq!(export(&*log, &mut exported).await.unwrap(), 3);
    let copy: Log = Arc::new(SqliteStore::in_memory().unwrap());
    assert_eq!(import(&*copy, &mut exported.as_slice()).await.unwrap(), 3);
    assert_eq!(found(&copy, &keys).await, keys);
    assert_eq!(read_whole_log(&copy).await, read_whole_log(&log).await);
}

#[tokio::test]
async fn an_erased_key_is_in_none_of_the_files_of_a_log() {
    let folder = TempDir::new().unwrap();
    let secret: [u8; 32] = std::array::from_fn(|index| 200 - index as u8);
    let has_secret = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.into_iter().any(|file| file.windows(secret.len()).any(|bytes| bytes == secret))
    };
    let log: Log = Arc::new(SqliteStore::open(&folder.path().join("log.sqlite3")).unwrap());
    append_events(&log, "a", 3).await;
    log.add_data_keys(&[key(1), DataKey { secret, ..key(2) }, key(3)]).await.unwrap();
    assert!(has_secret());
    log.erase(&[key(2).id], &[]).await.unwrap();
    assert!(!has_secret());
    append_events(&log, "a", 3).await;
    log.close().await;
    assert!(!has_secret());
}
