//! `storefront demo`: shops by script and prints the order's timeline as it happens.

use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, bail, eyre};
use storefront_api::{
    Cancel, Order, OrderId, OrderStatus, PaymentMethod, PaymentStatus, Product, ReopenReason, StepState, Timeline,
    TimelineQuery,
};
use storefront_client::{Client, IdempotencyKey};

use crate::cli::Scenario;
use crate::embedded::EmbeddedOptions;
use crate::line_mode::lines::{line, print, since};
use crate::line_mode::shopper::{Shopper, leave_one, plentiful, put_back};
use crate::line_mode::{close, open};
use crate::money;
use crate::view::when;

/// How long an order may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a scenario.
///
/// # Errors
/// When the shop cannot be reached, or the order ends otherwise than the scenario says.
pub(crate) async fn demo(server: Option<&str>, options: EmbeddedOptions, scenario: Scenario) -> Result<()> {
    let (client, shop) = open(server, options).await?;
    let result = tokio::select! {
        result = play(&client, scenario) => result,
        ended = tokio::signal::ctrl_c() => ended.map_err(Into::into).and_then(|()| Err(eyre!("The demo was stopped."))),
    };
    close(shop).await;
    result
}

async fn play(client: &Client, scenario: Scenario) -> Result<()> {
    print(&format!("Shopping at {}", client.base_url()))?;
    match scenario {
        Scenario::Happy => buy(client, card("pm_card_visa"), End::Confirmed).await,
        Scenario::Declined => buy(client, card("pm_card_visa_chargeDeclined"), End::Declined).await,
        Scenario::InsufficientFunds => {
            buy(client, card("pm_card_visa_chargeDeclinedInsufficientFunds"), End::Declined).await
        }
        Scenario::Authentication => buy(client, card("pm_card_authenticationRequired"), End::Declined).await,
        Scenario::ProcessingError => buy(client, card("pm_card_chargeDeclinedProcessingError"), End::Declined).await,
        Scenario::Slow => buy(client, card("pm_card_slow"), End::Confirmed).await,
        Scenario::NoPayment => buy(client, PaymentMethod::None, End::Confirmed).await,
        Scenario::SecondTry => second_try(client).await,
        Scenario::LastPiece => last_piece(client).await,
        Scenario::Cancelled => cancelled(client).await,
    }
}

async fn buy(client: &Client, payment: PaymentMethod, end: End) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = Story::new(client, shopper.order_id);
    shopper.check_out(payment).await?;
    story.until(end).await
}

async fn second_try(client: &Client) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = Story::new(client, shopper.order_id);
    shopper.check_out(card("pm_card_visa_chargeDeclined")).await?;
    story.until(End::Declined).await?;
    print("Again, with another card:")?;
    shopper.check_out(card("pm_card_visa")).await?;
    story.until(End::Confirmed).await
}

async fn cancelled(client: &Client) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = Story::new(client, shopper.order_id);
    shopper.check_out(card("pm_card_visa")).await?;
    story.until(End::Confirmed).await?;
    print("Ada changes her mind:")?;
    let reason = Cancel { reason: "changed my mind".to_owned() };
    client.cancel(shopper.order_id, &reason, &IdempotencyKey::new()).await?;
    story.until(End::Refunded).await
}

/// Two baskets, one piece: whoever reserves it first gets it, and the other is told so.
async fn last_piece(client: &Client) -> Result<()> {
    let products = plentiful(client).await?;
    let product = &products[0];
    let taken = leave_one(client, product).await?;
    let result = race(client, product).await;
    put_back(client, product, taken).await?;
    result
}

async fn race(client: &Client, product: &Product) -> Result<()> {
    print(&format!("One {} is left, and two shoppers want it.", product.name))?;
    let (ada, ben) = (Shopper::new(client, "Ada"), Shopper::new(client, "Ben"));
    ada.add(product, 1).await?;
    ben.add(product, 1).await?;
    let (first, second) = tokio::join!(ada.check_out(card("pm_card_visa")), ben.check_out(card("pm_card_visa")));
    let mut confirmed = 0;
    for (name, shopper, outcome) in [("Ada", &ada, first), ("Ben", &ben, second)] {
        print(&format!("{name}:"))?;
        match outcome {
            Err(refused) if refused.problem().is_some() => print(&format!("  refused: {refused}"))?,
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let order = Story::new(client, shopper.order_id).until_it_ends().await?;
                confirmed += u32::from(order.status == OrderStatus::Confirmed);
            }
        }
    }
    if confirmed != 1 {
        bail!("{confirmed} of the two orders were confirmed; it should be 1.");
    }
    print("One got it, the other was told.")?;
    Ok(())
}

