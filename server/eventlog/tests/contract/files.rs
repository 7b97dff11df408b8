//! Tests of logs in files: they are durable, and one process at a time has them open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use storefront_eventlog::{AppendError, EventStore, Finding, Position, SqliteStore, StoreError, Version, check};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::world::*;

fn temp_log_path() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.sqlite3");
    (folder, path)
}

fn open_log(path: &Path) -> Log {
    Arc::new(SqliteStore::open(path).unwrap())
}

#[track_caller]
fn assert_unusable(path: &Path, because: &str) {
    match SqliteStore::open(path) {
        Err(StoreError::Unusable(why)) => assert!(why.contains(because), "{why:?} does not say {because:?}"),
        Err(error) => panic!("not unusable, but: {error}"),
        Ok(_) => panic!("it opens"),
    }
}

fn assert_in_use(path: &Path) {
    match SqliteStore::open(path) {
        Err(StoreError::InUse(why)) => assert!(why.contains("in use by another program"), "{why}"),
        Err(error) => panic!("not in use, but: {error}"),
        Ok(_) => panic!("it opens"),
    }
}

#[tokio::test]
async fn reopening_a_file_finds_everything() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    let sent = empty_append().and(at_version("a", 0, new_events(3))).and(at_version("b", 0, new_events(1)));
    let sent = sent.with_checkpoint("mail", 2).with_response(stored_response("key", "done", 7));
    let first = log.append(sent.clone()).await.unwrap();
    let before = read_whole_log(&log).await;
    log.close().await;

    let log = open_log(&path);
    assert_eq!(read_whole_log(&log).await, before);
    assert_eq!(log.checkpoint("mail").await.unwrap(), Position(2));
    assert_eq!(log.answer("key").await.unwrap(), Some((stored_response("key", "done", 7), Position(4))));
    assert_eq!(log.wait_for(Position(3)).await.unwrap(), Position(4));
    assert_eq!(log.append(sent).await.unwrap(), first, "an append is still known when it is sent again");
    assert_conflict(log.append(empty_append().and(at_version("a", 0, new_events(1)))).await, "a", 0, 3);
    let on = log.append(empty_append().and(at_version("a", 3, new_events(1)))).await.unwrap();
    assert_eq!((on.position, on.versions), (Position(5), vec![Version(4)]));
    assert_sound(&log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_the_log_closed_is_there_afterwards() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    let mut callers = JoinSet::new();
    for caller in 0..200 {
        let log = log.clone();
        callers.spawn(async move {
            let name = format!("s-{caller}");
            log.append(empty_append().and(at_version(&name, 0, new_events(1)))).await.is_ok().then_some(name)
        });
    }
    log.wait_for(Position(1)).await.unwrap();
    log.close().await;
    let answered: Vec<String> = callers.join_all().await.into_iter().flatten().collect();

    let log = open_log(&path);
    assert_eq!(head(&log).await, answered.len() as u64);
    for name in answered {
        assert_eq!(version(&log, &name).await, 1);
    }
}

#[tokio::test]
async fn a_log_that_is_dropped_without_closing_loses_nothing_and_frees_its_file() {
    let (_folder, path) = temp_log_path();
    for turn in 1..=5 {
        let log = open_log(&path);
        append_events(&log, "a", 1).await;
        assert_eq!(head(&log).await, turn);
    }
    assert_sound(&open_log(&path)).await;
}

#[tokio::test]
async fn a_file_belongs_to_one_store_at_a_time() {
    let (folder, path) = temp_log_path();
    let log = open_log(&path);
    assert_in_use(&path);
    #[cfg(unix)]
    {
        let other_name = folder.path().join("other-name");
        std::os::unix::fs::symlink(&path, &other_name).unwrap();
        assert_in_use(&other_name);
    }
    append_events(&log, "a", 1).await;
    log.close().await;
    assert_eq!(head(&open_log(&path)).await, 1);
    drop(folder);
}

#[tokio::test]
async fn a_closed_log_leaves_a_single_folded_file() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 100).await;
    log.close().await;
    assert!(!path.with_file_name("log.sqlite3-wal").exists());
    assert!(!path.with_file_name("log.sqlite3-shm").exists());
}

#[tokio::test]
async fn folders_are_made_on_the_way() {
    let (folder, _) = temp_log_path();
    let path = folder.path().join("of/my/shop/log.sqlite3");
    append_events(&open_log(&path), "a", 1).await;
    assert!(path.exists());
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let (_folder, path) = temp_log_path();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_unusable(&path, "is a database of another program");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let (_folder, path) = temp_log_path();
    let letter = "Dear shop, please find enclosed the socks that do not fit me. ".repeat(50);
    std::fs::write(&path, &letter).unwrap();
    assert_unusable(&path, "is not an event log but some other file");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), letter);
}

