//! Tests of the hash tree: later changes of the log are found, and events are proven without it.

use std::sync::Arc;

use storefront_eventlog::{
    EventSelector, Finding, HashTree, ImportError, Position, ProofError, ProofMismatch, SqliteStore, check, export,
    import, prove, verify_proof,
};

use crate::world::*;

/// The tree that the log stores.
async fn stored_tree(log: &Log) -> HashTree {
    log.hash_tree().await.unwrap().unwrap()
}

/// The tree over all events that are read.
async fn computed_tree(log: &Log) -> HashTree {
    let mut tree = HashTree::default();
    read_whole_log(log).await.iter().for_each(|event| tree.add(event));
    tree
}

pub(crate) async fn the_hash_of_a_log_is_that_of_its_events_however_they_were_written(log: Log) {
    assert_eq!(stored_tree(&log).await, HashTree::default());
    for turn in 0..40_usize {
        let batch = (0..turn % 5)
            .map(|part| empty_append().and(at_any_version(&format!("s-{part}"), new_events(1 + turn % 3))));
        append_in_order(&log, batch.collect()).await;
        assert_eq!(stored_tree(&log).await, computed_tree(&log).await, "after {turn}");
    }
    // A refused append does not change the tree, also within a batch.
    let refused = empty_append().and(at_version("s-0", 0, new_events(1)));
    let twice = new_events(1);
    let batch = [
        refused,
        empty_append().and(at_any_version("a", twice.clone())),
        empty_append().and(at_any_version("b", twice)),
    ];
    append_in_order(&log, batch.to_vec()).await;
    log.append(empty_append().with_checkpoint("mail", 1)).await.unwrap();
    assert_eq!(stored_tree(&log).await, computed_tree(&log).await);

    let mut lines = Vec::new();
    export(&*log, &mut lines).await.unwrap();
    let other: Log = Arc::new(SqliteStore::in_memory().unwrap());
    import(&*other, &mut lines.as_slice()).await.unwrap();
    assert_eq!(stored_tree(&other).await, stored_tree(&log).await, "the same log has the same hash everywhere");
    assert_eq!(check(&*log).await.unwrap().tree, Some(stored_tree(&log).await));
}

pub(crate) async fn every_event_is_proven_without_the_log_and_a_changed_proof_proves_nothing(log: Log) {
    assert!(matches!(prove(&*log, EventSelector::Position(Position(1))).await, Err(ProofError::Unknown)));
    append_events(&log, "a", 21).await;
    let root = stored_tree(&log).await.hash();
    for event in read_whole_log(&log).await {
        let proof = prove(&*log, EventSelector::Id(event.id)).await.unwrap();
        let text = serde_json::to_string(&proof).unwrap();
        assert!(text.len() < 2500, "{} bytes", text.len());
        let proven = verify_proof(&text).unwrap();
        assert_eq!((proven.event, proven.log_hash, proven.log_position), (event, root, Position(21)));
    }
    let proof = serde_json::to_string(&prove(&*log, EventSelector::Position(Position(7))).await.unwrap()).unwrap();
    let event = &read_whole_log(&log).await[6];
    for (from, to) in [
        ("thing.happened\"}", "thing.happen3d\"}"),
        ("\"position\":7", "\"position\":8"),
        ("\"version\":7", "\"version\":8"),
        ("\"actor\":\"tester\"", "\"actor\":\"forger\""),
        ("\"log_position\":21", "\"log_position\":20"),
    ] {
        let forged = proof.replacen(from, to, 1);
        assert_ne!(forged, proof, "{from} is not in it");
        assert!(matches!(verify_proof(&forged), Err(ProofMismatch::Wrong)), "{to}");
    }
    let other_event = proof.replace(&event.id.to_string(), &uuid::Uuid::now_v7().to_string());
    assert!(matches!(verify_proof(&other_event), Err(ProofMismatch::Wrong)));
    for unreadable in ["", "{}", &proof.replace("proof 1", "proof 2")] {
        assert!(matches!(verify_proof(unreadable), Err(ProofMismatch::Unreadable(_))), "{unreadable}");
    }
}

pub(crate) async fn a_changed_line_of_an_export_is_found(log: Log) {
    append_events(&log, "a", 30).await;
    let mut lines = Vec::new();
    export(&*log, &mut lines).await.unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let other = lines.lines().nth(16).unwrap().replacen("tester", "forger", 1);
    let changed: Vec<&str> =
        lines.lines().enumerate().map(|(index, line)| if index == 16 { &other } else { line }).collect();
    let empty = SqliteStore::in_memory().unwrap();
    let refused = import(&empty, &mut (changed.join("\n") + "\n").as_bytes()).await.unwrap_err();
    assert!(matches!(&refused, ImportError::Line { line: 17, why } if why.contains("hash")), "{refused}");
}

pub(crate) async fn a_changed_digit_is_found_and_reported_with_its_position(mut world: World) {
    append_events(&world.log(), "a", 300).await;
    append_events(&world.log(), "b", 1).await;
    if world.is_in_memory() {
        return;
    }
    world
        .tamper(
            "DROP TRIGGER events_are_never_changed; UPDATE events SET time_ms = time_ms + 1 WHERE position = 217",
            "ALTER TABLE eventlog.events DISABLE TRIGGER USER; GRANT ALL ON eventlog.events TO CURRENT_USER;
            UPDATE eventlog.events SET time_ms = time_ms + 1 WHERE position = 217",
        )
        .await;
    let report = check(&*world.log()).await.unwrap();
    assert_eq!(report.findings, [Finding::Changed { at: Position(217) }]);
    assert!(matches!(prove(&*world.log(), EventSelector::Position(Position(3))).await, Err(ProofError::Broken)));
}

pub(crate) async fn events_that_were_changed_with_their_checksums_are_found_by_the_hash(mut world: World) {
    append_events(&world.log(), "a", 30).await;
    if world.is_in_memory() {
        return;
    }
    world
        .tamper(
            "DROP TRIGGER events_are_never_changed; UPDATE events SET actor = 'forger', checksum = NULL WHERE position = 9",
            "ALTER TABLE eventlog.events DISABLE TRIGGER USER; GRANT ALL ON eventlog.events TO CURRENT_USER;
            UPDATE eventlog.events SET actor = 'forger', checksum = NULL WHERE position = 9",
        )
        .await;
    let report = check(&*world.log()).await.unwrap();
    assert!(matches!(report.findings[..], [Finding::Root { until: Position(30), .. }]), "{report}");
}

pub(crate) async fn the_hash_goes_on_when_the_log_is_opened_anew(mut world: World) {
    for turn in 0..5 {
        append_events(&world.log(), "a", 1 + turn).await;
        world.reopen().await;
        let log = world.log();
        assert_eq!(stored_tree(&log).await, computed_tree(&log).await);
    }
    assert!(check(&*world.log()).await.unwrap().is_sound());
}
