//! The script of each scenario. It ends with a sentence about the result, after it has checked that the result is so.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use storefront_api::{Faults, Order, OrderId, OrderStatus, Page, ParkedSequence, Product, ReopenReason, Stub};
use storefront_eventlog::{Append, Expected, JsonText, NewEvent, StreamAppend, StreamName};

use super::Scenario;
use crate::lab::scenario_runner::{DECLINED_CARD, ScenarioFailed, ScenarioRunner, WORKING_CARD, parse_success};
use crate::{clock, random};

type ScenarioResult = Result<String, ScenarioFailed>;

/// Runs the script of a scenario. The futures are boxed because their nested types take the compiler minutes.
pub(super) fn play<'a>(runner: &'a ScenarioRunner<'a>, scenario: Scenario) -> BoxFuture<'a, ScenarioResult> {
    match scenario {
        Scenario::HappyPath => happy_path(runner).boxed(),
        Scenario::CardDeclined => card_declined(runner).boxed(),
        Scenario::OutOfStock => out_of_stock(runner).boxed(),
        Scenario::ProductServiceDown => product_service_down(runner).boxed(),
        Scenario::MailDown => mail_down(runner).boxed(),
        Scenario::Webhooks => webhooks(runner).boxed(),
        Scenario::ServerKilled => server_killed(runner).boxed(),
        Scenario::Race => race(runner).boxed(),
        Scenario::PoisonEvent => poison_event(runner).boxed(),
    }
}

async fn happy_path(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let ada = fill_basket(runner).await?;
    runner.narrate("Ada pays with a card that works.").await;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    let order = runner.wait_until_confirmed(ada).await?;
    runner.narrate(format!("The order is confirmed as {}. Its mail is on the way.", number(&order))).await;
    runner.wait_for_event(ada, "email.sent").await?;
    Ok(format!("Order {} is confirmed, paid and mailed.", number(&order)))
}

async fn card_declined(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let ada = fill_basket(runner).await?;
    runner.narrate("Ada pays with a card that the bank declines.").await;
    runner.buy(ada, "Ada", DECLINED_CARD).await?;
    let order = runner.wait_until_settled(ada).await?;
    let declined = matches!(order.reopened_because, Some(ReopenReason::PaymentDeclined { .. }));
    if order.status != OrderStatus::InProgress || !declined {
        return Err(ScenarioFailed(format!(
            "The order is {:?}, and not open again because of the card.",
            order.status
        )));
    }
    runner.wait_for_event(ada, "stock.released").await?;
    Ok("The card was declined, the stock is back on the shelf, and the basket is open again.".to_owned())
}

async fn out_of_stock(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let (ada, ben) = (runner.order(0)?, runner.order(1)?);
    let product = take_all_but_one(runner).await?;
    runner.add(ada, &product, 1).await?;
    runner.add(ben, &product, 1).await?;
    runner.narrate("Ada and Ben both have it in their baskets. Ada buys.").await;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    runner.wait_until_confirmed(ada).await?;
    let path = format!("/v1/products/{}", product.id);
    let gone = || async { Ok((runner.get::<Product>(&path).await?.available == 0).then_some(())) };
    runner.wait_until("the shelf was seen to be empty", gone).await?;
    runner.narrate("Ada has it. Now Ben wants to buy.").await;
    let answer = runner.check_out(ben, "Ben", WORKING_CARD).await?;
    if answer.status != 409 {
        return Err(ScenarioFailed(format!("Ben was answered {} instead of 409: out of stock.", answer.status)));
    }
    let basket = runner.get_order(ben).await?;
    if basket.status != OrderStatus::InProgress || basket.items.len() != 1 {
        return Err(ScenarioFailed("Ben's basket is not as it was.".to_owned()));
    }
    Ok(format!("Ada has the last {}. Ben was told, his basket is as it was, and he paid nothing.", product.name))
}

async fn product_service_down(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    runner.narrate("The plug of the product service is pulled.").await;
    runner.set_faults(Stub::Products, Faults { outage: true, ..Faults::default() }).await?;
    runner.wait_for_product_service("stale").await?;
    runner
        .narrate("The shop has noticed: the catalogue shows what it knows, marked stale. Ada shops all the same.")
        .await;
    let ada = fill_basket(runner).await?;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    let order = runner.wait_until_confirmed(ada).await?;
    runner
        .narrate(format!("Order {} is confirmed without the product service. It is plugged in again.", number(&order)))
        .await;
    runner.restore_faults(Stub::Products).await?;
    runner.wait_for_product_service("live").await?;
    Ok(format!("Order {} did not notice the outage, and the catalogue is live again.", number(&order)))
}

