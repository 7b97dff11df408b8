//! `storefront demo`: places orders by script and prints the timeline of each as it grows.

use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, bail, eyre};
use storefront_api::{
    Cancel, Order, OrderId, OrderStatus, PaymentMethod, PaymentStatus, ReopenReason, ScenarioState, StepState,
    Timeline, TimelineQuery,
};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::cli::Scenario;
use crate::embedded::EmbeddedOptions;
use crate::line_mode::lines::{line, print, since};
use crate::line_mode::shopper::{Shopper, plentiful};
use crate::line_mode::{ShopTarget, close, explain_session_required};
use crate::money;
use crate::view::when;

/// Timeout for an order to reach its end.
const ORDER_TIMEOUT: Duration = Duration::from_secs(60);
/// Interval between two polls of a running scenario.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Plays a scenario.
///
/// # Errors
/// When the shop cannot be reached, or the order ends otherwise than the scenario says.
pub(crate) async fn demo(which: ShopTarget, options: EmbeddedOptions, scenario: Scenario) -> Result<()> {
    let (client, shop) = which.open(options).await?;
    let result = tokio::select! {
        result = play(&client, scenario) => result,
        ended = tokio::signal::ctrl_c() => ended.map_err(Into::into).and_then(|()| Err(eyre!("The demo was stopped."))),
    };
    close(shop).await;
    result.map_err(explain_session_required)
}

async fn play(client: &Client, scenario: Scenario) -> Result<()> {
    print(&format!("Shopping at {}", client.base_url())).await?;
    let client = &shopping(client).await?;
    match scenario {
        Scenario::Happy => buy(client, card("pm_card_visa"), ExpectedEnd::Confirmed).await,
        Scenario::Declined => buy(client, card("pm_card_visa_chargeDeclined"), ExpectedEnd::Declined).await,
        Scenario::InsufficientFunds => {
            buy(client, card("pm_card_visa_chargeDeclinedInsufficientFunds"), ExpectedEnd::Declined).await
        }
        Scenario::Authentication => authentication(client).await,
        Scenario::ProcessingError => {
            buy(client, card("pm_card_chargeDeclinedProcessingError"), ExpectedEnd::Declined).await
        }
        Scenario::Slow => buy(client, card("pm_card_slow"), ExpectedEnd::Confirmed).await,
        Scenario::NoPayment => buy(client, PaymentMethod::None, ExpectedEnd::Confirmed).await,
        Scenario::SecondTry => second_try(client).await,
        Scenario::LastPiece => in_the_lab(client, "two-shoppers-race-for-one-unit").await,
        Scenario::OutOfStock => in_the_lab(client, "out-of-stock-on-the-last-unit").await,
        Scenario::ProductServiceDown => in_the_lab(client, "product-service-down").await,
        Scenario::MailDown => in_the_lab(client, "mail-down").await,
        Scenario::Webhooks => in_the_lab(client, "duplicate-and-out-of-order-webhooks").await,
        Scenario::ServerKilled => in_the_lab(client, "server-killed-in-mid-checkout").await,
        Scenario::PoisonEvent => in_the_lab(client, "poison-event").await,
        Scenario::Cancelled => cancelled(client).await,
    }
}

/// The client with a session where a shop wants one of everybody: of a guest, unless an API key is there.
async fn shopping(client: &Client) -> Result<Client> {
    if client.has_token() {
        return Ok(client.clone());
    }
    match client.begin_as_guest().await {
        Ok(guest) => Ok(client.with_token(guest.token)),
        // An open shop has no guests.
        Err(ClientError::Problem(problem)) if problem.status == 404 => Ok(client.clone()),
        Err(error) => Err(error.into()),
    }
}

async fn buy(client: &Client, payment: PaymentMethod, end: ExpectedEnd) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = TimelinePrinter::new(client, shopper.order_id);
    shopper.check_out(payment).await?;
    story.print_until(end).await
}

/// The card's owner never confirms at the bank: the order is cancelled, and with it the payment.
async fn authentication(client: &Client) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = TimelinePrinter::new(client, shopper.order_id);
    shopper.check_out(card("pm_card_authenticationRequired")).await?;
    let url = story.print_until_authentication().await?;
    print(&format!("The bank asks at {url}; Ada does not answer and cancels:")).await?;
    let reason = Cancel { reason: "could not answer the bank".to_owned() };
    client.cancel(shopper.order_id, &reason, &IdempotencyKey::new()).await?;
    story.print_until(ExpectedEnd::NeverCharged).await
}

async fn second_try(client: &Client) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = TimelinePrinter::new(client, shopper.order_id);
    shopper.check_out(card("pm_card_visa_chargeDeclined")).await?;
    story.print_until(ExpectedEnd::Declined).await?;
    print("Again, with another card:").await?;
    shopper.check_out(card("pm_card_visa")).await?;
    story.print_until(ExpectedEnd::Confirmed).await
}

async fn cancelled(client: &Client) -> Result<()> {
    let shopper = fill_basket(client).await?;
    let mut story = TimelinePrinter::new(client, shopper.order_id);
    shopper.check_out(card("pm_card_visa")).await?;
    story.print_until(ExpectedEnd::Confirmed).await?;
    print("Ada changes her mind:").await?;
    let reason = Cancel { reason: "changed my mind".to_owned() };
    client.cancel(shopper.order_id, &reason, &IdempotencyKey::new()).await?;
    story.print_until(ExpectedEnd::Refunded).await
}

