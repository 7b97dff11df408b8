//! What only the inside of the product service can see.

use super::*;

#[tokio::test]
async fn a_parked_reader_is_woken_by_the_next_change() {
    let service = ProductService::load(Vec::new(), true);
    let reader = {
        let service = service.clone();
        tokio::spawn(async move { service.wait_for_change_after(service.head()).await })
    };
    while service.head.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!reader.is_finished());
    service.reprice("kite", 1000, "Light winds").unwrap();
    reader.await.unwrap();
}

#[test]
fn a_long_feed_is_thinned_out_to_the_latest_change_of_each_product() {
    let service = ProductService::load(Vec::new(), true);
    for price in 1..=10_000 {
        service.reprice("kite", 1_000_000 + price, "Inflation").unwrap();
    }
    let changes = service.changes_after(0, usize::MAX);
    let kite = changes.iter().filter(|change| change.product_id == "kite").count();
    assert!(changes.len() <= MAX_CHANGES && kite < 200, "{} changes, {kite} of the kite", changes.len());
    assert_eq!(changes.last().map(|change| change.product.price), Some(1_010_000));
    assert!(changes.is_sorted_by_key(|change| change.sequence));
}
