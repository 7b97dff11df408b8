//! How each scenario goes. A story ends with a sentence of what has been seen, after it has looked that it is so.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use storefront_api::{Faults, Order, OrderId, OrderStatus, Page, ParkedSequence, Product, ReopenReason, Stub};
use storefront_eventlog::{Append, Expected, JsonText, NewEvent, StreamAppend, StreamName};

use super::Scenario;
use crate::lab::scenario_runner::{DECLINED, ScenarioFailed, ScenarioRunner, VISA, taken};
use crate::{clock, random};

type Narration = Result<String, ScenarioFailed>;

/// Plays a scenario to its end. Each story is a future of its own kind behind a pointer: nested in one another, their types
/// take the compiler minutes.
pub(super) fn play<'a>(stage: &'a ScenarioRunner<'a>, scenario: Scenario) -> BoxFuture<'a, Narration> {
    match scenario {
        Scenario::HappyPath => happy_path(stage).boxed(),
        Scenario::CardDeclined => card_declined(stage).boxed(),
        Scenario::OutOfStock => out_of_stock(stage).boxed(),
        Scenario::ProductServiceDown => product_service_down(stage).boxed(),
        Scenario::MailDown => mail_down(stage).boxed(),
        Scenario::Webhooks => webhooks(stage).boxed(),
        Scenario::ServerKilled => server_killed(stage).boxed(),
        Scenario::Race => race(stage).boxed(),
        Scenario::PoisonEvent => poison_event(stage).boxed(),
    }
}

async fn happy_path(stage: &ScenarioRunner<'_>) -> Narration {
    let ada = ada_fills_her_basket(stage).await?;
    stage.tell("Ada pays with a card that works.").await;
    stage.buy(ada, "Ada", VISA).await?;
    let order = stage.is_confirmed(ada).await?;
    stage.tell(format!("The order is confirmed as {}. Its mail is on the way.", number(&order))).await;
    stage.happens(ada, "email.sent").await?;
    Ok(format!("Order {} is confirmed, paid and mailed.", number(&order)))
}

async fn card_declined(stage: &ScenarioRunner<'_>) -> Narration {
    let ada = ada_fills_her_basket(stage).await?;
    stage.tell("Ada pays with a card that the bank declines.").await;
    stage.buy(ada, "Ada", DECLINED).await?;
    let order = stage.settles(ada).await?;
    let declined = matches!(order.reopened_because, Some(ReopenReason::PaymentDeclined { .. }));
    if order.status != OrderStatus::InProgress || !declined {
        return Err(ScenarioFailed(format!(
            "The order is {:?}, and not open again because of the card.",
            order.status
        )));
    }
    stage.happens(ada, "stock.released").await?;
    Ok("The card was declined, the stock is back on the shelf, and the basket is open again.".to_owned())
}

async fn out_of_stock(stage: &ScenarioRunner<'_>) -> Narration {
    let (ada, ben) = (stage.order(0)?, stage.order(1)?);
    let product = the_last_piece_of_something(stage).await?;
    stage.add(ada, &product, 1).await?;
    stage.add(ben, &product, 1).await?;
    stage.tell("Ada and Ben both have it in their baskets. Ada buys.").await;
    stage.buy(ada, "Ada", VISA).await?;
    stage.is_confirmed(ada).await?;
    let path = format!("/v1/products/{}", product.id);
    let gone = || async { Ok((stage.read::<Product>(&path).await?.available == 0).then_some(())) };
    stage.until("the shelf was seen to be empty", gone).await?;
    stage.tell("Ada has it. Now Ben wants to buy.").await;
    let answer = stage.check_out(ben, "Ben", VISA).await?;
    if answer.status != 409 {
        return Err(ScenarioFailed(format!("Ben was answered {} instead of 409: out of stock.", answer.status)));
    }
    let basket = stage.see(ben).await?;
    if basket.status != OrderStatus::InProgress || basket.items.len() != 1 {
        return Err(ScenarioFailed("Ben's basket is not as it was.".to_owned()));
    }
    Ok(format!("Ada has the last {}. Ben was told, his basket is as it was, and he paid nothing.", product.name))
}