/// Plays a scenario in the shop's lab and prints its texts, then the timeline of each order.
async fn in_the_lab(client: &Client, name: &str) -> Result<()> {
    plentiful(client).await?;
    client.play_scenario(name).await?;
    let deadline = Instant::now() + ORDER_TIMEOUT;
    let mut told = 0;
    let run = loop {
        let scenario = client.scenario(name).await?.and_then(|scenario| scenario.last_run);
        let run = scenario.ok_or_else(|| eyre!("The shop was started over in the middle of the scenario."))?;
        for step in run.steps.iter().skip(told) {
            print(&step.text).await?;
        }
        told = run.steps.len();
        if run.state != ScenarioState::Running {
            break run;
        }
        if Instant::now() > deadline {
            bail!("The scenario did not come to its end within {} s.", ORDER_TIMEOUT.as_secs());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    };
    for id in &run.orders {
        print(&format!("Order {id}:")).await?;
        TimelinePrinter::new(client, *id).print_new().await?;
    }
    let outcome = run.outcome.unwrap_or_default();
    match run.state {
        ScenarioState::Finished => Ok(print(&outcome).await?),
        ScenarioState::Failed | ScenarioState::Running | ScenarioState::Unknown => bail!(outcome),
    }
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
    ))
    .await?;
    Ok(shopper)
}

fn card(token: &str) -> PaymentMethod {
    PaymentMethod::Card { token: token.to_owned() }
}

/// The end that a scenario expects of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpectedEnd {
    Confirmed,
    Declined,
    Refunded,
    NeverCharged,
}

impl ExpectedEnd {
    /// Whether the order has reached this end or another one.
    fn is_settled(self, order: &Order) -> bool {
        match self {
            Self::Confirmed | Self::Declined => order.status != OrderStatus::CheckedOut,
            Self::NeverCharged => order.status != OrderStatus::CheckedOut,
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
            Self::NeverCharged => order.status == OrderStatus::Cancelled && order.payment_status == PaymentStatus::None,
            Self::Refunded => order.status == OrderStatus::Cancelled && order.payment_status == PaymentStatus::Refunded,
        }
    }
}

/// Prints an order's timeline as it grows.
struct TimelinePrinter<'a> {
    client: &'a Client,
    id: OrderId,
    after: u64,
    /// The version of the order up to which its events have been printed.
    version: u64,
    /// When the event before happened.
    before_ms: Option<i64>,
}

impl<'a> TimelinePrinter<'a> {
    fn new(client: &'a Client, id: OrderId) -> Self {
        Self { client, id, after: 0, version: 0, before_ms: None }
    }

    /// Prints until the order reaches the expected end.
    async fn print_until(&mut self, end: ExpectedEnd) -> Result<()> {
        let began = Instant::now();
        let order = self.follow(|timeline| end.is_settled(&timeline.order)).await?;
        if !end.is_reached(&order) {
            bail!("The order ended as {:?}, not as the scenario says.", order.status);
        }
        let took = when::span(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
        print(&match (&order.number, &order.reopened_because) {
            (_, Some(reason)) => format!("Open again after {took}: {}", crate::state::reopen_reason_text(reason)),
            (Some(number), None) if end == ExpectedEnd::Confirmed => {
                format!("Order {number} is confirmed, after {took}.")
            }
            (Some(number), None) => format!("Order {number} is cancelled and refunded, after {took}."),
            (None, None) => format!("Done after {took}."),
        })
        .await?;
        Ok(())
    }

    /// Prints until the bank asks for a confirmation; returns the link for it.
    async fn print_until_authentication(&mut self) -> Result<String> {
        let deadline = Instant::now() + ORDER_TIMEOUT;
        loop {
            let query = TimelineQuery { after: Some(self.after), wait: Some(5) };
            let timeline = self.client.timeline(self.id, &query).await?;
            self.print(&timeline).await?;
            if let Some(action) = timeline.order.payment_action {
                return Ok(action.url);
            }
            if Instant::now() > deadline {
                bail!("The bank did not ask within {} s.", ORDER_TIMEOUT.as_secs());
            }
        }
    }

    /// Prints the events since the last call.
    async fn print_new(&mut self) -> Result<()> {
        let query = TimelineQuery { after: Some(self.after), wait: None };
        let timeline = self.client.timeline(self.id, &query).await?;
        self.print(&timeline).await
    }

    /// Prints until `is_over` returns true and nothing is running any more.
    async fn follow(&mut self, is_over: impl Fn(&Timeline) -> bool) -> Result<Order> {
        let deadline = Instant::now() + ORDER_TIMEOUT;
        loop {
            let query = TimelineQuery { after: Some(self.after), wait: Some(5) };
            let timeline = self.client.timeline(self.id, &query).await?;
            self.print(&timeline).await?;
            let busy = timeline.steps.iter().any(|step| matches!(step.state, StepState::Running | StepState::Waiting));
            // The order is read after the events and may be ahead of them.
            let complete = self.after >= timeline.head && self.version >= timeline.order.version;
            if complete && !busy && is_over(&timeline) {
                return Ok(timeline.order);
            }
            if Instant::now() > deadline {
                bail!("The order did not come to its end within {} s.", ORDER_TIMEOUT.as_secs());
            }
        }
    }

    async fn print(&mut self, timeline: &Timeline) -> Result<()> {
        for event in &timeline.events {
            let before = self.before_ms.replace(event.time.unix_ms()).unwrap_or(event.time.unix_ms());
            print(&line(event, &since(before, event))).await?;
            if event.stream == format!("order-{}", self.id) {
                self.version = event.version;
            }
        }
        self.after = timeline.next_after;
        Ok(())
    }
}
