//! VAT rates, from the product service through the basket to the invoice.

use storefront_api::{ChangeProduct, EventQuery, OrderStatus, VatRate};

use crate::world::{VISA, World, eventually};

fn rate(percent: &str) -> VatRate {
    percent.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_with_decimals_come_from_the_product_service_and_stand_on_the_invoice() {
    let world = World::open().await;
    let product = world.product_with(3).await;
    for percent in ["5.5", "25.5", "8.1"] {
        let change = ChangeProduct { vat_rate_percent: Some(rate(percent)), ..ChangeProduct::default() };
        let changed = world.client.change_product(&product.id, &change).await.unwrap().value;
        assert_eq!(changed.vat_rate_percent, rate(percent));
    }
    let basket = world.a_basket(&product.id, 3).await;
    assert_eq!(basket.tax[0].rate_percent, rate("8.1"));
    let gross = basket.total.amount;
    let vat = (2 * gross * 81 + 1_081) / (2 * 1_081);
    assert_eq!(basket.tax[0].amount.amount, vat);
    world.buy(&basket, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let number = order.invoice.unwrap();
    let invoice = world.client.invoice(&number).await.unwrap().unwrap();
    assert_eq!((invoice.tax[0].rate_percent, invoice.tax[0].amount.amount), (rate("8.1"), vat));
    let text = reqwest::Client::new().get(format!("{}/v1/invoices/{number}", world.server.url()));
    let text = text.header("accept", "text/plain").send().await.unwrap().text().await.unwrap();
    assert!(text.contains("8.1 %") && text.contains("VAT rate"), "{text}");
    let json = reqwest::get(format!("{}/v1/products/{}", world.server.url(), product.id)).await.unwrap();
    let json: serde_json::Value = json.json().await.unwrap();
    assert_eq!(json["vat_rate_percent"].to_string(), "8.1", "a number of percent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_changes_reaches_the_baskets_and_the_invoice_has_the_right_one() {
    let world = World::open().await;
    let product = world.product_with(4).await;
    let (seen, unseen) = (world.a_basket(&product.id, 1).await, world.a_basket(&product.id, 2).await);
    let old = product.vat_rate_percent;
    let change = ChangeProduct { vat_rate_percent: Some(rate("2.1")), ..ChangeProduct::default() };
    world.client.change_product(&product.id, &change).await.unwrap();

    // One is bought at once, whether its basket has heard of it or not, and one after it has.
    world.buy(&unseen, VISA).await.unwrap();
    let basket_now = eventually("the basket knows the new rate", || async {
        let order = world.client.order(seen.id).await.unwrap().unwrap();
        (order.tax[0].rate_percent == rate("2.1")).then_some(order)
    })
    .await;
    assert_eq!(
        (basket_now.total, basket_now.items[0].notice.as_deref()),
        (seen.total, None),
        "what it costs is the same"
    );
    world.buy(&basket_now, VISA).await.unwrap();
    for id in [seen.id, unseen.id] {
        let order = world.wait_for_status(id, OrderStatus::Confirmed).await;
        let invoice = world.client.invoice(&order.invoice.unwrap()).await.unwrap().unwrap();
        assert_eq!(invoice.lines[0].vat_rate_percent, rate("2.1"));
        assert_eq!(invoice.tax.len(), 1);
        assert_eq!((invoice.tax[0].rate_percent, order.tax[0].rate_percent), (rate("2.1"), rate("2.1")));
        let query = EventQuery { stream: Some(format!("order-{id}")), ..EventQuery::default() };
        let events = world.client.events(&query).await.unwrap().events;
        let changed: Vec<_> = events.iter().filter(|event| event.kind == "order.vat_rate_changed_in_basket").collect();
        assert_eq!(changed.len(), 1, "once");
        assert_eq!(changed[0].data["old_rate_percent"].to_string(), old.to_string());
        assert_eq!(changed[0].data["new_rate_percent"].to_string(), "2.1");
    }
}