#[tokio::test]
async fn a_log_that_lost_its_content_is_refused_and_never_begun_anew() {
    let (_folder, path) = temp_log_path();
    let written = open_log(&path);
    append_events(&written, "a", 3).await;
    let wal = path.with_file_name("log.sqlite3-wal");
    let newest = std::fs::read(&wal).unwrap();
    written.close().await;
    let whole = std::fs::read(&path).unwrap();

    std::fs::write(&path, "").unwrap();
    assert_unusable(&path, "has nothing in it");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    for length in [100, whole.len()] {
        std::fs::write(&path, vec![0; length]).unwrap();
        assert_unusable(&path, "is not an event log but some other file");
        assert_eq!(std::fs::read(&path).unwrap(), vec![0; length]);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&wal, &newest).unwrap();
    for refused in [SqliteStore::open(&path), SqliteStore::open_to_read(&path)] {
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("is not there, but its newest events are") && refused.contains("-wal"), "{refused}");
    }
    assert_eq!(std::fs::read(&wal).unwrap(), newest, "what is left stays");
    assert!(!path.exists());

    std::fs::remove_file(&wal).unwrap();
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(head(&open_log(&path)).await, 3);
}

#[tokio::test]
async fn a_log_whose_creation_was_killed_is_created_again() {
    let (folder, path) = temp_log_path();
    for left in ["log.sqlite3-partial", "log.sqlite3-partial-journal"] {
        std::fs::write(folder.path().join(left), "half of it").unwrap();
    }
    append_events(&open_log(&path), "a", 1).await;
    let mut there: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["log.sqlite3", "log.sqlite3-lock"]);
}

#[tokio::test]
async fn a_file_from_a_newer_program_is_refused() {
    let (_folder, path) = temp_log_path();
    open_log(&path).close().await;
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 4711").unwrap();
    assert_unusable(&path, "was written by a newer version of this program (schema 4711");
}

#[test]
fn a_folder_is_no_log() {
    let (folder, _) = temp_log_path();
    assert_unusable(folder.path(), "cannot be opened");
}

#[tokio::test]
async fn the_file_itself_refuses_to_change_or_delete_events() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 2).await;
    log.close().await;
    let plain = Connection::open(&path).unwrap();
    for statement in ["UPDATE events SET data = '{}'", "DELETE FROM events", "UPDATE events SET position = 9"] {
        let error = plain.execute(statement, []).unwrap_err();
        assert!(error.to_string().contains("events are never"), "{statement}: {error}");
    }
}

/// A copy of a log that is in use: as a plain `cp` makes it, without the write-ahead log beside it.
fn copy_without_wal(path: &Path) -> PathBuf {
    let copy = path.with_file_name("copy.sqlite3");
    std::fs::copy(path, &copy).unwrap();
    copy
}

#[tokio::test]
async fn a_log_that_was_copied_without_its_write_ahead_log_is_refused_until_the_loss_is_accepted() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 3).await;
    log.close().await;
    let log = open_log(&path);
    append_events(&log, "a", 40).await;
    let copy = copy_without_wal(&path);
    for _ in 0..2 {
        assert_unusable(&copy, "was copied without its write-ahead log, or lost it: it ends at position 3");
        let refused = SqliteStore::open_to_read(&copy).err().unwrap().to_string();
        assert!(refused.contains("storefront-server backup"), "{refused}");
    }
    assert_eq!(SqliteStore::accept_loss(&copy).unwrap(), Position(3));
    assert_eq!(head(&open_log(&copy)).await, 3);
    for (whole, because) in [(&copy, "is whole"), (&path, "is in use by another program")] {
        let refused = SqliteStore::accept_loss(whole).err().unwrap().to_string();
        assert!(refused.contains(because), "{refused}");
    }
    // A copy of a closed log is complete.
    std::fs::copy(path.with_file_name("log.sqlite3-wal"), path.with_file_name("copy.sqlite3-wal")).unwrap();
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(head(&open_log(&copy)).await, 43);
    log.close().await;
    assert_eq!(head(&open_log(&copy_without_wal(&path))).await, 43, "a log that was closed is in its file");
}

