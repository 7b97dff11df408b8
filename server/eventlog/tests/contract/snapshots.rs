//! Tests of snapshots, and of all data that is stored beside the log.

use storefront_eventlog::{JsonText, Snapshot, SqliteStore, Version, check, export, import, limits};

use crate::leases::acquire;
use crate::timers::set;
use crate::world::*;

fn sum(text: &str) -> JsonText {
    JsonText::of(&text).unwrap()
}

async fn save(log: &Log, name: &str, version: u64, schema_version: u16, data: &JsonText) -> bool {
    log.save_snapshot(&stream(name), Version(version), schema_version, data).await.unwrap()
}

async fn found(log: &Log, name: &str, schema_version: u16) -> Option<(u64, JsonText)> {
    let snapshot = log.snapshot(&stream(name), schema_version).await.unwrap();
    snapshot.map(|Snapshot { version, data }| (version.0, data))
}

pub(crate) async fn a_snapshot_is_found_again_in_its_schema_version_only(world: World) {
    let log = world.log();
    append_events(&log, "a", 10).await;
    assert_eq!(found(&log, "a", 2).await, None);
    assert!(save(&log, "a", 7, 2, &sum("seven \u{1F9E6}")).await);
    assert_eq!(found(&log, "a", 2).await, Some((7, sum("seven \u{1F9E6}"))));
    assert_eq!((found(&log, "a", 1).await, found(&log, "a", 3).await, found(&log, "b", 2).await), (None, None, None));
}

pub(crate) async fn a_snapshot_replaces_the_one_before(world: World) {
    let log = world.log();
    append_events(&log, "a", 10).await;
    for (version, schema_version, text) in [(4, 1, "four"), (9, 1, "nine"), (8, 2, "eight")] {
        assert!(save(&log, "a", version, schema_version, &sum(text)).await);
        assert_eq!(found(&log, "a", schema_version).await, Some((version, sum(text))));
    }
    assert_eq!(found(&log, "a", 1).await, None, "there is one of each stream");
}

pub(crate) async fn only_what_is_in_the_log_is_kept_as_a_snapshot(world: World) {
    let log = world.log();
    append_events(&log, "a", 3).await;
    assert!(!save(&log, "a", 4, 1, &sum("ahead")).await);
    assert!(!save(&log, "a", 0, 1, &sum("nothing")).await);
    assert!(!save(&log, "b", 1, 1, &sum("unknown")).await);
    assert!(!save(&log, "a", 3, 1, &sum(&"x".repeat(limits::SNAPSHOT_BYTES))).await);
    assert_eq!((found(&log, "a", 1).await, found(&log, "b", 1).await), (None, None));
    assert!(save(&log, "a", 3, 1, &sum(&"x".repeat(limits::SNAPSHOT_BYTES - 2))).await);
}

pub(crate) async fn a_snapshot_of_another_history_is_as_good_as_none(mut world: World) {
    for tampering in ["version = 99", "version = 2"] {
        let log = world.log();
        let name = format!("changed-to-{}", tampering.len());
        append_events(&log, &name, 3).await;
        assert!(save(&log, &name, 3, 1, &sum("three")).await);
        let tampering = format!("UPDATE snapshots SET {tampering} WHERE stream = '{name}'");
        world.tamper(&tampering, &tampering.replace("snapshots", "eventlog.snapshots")).await;
        let log = world.log();
        if world.is_in_memory() {
            assert!(found(&log, &name, 1).await.is_some(), "nobody can tamper with a log in memory");
            continue;
        }
        assert_eq!(found(&log, &name, 1).await, None, "{tampering}");
        let message = check(&*log).await.unwrap().to_string();
        assert!(message.contains(&format!("the snapshot of {name} is of version")), "{message}");
        assert!(save(&log, &name, 3, 1, &sum("anew")).await);
        assert_eq!(found(&log, &name, 1).await, Some((3, sum("anew"))));
    }
    let log = world.log();
    assert!(check(&*log).await.unwrap().is_sound());
    log.append(empty_append().with_checkpoint("mail", 99)).await.unwrap();
    let message = check(&*log).await.unwrap().to_string();
    assert!(message.contains("the checkpoint of mail is 99, past the end of the log"), "{message}");
}