async fn mail_down(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let ada = fill_basket(runner).await?;
    runner.narrate("The plug of the mail server is pulled, and Ada buys.").await;
    runner.set_faults(Stub::Mail, Faults { outage: true, ..Faults::default() }).await?;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    let order = runner.wait_until_confirmed(ada).await?;
    runner.narrate(format!("Order {} is confirmed: it does not wait for its mail.", number(&order))).await;
    let attempts = runner.wait_for_retries("mail", ada, 2).await?;
    runner.narrate(format!("The mail was tried {attempts} times in vain. The mail server is plugged in again.")).await;
    runner.restore_faults(Stub::Mail).await?;
    runner.wait_for_event(ada, "email.sent").await?;
    Ok(format!("Order {} was confirmed at once; its mail arrived when the server was back.", number(&order)))
}

async fn webhooks(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let ada = fill_basket(runner).await?;
    runner
        .narrate("The card gateway loses its answers, and tells its news twice and in the wrong order. Ada buys.")
        .await;
    let faults = Faults { lose_answers: true, duplicate: true, reorder: true, ..Faults::default() };
    runner.set_faults(Stub::Cards, faults).await?;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    let order = runner.wait_until_confirmed(ada).await.map_err(|ScenarioFailed(why)| {
        ScenarioFailed(format!(
            "{why} Is the gateway told where to send its news? storefront-mocks --webhook says where."
        ))
    })?;
    runner.restore_faults(Stub::Cards).await?;
    expect_once(runner, ada, &["payment.succeeded", "order.confirmed"]).await?;
    Ok(format!("Order {} was paid and confirmed once, by news alone.", number(&order)))
}

async fn server_killed(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let ada = fill_basket(runner).await?;
    runner
        .narrate("The card gateway holds its answers back, so that we can look between a charge and its answer.")
        .await;
    runner.set_faults(Stub::Cards, Faults { hold_answers: true, ..Faults::default() }).await?;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    let charged = || async { Ok((runner.lab.stubs.count_charges(ada).await? > 0).then_some(())) };
    runner.wait_until("the card was charged", charged).await?;
    if runner.count(ada, "payment.succeeded").await? > 0 {
        return Err(ScenarioFailed("The outcome was written down before anything could be killed.".to_owned()));
    }
    runner
        .narrate(
            "The card is charged, and the shop does not know it yet. Now everything that works by itself is killed.",
        )
        .await;
    runner.kill_workers().await;
    runner.narrate("Nobody works: the order stands where it was, and its leases were not given back.").await;
    runner.restart_workers();
    runner
        .narrate("They begin again, and find in the log what was asked of the gateway. They ask under the same key.")
        .await;
    runner.restore_faults(Stub::Cards).await?;
    let order = runner.wait_until_confirmed(ada).await?;
    expect_once(runner, ada, &["payment.requested", "payment.succeeded", "order.confirmed"]).await?;
    let charges = runner.lab.stubs.count_charges(ada).await?;
    if charges != 1 {
        return Err(ScenarioFailed(format!("The card was charged {charges} times.")));
    }
    Ok(format!("Order {} is confirmed, and the card was charged once.", number(&order)))
}

async fn race(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let (ada, ben) = (runner.order(0)?, runner.order(1)?);
    let product = take_all_but_one(runner).await?;
    runner.add(ada, &product, 1).await?;
    runner.add(ben, &product, 1).await?;
    runner.narrate("Ada and Ben both have it in their baskets, and check out at the same moment.").await;
    let (first, second) =
        tokio::join!(runner.check_out(ada, "Ada", WORKING_CARD), runner.check_out(ben, "Ben", WORKING_CARD));
    let mut winners = Vec::new();
    for (shopper, order, answer) in [("Ada", ada, first?), ("Ben", ben, second?)] {
        // The later checkout is refused at once, or finds the stock used up during the checkout.
        if answer.status != 409 {
            parse_success::<Order>(answer)?;
        }
        let order = runner.wait_until_settled(order).await?;
        if order.status == OrderStatus::Confirmed {
            winners.push(shopper);
        } else if runner.lab.stubs.count_charges(order.id).await? > 0 {
            return Err(ScenarioFailed(format!("{shopper} paid and got nothing.")));
        }
    }
    match winners.as_slice() {
        [winner] => {
            Ok(format!("{winner} has the last {}. The other's basket is open, and nothing was charged.", product.name))
        }
        all => Err(ScenarioFailed(format!("{} of the two got it; it should be one.", all.len()))),
    }
}