#[tokio::test]
async fn a_log_in_use_that_was_read_keeps_its_write_ahead_log_when_its_server_is_gone() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 3).await;
    // The state after a kill: both files exist, and no process has them open.
    let killed = copy_without_wal(&path);
    std::fs::copy(path.with_file_name("log.sqlite3-wal"), path.with_file_name("copy.sqlite3-wal")).unwrap();
    let reading: Log = Arc::new(SqliteStore::open_to_read(&killed).unwrap());
    assert_eq!(head(&reading).await, 3);
    reading.close().await;
    drop(reading);
    assert!(killed.with_file_name("copy.sqlite3-wal").exists());
    assert_eq!(head(&open_log(&killed)).await, 3);
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_is_not_opened_twice_by_another_name_of_its_file() {
    let (folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 1).await;
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let other_name = elsewhere.join("other-name");
    std::fs::hard_link(&path, &other_name).unwrap();
    assert_in_use(&other_name);
    append_events(&log, "a", 1).await;
    log.close().await;
    assert_eq!(head(&open_log(&other_name)).await, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_a_log_or_a_backup_also_one_that_an_older_program_left_open() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = temp_log_path();
    let within = folder.path().join("of/my/shop");
    let path = within.join("log.sqlite3");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let all_private = || {
        for file in std::fs::read_dir(&within).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    };
    let log = SqliteStore::open(&path).unwrap();
    log.append(empty_append().and(at_any_version("a", new_events(1)))).await.unwrap();
    log.backup(&within.join("copy")).await.unwrap();
    all_private();
    assert_eq!([mode(&within), mode(&folder.path().join("of"))], [0o700, 0o700]);
    log.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
    let log = SqliteStore::open(&path).unwrap();
    log.append(empty_append().and(at_any_version("a", new_events(1)))).await.unwrap();
    all_private();
}

#[tokio::test]
async fn clones_are_the_same_log() {
    let (_folder, path) = temp_log_path();
    let store = SqliteStore::open(&path).unwrap();
    let clone = store.clone();
    store.append(empty_append().and(at_version("a", 0, new_events(1)))).await.unwrap();
    drop(store);
    assert_eq!(clone.head().await.unwrap(), Position(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_the_log_is_written() {
    let (folder, path) = temp_log_path();
    let store = SqliteStore::open(&path).unwrap();
    let log: Log = Arc::new(store.clone());
    append_events(&log, "a", 500).await;
    let writer = tokio::spawn({
        let log = log.clone();
        async move {
            for _ in 0..200 {
                append_events(&log, "b", 1).await;
            }
        }
    });
    log.wait_for(Position(550)).await.unwrap();
    let copy = folder.path().join("copy.sqlite3");
    store.backup(&copy).await.unwrap();
    let seen = head(&log).await;
    writer.await.unwrap();

    let copied = open_log(&copy);
    let events = read_whole_log(&copied).await;
    assert!((550..=seen).contains(&(events.len() as u64)));
    assert_eq!(events, read_whole_log(&log).await[..events.len()]);
    assert_sound(&copied).await;
    assert_eq!(store.damages().await.unwrap(), [""; 0]);

    let refused = store.backup(&copy).await.unwrap_err();
    assert!(refused.to_string().contains("is there already"), "{refused}");
}

#[tokio::test]
async fn a_log_is_read_beside_the_store_that_writes_it() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 3).await;
    let coordination: Log = Arc::new(SqliteStore::open_to_read(&path).unwrap());
    assert_eq!(read_whole_log(&coordination).await, read_whole_log(&log).await);
    append_events(&log, "a", 2).await;
    assert_eq!(head(&coordination).await, 5, "what is written meanwhile is seen");
    assert!(matches!(
        coordination.append(empty_append().and(at_any_version("a", new_events(1)))).await,
        Err(AppendError::Store(StoreError::Closed))
    ));
    assert!(matches!(coordination.wait_for(Position(9)).await, Err(StoreError::Closed)));
    coordination.close().await;
    assert!(matches!(coordination.head().await, Err(StoreError::Closed)));
    append_events(&log, "a", 1).await;
    log.close().await;
    assert_eq!(head(&open_log(&path)).await, 6);
}

/// Without them another program that opens the file takes itself for the only one, and empties the memory that all share.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_open_log_has_the_locks_by_which_sqlite_knows_of_it_in_other_programs() {
    use std::os::unix::fs::MetadataExt;
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 1).await;
    let process = std::process::id().to_string();
    for name in ["log.sqlite3", "log.sqlite3-shm"] {
        let file = format!(":{}", std::fs::metadata(path.with_file_name(name)).unwrap().ino());
        let is_locked = |locks: &str| {
            locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|words| {
                words.contains(&"POSIX")
                    && words.contains(&process.as_str())
                    && words.iter().any(|word| word.ends_with(&file))
            })
        };
        // The list is read in parts, and while other tests lock and unlock, a part can miss a line: so it is read again.
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let locks = std::fs::read_to_string("/proc/locks").unwrap();
            if is_locked(&locks) {
                break;
            }
            assert!(Instant::now() < deadline, "this process has no lock on {name}:\n{locks}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn reading_makes_no_log_where_there_is_none_and_leaves_a_closed_one_a_single_file() {
    let (folder, path) = temp_log_path();
    let refused = |path: &Path| SqliteStore::open_to_read(path).err().unwrap().to_string();
    assert!(refused(&path).contains("is not there"));
    std::fs::write(&path, "").unwrap();
    assert!(refused(&path).contains("has nothing in it"));
    std::fs::remove_file(&path).unwrap();
    let log = open_log(&path);
    append_events(&log, "a", 3).await;
    log.close().await;
    let before = std::fs::read(&path).unwrap();
    let reading: Log = Arc::new(SqliteStore::open_to_read(&path).unwrap());
    assert_sound(&reading).await;
    reading.close().await;
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let there = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(there.filter(|name| name != "log.sqlite3-lock").collect::<Vec<_>>(), ["log.sqlite3"]);
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 4711").unwrap();
    assert!(refused(&path).contains("was written by a newer version of this program (schema 4711"));
}

#[tokio::test]
async fn a_log_of_an_older_program_is_read_and_checked_in_the_shape_that_it_has() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 3).await;
    log.close().await;
    let older = "DROP TABLE seen_time; DROP INDEX answers_by_kept; ALTER TABLE answers DROP COLUMN kept_ms;
        CREATE INDEX answers_by_time ON answers (time_ms); DROP TABLE file_state; DROP TABLE hash_tree; ALTER TABLE events DROP COLUMN checksum;
        DROP TABLE leases; DROP TABLE timers; DROP TABLE snapshots; DROP TABLE data_keys; PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(older).unwrap();
    let log = SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(check(&log).await.unwrap().to_string(), "3 events in 1 streams: all sound");
    log.close().await;
    let version = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let steps = Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], version).unwrap();
    assert_eq!(steps, 1, "who only reads changes nothing");
}