async fn product_service_down(stage: &ScenarioRunner<'_>) -> Narration {
    stage.tell("The plug of the product service is pulled.").await;
    stage.breaks(Stub::Products, Faults { outage: true, ..Faults::default() }).await?;
    stage.product_service_is("stale").await?;
    stage.tell("The shop has noticed: the catalogue shows what it knows, marked stale. Ada shops all the same.").await;
    let ada = ada_fills_her_basket(stage).await?;
    stage.buy(ada, "Ada", VISA).await?;
    let order = stage.is_confirmed(ada).await?;
    stage
        .tell(format!("Order {} is confirmed without the product service. It is plugged in again.", number(&order)))
        .await;
    stage.mends(Stub::Products).await?;
    stage.product_service_is("live").await?;
    Ok(format!("Order {} did not notice the outage, and the catalogue is live again.", number(&order)))
}

async fn mail_down(stage: &ScenarioRunner<'_>) -> Narration {
    let ada = ada_fills_her_basket(stage).await?;
    stage.tell("The plug of the mail server is pulled, and Ada buys.").await;
    stage.breaks(Stub::Mail, Faults { outage: true, ..Faults::default() }).await?;
    stage.buy(ada, "Ada", VISA).await?;
    let order = stage.is_confirmed(ada).await?;
    stage.tell(format!("Order {} is confirmed: it does not wait for its mail.", number(&order))).await;
    let attempts = stage.is_retried("mail", ada, 2).await?;
    stage.tell(format!("The mail was tried {attempts} times in vain. The mail server is plugged in again.")).await;
    stage.mends(Stub::Mail).await?;
    stage.happens(ada, "email.sent").await?;
    Ok(format!("Order {} was confirmed at once; its mail arrived when the server was back.", number(&order)))
}

async fn webhooks(stage: &ScenarioRunner<'_>) -> Narration {
    let ada = ada_fills_her_basket(stage).await?;
    stage.tell("The card gateway loses its answers, and tells its news twice and in the wrong order. Ada buys.").await;
    let faults = Faults { lose_answers: true, duplicate: true, reorder: true, ..Faults::default() };
    stage.breaks(Stub::Cards, faults).await?;
    stage.buy(ada, "Ada", VISA).await?;
    let order = stage.is_confirmed(ada).await.map_err(|ScenarioFailed(why)| {
        ScenarioFailed(format!(
            "{why} Is the gateway told where to send its news? storefront-mocks --webhook says where."
        ))
    })?;
    stage.mends(Stub::Cards).await?;
    once(stage, ada, &["payment.succeeded", "order.confirmed"]).await?;
    Ok(format!("Order {} was paid and confirmed once, by news alone.", number(&order)))
}

async fn server_killed(stage: &ScenarioRunner<'_>) -> Narration {
    let ada = ada_fills_her_basket(stage).await?;
    stage.tell("The card gateway holds its answers back, so that we can look between a charge and its answer.").await;
    stage.breaks(Stub::Cards, Faults { hold_answers: true, ..Faults::default() }).await?;
    stage.buy(ada, "Ada", VISA).await?;
    let charged = || async { Ok((stage.lab.stubs.charges_for(ada).await? > 0).then_some(())) };
    stage.until("the card was charged", charged).await?;
    if stage.count(ada, "payment.succeeded").await? > 0 {
        return Err(ScenarioFailed("The outcome was written down before anything could be killed.".to_owned()));
    }
    stage
        .tell("The card is charged, and the shop does not know it yet. Now everything that works by itself is killed.")
        .await;
    stage.kill().await;
    stage.tell("Nobody works: the order stands where it was, and its leases were not given back.").await;
    stage.begin_again();
    stage
        .tell("They begin again, and find in the log what was asked of the gateway. They ask under the same key.")
        .await;
    stage.mends(Stub::Cards).await?;
    let order = stage.is_confirmed(ada).await?;
    once(stage, ada, &["payment.requested", "payment.succeeded", "order.confirmed"]).await?;
    let charges = stage.lab.stubs.charges_for(ada).await?;
    if charges != 1 {
        return Err(ScenarioFailed(format!("The card was charged {charges} times.")));
    }
    Ok(format!("Order {} is confirmed, and the card was charged once.", number(&order)))
}

