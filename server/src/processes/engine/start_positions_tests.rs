//! Start positions of processes, on a real log in memory.

use storefront_domain::order::OrderEvent;
use storefront_eventlog::{Append, Checkpoint, Filter};

use super::*;
use crate::testing::{a_log, added, at_second, order, started};

async fn a_basket(store: &Store, number: u128) {
    let cause = Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() };
    let mut batch = AppendBuilder::new(at_second(1), cause);
    batch.add::<OrderEvent>(
        streams::order(order(number)),
        storefront_eventlog::Version(0),
        &[started(), added("mug", 1)],
    );
    store.append(batch.into_append()).await.unwrap();
}

async fn all_start_positions(store: &Store) -> Vec<u64> {
    let mut positions = Vec::new();
    for name in PROCESSES_WITH_START_POSITION {
        positions.push(start_position(store, name).await.unwrap().0);
    }
    positions
}

#[tokio::test]
async fn in_an_empty_log_they_act_on_everything_however_often_the_shop_is_opened() {
    let store = a_log();
    for opened in 1..=3 {
        record_start_positions(&store).await.unwrap();
        assert_eq!(
            all_start_positions(&store).await,
            [0; PROCESSES_WITH_START_POSITION.len()],
            "opened for the {opened}. time"
        );
        a_basket(&store, opened).await;
    }
    let page = store.read_all(Position(0), 100, &Filter::default()).await.unwrap();
    let said = page.events.iter().filter(|recorded| recorded.kind() == "process.introduced").count();
    assert_eq!(said, PROCESSES_WITH_START_POSITION.len(), "each says it once");
    let first = page.events.iter().position(|recorded| recorded.kind().starts_with("order.")).unwrap();
    assert_eq!(first, PROCESSES_WITH_START_POSITION.len(), "before the first order");
}

#[tokio::test]
async fn in_a_log_that_has_never_heard_of_them_all_that_is_there_is_past() {
    let store = a_log();
    a_basket(&store, 1).await;
    let head = store.head().await.unwrap().0;
    record_start_positions(&store).await.unwrap();
    a_basket(&store, 2).await;
    for opened in ["once", "again"] {
        assert_eq!(all_start_positions(&store).await, [head; PROCESSES_WITH_START_POSITION.len()], "opened {opened}");
        record_start_positions(&store).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_was_there_before_the_rule_goes_on_where_it_was() {
    let store = a_log();
    a_basket(&store, 1).await;
    let checkpoint = Checkpoint { consumer: PROCESSES_WITH_START_POSITION[0].to_owned(), position: Position(2) };
    store.append(Append { checkpoints: vec![checkpoint], ..Append::default() }).await.unwrap();
    record_start_positions(&store).await.unwrap();
    assert_eq!(start_position(&store, PROCESSES_WITH_START_POSITION[0]).await.unwrap(), Position(0));
    assert_eq!(start_position(&store, PROCESSES_WITH_START_POSITION[1]).await.unwrap(), Position(2));
}