#[tokio::test]
async fn a_log_of_an_older_program_gets_its_hash_at_the_first_start_and_says_where_checksums_begin() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 5).await;
    let tree = log.hash_tree().await.unwrap().unwrap();
    log.close().await;
    let older =
        "DROP TABLE seen_time; DROP INDEX answers_by_kept; ALTER TABLE answers DROP COLUMN kept_ms;
        CREATE INDEX answers_by_time ON answers (time_ms); DROP TABLE file_state; DROP TABLE hash_tree; ALTER TABLE events DROP COLUMN checksum;
        ALTER TABLE leases DROP COLUMN ttl_ms; DROP TABLE data_keys; PRAGMA user_version = 2";
    Connection::open(&path).unwrap().execute_batch(older).unwrap();
    let log = open_log(&path);
    let planted = log.hash_tree().await.unwrap().unwrap();
    assert_eq!((planted.hash(), planted.since()), (tree.hash(), Position(6)));
    append_events(&log, "a", 2).await;
    assert!(check(&*log).await.unwrap().is_sound());
    log.close().await;
    let tampering = "DROP TRIGGER events_are_never_changed; UPDATE events SET actor = 'forger' WHERE position = 2";
    Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
    let report = check(&*open_log(&path)).await.unwrap();
    assert!(matches!(report.findings[..], [Finding::Root { since: Position(6), .. }]), "{report}");
}

#[tokio::test]
async fn a_log_that_somebody_tampered_with_fails_its_check() {
    let (_folder, path) = temp_log_path();
    let log = open_log(&path);
    append_events(&log, "a", 6).await;
    log.close().await;
    let tampering = "DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted;
        DELETE FROM events WHERE position = 2;
        UPDATE events SET data = '{' WHERE position = 4;
        UPDATE events SET version = 9 WHERE position = 6;";
    Connection::open(&path).unwrap().execute_batch(tampering).unwrap();

    let report = check(&*open_log(&path)).await.unwrap();
    let said = report.to_string();
    assert!(!report.is_sound());
    for finding in [
        "5 events in 1 streams: 6 findings",
        "position 2 is missing: 3 comes next",
        "position 3: stream a has version 3 where 2 is due",
        "position 4: the data is not JSON: EOF",
        "position 4: what is stored is not what was written",
        "position 6: what is stored is not what was written",
        "position 6: stream a has version 9 where 6 is due",
    ] {
        assert!(said.contains(finding), "{said} has no {finding:?}");
    }
}