async fn race(stage: &ScenarioRunner<'_>) -> Narration {
    let (ada, ben) = (stage.order(0)?, stage.order(1)?);
    let product = the_last_piece_of_something(stage).await?;
    stage.add(ada, &product, 1).await?;
    stage.add(ben, &product, 1).await?;
    stage.tell("Ada and Ben both have it in their baskets, and check out at the same moment.").await;
    let (first, second) = tokio::join!(stage.check_out(ada, "Ada", VISA), stage.check_out(ben, "Ben", VISA));
    let mut winners = Vec::new();
    for (shopper, order, answer) in [("Ada", ada, first?), ("Ben", ben, second?)] {
        // Whoever comes a little later is refused at once, or finds the shelf empty on the way.
        if answer.status != 409 {
            taken::<Order>(answer)?;
        }
        let order = stage.settles(order).await?;
        if order.status == OrderStatus::Confirmed {
            winners.push(shopper);
        } else if stage.lab.stubs.charges_for(order.id).await? > 0 {
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

async fn poison_event(stage: &ScenarioRunner<'_>) -> Narration {
    let ada = ada_fills_her_basket(stage).await?;
    let ben = stage.order(1)?;
    stage.tell("A mail about Ada's order is asked for that this program cannot read: a poison event.").await;
    poison(stage, ada).await?;
    let sequence = ada.to_string();
    let parked = || async {
        let page: Page<ParkedSequence> = stage.read("/v1/processes/mail/parked?limit=100").await?;
        Ok(page.items.into_iter().find(|parked| parked.sequence == sequence))
    };
    stage.until("it was parked", parked).await?;
    stage.tell("The process mail has parked it. Ada buys all the same, and so does Ben.").await;
    stage.buy(ada, "Ada", VISA).await?;
    let product = stage.products().await?.remove(0);
    stage.add(ben, &product, 1).await?;
    stage.buy(ben, "Ben", VISA).await?;
    stage.is_confirmed(ada).await?;
    stage.is_confirmed(ben).await?;
    stage.happens(ben, "email.sent").await?;
    let waits = || async { Ok(parked().await?.filter(|parked| parked.waiting > 0)) };
    let found = stage.until("Ada's mail waited behind it", waits).await?;
    if stage.count(ada, "email.sent").await? > 0 {
        return Err(ScenarioFailed("Ada's mail did not wait behind the poison event.".to_owned()));
    }
    Ok(format!(
        "Ben's order and mail went through. Ada's is confirmed, and its mail waits behind event {}, until somebody skips it.",
        found.position
    ))
}

async fn ada_fills_her_basket(stage: &ScenarioRunner<'_>) -> Result<OrderId, ScenarioFailed> {
    let ada = stage.order(0)?;
    let products = stage.products().await?;
    let mut names = Vec::new();
    for product in products.iter().take(2) {
        stage.add(ada, product, 1).await?;
        names.push(product.name.as_str());
    }
    stage.tell(format!("Ada puts {} into her basket.", names.join(" and "))).await;
    Ok(ada)
}

async fn the_last_piece_of_something(stage: &ScenarioRunner<'_>) -> Result<Product, ScenarioFailed> {
    let product = stage.products().await?.remove(0);
    stage.leave_one(&product).await?;
    let told = format!("One {} is left on the shelf; the others are put back when the story ends.", product.name);
    stage.tell(told).await;
    Ok(product)
}

/// Writes that a mail is to be sent of a kind that nobody knows, as a later version of the shop might write it.
async fn poison(stage: &ScenarioRunner<'_>, order: OrderId) -> Result<(), ScenarioFailed> {
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
    stage.lab.store.append(Append { streams, ..Append::default() }).await.map_err(|error| failed(&error))?;
    Ok(())
}

/// Looks that each of these happened exactly once.
async fn once(stage: &ScenarioRunner<'_>, order: OrderId, kinds: &[&str]) -> Result<(), ScenarioFailed> {
    for kind in kinds {
        let times = stage.count(order, kind).await?;
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