async fn poison_event(runner: &ScenarioRunner<'_>) -> ScenarioResult {
    let ada = fill_basket(runner).await?;
    let ben = runner.order(1)?;
    runner.narrate("A mail about Ada's order is asked for that this program cannot read: a poison event.").await;
    append_poison_event(runner, ada).await?;
    let sequence = ada.to_string();
    let parked = || async {
        let page: Page<ParkedSequence> = runner.get("/v1/processes/mail/parked?limit=100").await?;
        Ok(page.items.into_iter().find(|parked| parked.sequence == sequence))
    };
    runner.wait_until("it was parked", parked).await?;
    runner.narrate("The process mail has parked it. Ada buys all the same, and so does Ben.").await;
    runner.buy(ada, "Ada", WORKING_CARD).await?;
    let product = runner.products().await?.remove(0);
    runner.add(ben, &product, 1).await?;
    runner.buy(ben, "Ben", WORKING_CARD).await?;
    runner.wait_until_confirmed(ada).await?;
    runner.wait_until_confirmed(ben).await?;
    runner.wait_for_event(ben, "email.sent").await?;
    let waits = || async { Ok(parked().await?.filter(|parked| parked.waiting > 0)) };
    let found = runner.wait_until("Ada's mail waited behind it", waits).await?;
    if runner.count(ada, "email.sent").await? > 0 {
        return Err(ScenarioFailed("Ada's mail did not wait behind the poison event.".to_owned()));
    }
    Ok(format!(
        "Ben's order and mail went through. Ada's is confirmed, and its mail waits behind event {}, until somebody skips it.",
        found.position
    ))
}

async fn fill_basket(runner: &ScenarioRunner<'_>) -> Result<OrderId, ScenarioFailed> {
    let ada = runner.order(0)?;
    let products = runner.products().await?;
    let mut names = Vec::new();
    for product in products.iter().take(2) {
        runner.add(ada, product, 1).await?;
        names.push(product.name.as_str());
    }
    runner.narrate(format!("Ada puts {} into her basket.", names.join(" and "))).await;
    Ok(ada)
}

async fn take_all_but_one(runner: &ScenarioRunner<'_>) -> Result<Product, ScenarioFailed> {
    let product = runner.products().await?.remove(0);
    runner.leave_one_in_stock(&product).await?;
    let text = format!("One {} is left on the shelf; the others are put back when the story ends.", product.name);
    runner.narrate(text).await;
    Ok(product)
}

/// Appends a mail request of an unknown kind, as a later version of the shop might write it.
async fn append_poison_event(runner: &ScenarioRunner<'_>, order: OrderId) -> Result<(), ScenarioFailed> {
    let failed =
        |error: &dyn std::fmt::Display| ScenarioFailed(format!("The poison event cannot be written: {error}."));
    let data = serde_json::json!({ "order_id": order, "kind": "singing_telegram", "to": "ada@example.com" });
    let id = random::id();
    let event = NewEvent {
        id,
        kind: "email.requested".to_owned(),
        schema_version: 1,
        time_ms: clock::now().unix_ms(),
        correlation_id: order.to_string(),
        causation_id: None,
        actor: "lab".to_owned(),
        data: JsonText::of(&data).map_err(|error| failed(&error))?,
    };
    let stream = StreamName::new(format!("email-{id}")).map_err(|error| failed(&error))?;
    let streams = vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }];
    runner.lab.store.append(Append { streams, ..Append::default() }).await.map_err(|error| failed(&error))?;
    Ok(())
}

/// Checks that each of these events happened exactly once.
async fn expect_once(runner: &ScenarioRunner<'_>, order: OrderId, kinds: &[&str]) -> Result<(), ScenarioFailed> {
    for kind in kinds {
        let times = runner.count(order, kind).await?;
        if times != 1 {
            return Err(ScenarioFailed(format!(
                "{kind} stands in the order's timeline {times} times instead of once."
            )));
        }
    }
    Ok(())
}

fn number(order: &Order) -> &str {
    order.number.as_deref().unwrap_or("without a number")
}