pub(crate) async fn what_stands_beside_the_log_outlives_its_closing(mut world: World) {
    let log = world.log();
    append_events(&log, "a", 3).await;
    let fence = acquire(&log, "mail", "here").await;
    log.append(empty_append().with_timer(set("orders", "unpaid", 5)).with_fence(&fence)).await.unwrap();
    save(&log, "a", 3, 1, &sum("three")).await;
    let timers = log.due_timers("orders", 10).await.unwrap();

    world.reopen().await;
    let log = world.log();
    assert_eq!(log.due_timers("orders", 10).await.unwrap(), timers);
    assert_eq!(found(&log, "a", 1).await, Some((3, sum("three"))));
    assert_eq!(acquire(&log, "mail", "here").await, fence);
    log.append(empty_append().with_timer(timers[0].fired()).with_fence(&fence)).await.unwrap();
}

pub(crate) async fn what_stands_beside_the_log_is_not_exported(world: World) {
    let log = world.log();
    append_events(&log, "a", 3).await;
    let fence = acquire(&log, "mail", "here").await;
    log.append(empty_append().with_timer(set("orders", "unpaid", 5)).with_fence(&fence)).await.unwrap();
    save(&log, "a", 3, 1, &sum("three")).await;

    let mut exported = Vec::new();
    assert_eq!(export(&*log, &mut exported).await.unwrap(), 3);
    let copy: Log = std::sync::Arc::new(SqliteStore::in_memory().unwrap());
    assert_eq!(import(&*copy, &mut exported.as_slice()).await.unwrap(), 3);
    assert_eq!(copy.due_timers("orders", 10).await.unwrap(), []);
    assert_eq!(found(&copy, "a", 1).await, None);
    assert_eq!(acquire(&copy, "mail", "there").await, fence, "its first epoch");
    assert_eq!(read_whole_log(&copy).await, read_whole_log(&log).await);
}

/// Takes a database back to what the first release made.
const BACK_TO_THE_FIRST_STEP: &str = "ALTER TABLE events DROP COLUMN checksum; ALTER TABLE answers DROP COLUMN kept_ms;
    DROP TABLE leases; DROP TABLE timers; DROP TABLE snapshots; DROP TABLE data_keys;";

async fn a_log_of_the_first_release_gets_what_is_missing(mut world: World) {
    append_events(&world.log(), "a", 3).await;
    let sqlite = format!(
        "DROP INDEX answers_by_kept; CREATE INDEX answers_by_time ON answers (time_ms); {BACK_TO_THE_FIRST_STEP}
        DROP TABLE seen_time; DROP TABLE hash_tree; DROP TABLE file_state; PRAGMA user_version = 1;"
    );
    let postgres = "DELETE FROM eventlog.migrations WHERE step > 1; DROP FUNCTION eventlog.grow;
        ALTER TABLE eventlog.head DROP COLUMN leaves, DROP COLUMN peaks, DROP COLUMN since, DROP COLUMN incomplete,
            DROP COLUMN seen_ms, DROP COLUMN looked_ms, DROP COLUMN epoch;
        CREATE INDEX answers_by_time ON eventlog.answers (time_ms);"
        .to_owned();
    let postgres = postgres + &BACK_TO_THE_FIRST_STEP.replace("TABLE ", "TABLE eventlog.");
    world.tamper(&sqlite, &postgres).await;
    world.reopen().await;
    let log = world.log();
    assert!(save(&log, "a", 3, 1, &sum("three")).await);
    let fence = acquire(&log, "mail", "here").await;
    log.append(empty_append().with_timer(set("orders", "unpaid", 5)).with_fence(&fence)).await.unwrap();
    assert_sound(&log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_first_release_gets_what_is_missing() {
    a_log_of_the_first_release_gets_what_is_missing(World::file().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_first_release_gets_what_is_missing() {
    a_log_of_the_first_release_gets_what_is_missing(World::postgres().await).await;
}