async fn fill_basket(client: &Client) -> Result<Shopper> {
    let products = plentiful(client).await?;
    let shopper = Shopper::new(client, "Ada");
    shopper.add(&products[0], 1).await?;
    let order = shopper.add(&products[1], 2).await?;
    print(&format!(
        "Order {}: {} and 2 × {}, {}",
        order.id,
        products[0].name,
        products[1].name,
        money::shown(order.total)
    ))?;
    Ok(shopper)
}

fn card(token: &str) -> PaymentMethod {
    PaymentMethod::Card { token: token.to_owned() }
}

/// How an order is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Confirmed,
    Declined,
    Refunded,
}

impl End {
    /// Whether the order has come to an end, this one or another.
    fn is_settled(self, order: &Order) -> bool {
        match self {
            Self::Confirmed | Self::Declined => order.status != OrderStatus::CheckedOut,
            Self::Refunded => !matches!(order.payment_status, PaymentStatus::Paid | PaymentStatus::Refunding),
        }
    }

    fn is_reached(self, order: &Order) -> bool {
        match self {
            Self::Confirmed => order.status == OrderStatus::Confirmed,
            Self::Declined => {
                order.status == OrderStatus::InProgress
                    && matches!(order.reopened_because, Some(ReopenReason::PaymentDeclined { .. }))
            }
            Self::Refunded => order.status == OrderStatus::Cancelled && order.payment_status == PaymentStatus::Refunded,
        }
    }
}

/// An order's timeline as it is printed.
struct Story<'a> {
    client: &'a Client,
    id: OrderId,
    after: u64,
    /// The version of the order up to which its events have been printed.
    version: u64,
    /// When the event before happened.
    before_ms: Option<i64>,
}

impl<'a> Story<'a> {
    fn new(client: &'a Client, id: OrderId) -> Self {
        Self { client, id, after: 0, version: 0, before_ms: None }
    }

    /// Prints what happens until the order ends as it should.
    async fn until(&mut self, end: End) -> Result<()> {
        let began = Instant::now();
        let order = self.follow(|timeline| end.is_settled(&timeline.order)).await?;
        if !end.is_reached(&order) {
            bail!("The order ended as {:?}, not as the scenario says.", order.status);
        }
        let took = when::span(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
        print(&match (&order.number, &order.reopened_because) {
            (_, Some(reason)) => format!("Open again after {took}: {}", crate::update::sentence(reason)),
            (Some(number), None) if end == End::Confirmed => format!("Order {number} is confirmed, after {took}."),
            (Some(number), None) => format!("Order {number} is cancelled and refunded, after {took}."),
            (None, None) => format!("Done after {took}."),
        })?;
        Ok(())
    }

    /// Prints what happens until the order is confirmed or open again.
    async fn until_it_ends(&mut self) -> Result<Order> {
        self.follow(|timeline| timeline.order.status != OrderStatus::CheckedOut).await
    }

    /// Prints until `is_over` says so and nothing is under way any more.
    async fn follow(&mut self, is_over: impl Fn(&Timeline) -> bool) -> Result<Order> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let query = TimelineQuery { after: Some(self.after), wait: Some(5) };
            let timeline = self.client.timeline(self.id, &query).await?;
            for event in &timeline.events {
                let before = self.before_ms.replace(event.time.unix_ms()).unwrap_or(event.time.unix_ms());
                print(&line(event, &since(before, event)))?;
                if event.stream == format!("order-{}", self.id) {
                    self.version = event.version;
                }
            }
            self.after = timeline.next_after;
            let busy = timeline.steps.iter().any(|step| matches!(step.state, StepState::Running | StepState::Waiting));
            // The order is read after the events and may be ahead of them.
            let complete = self.after >= timeline.head && self.version >= timeline.order.version;
            if complete && !busy && is_over(&timeline) {
                return Ok(timeline.order);
            }
            if Instant::now() > deadline {
                bail!("The order did not come to its end within {} s.", PATIENCE.as_secs());
            }
        }
    }
}
