//! Checks the log, the card gateway and the mailbox against each other at the end of a run. Uses only the HTTP interfaces, and
//! no code of the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use storefront_api::{Event, EventQuery};
use storefront_client::Client;
use storefront_mocks::Mocks;

/// The events of a log, and the charges and mails that belong to it.
pub(crate) struct Ledger {
    events: Vec<Event>,
    /// Successful charges by order: captured and refunded amount of each.
    charges: BTreeMap<String, Vec<(i64, i64)>>,
    /// Message ids in the mailbox.
    mails: Vec<String>,
}

/// The state of an order, folded from its events.
#[derive(Default)]
struct OrderEntry {
    status: &'static str,
    total: i64,
    confirmed: usize,
    /// Quantities by product.
    lines: BTreeMap<String, i64>,
}

impl OrderEntry {
    fn pieces(&self) -> i64 {
        self.lines.values().sum()
    }
}

impl Ledger {
    pub(crate) async fn read(client: &Client, mocks: &Mocks) -> Self {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.position);
            let query = EventQuery { after: Some(after), limit: Some(1000), ..EventQuery::default() };
            let page = client.events(&query).await.unwrap();
            if page.events.is_empty() {
                break;
            }
            events.extend(page.events);
        }
        let mut charges = BTreeMap::<String, Vec<(i64, i64)>>::new();
        for charge in mocks.card_gateway().charges().into_iter().filter(|charge| charge.paid) {
            let order = charge.metadata.get("order_id").cloned().unwrap_or_default();
            charges.entry(order).or_default().push((charge.amount_captured, charge.amount_refunded));
        }
        let mails = mocks.mailbox().messages().into_iter().map(|mail| mail.message_id).collect();
        Self::new(events, charges, mails)
    }

    pub(crate) fn new(events: Vec<Event>, charges: BTreeMap<String, Vec<(i64, i64)>>, mails: Vec<String>) -> Self {
        Self { events, charges, mails }
    }

    /// Number of confirmed orders.
    pub(crate) fn sold_orders(&self) -> usize {
        self.events_of_type("order.confirmed").count()
    }

    /// Number of completed refunds.
    pub(crate) fn refund_count(&self) -> usize {
        self.events_of_type("payment.refunded").count()
    }

    /// All violations, as sentences.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            if event.position != index as u64 + 1 {
                wrong.push(format!("position {} stands at place {}", event.position, index + 1));
            }
        }
        wrong.extend([self.money_violations(), self.stock_violations(), self.mail_violations()].concat());
        wrong
    }

    /// Violations of charges, refunds and their intents.
    pub(crate) fn money_violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check_money(&self.orders(), &mut wrong);
        self.check_intents(&mut wrong);
        wrong
    }

    pub(crate) fn stock_violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check_stock(&self.orders(), &mut wrong);
        wrong
    }

    pub(crate) fn mail_violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check_mail(&self.orders(), &mut wrong);
        wrong
    }

    fn events_of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    fn orders(&self) -> BTreeMap<String, OrderEntry> {
        let mut orders = BTreeMap::<String, OrderEntry>::new();
        for event in &self.events {
            let Some(id) = event.stream.strip_prefix("order-") else { continue };
            let entry = orders.entry(id.to_owned()).or_default();
            match event.kind.as_str() {
                "order.item_added" => {
                    *entry.lines.entry(product(event)).or_default() += number(&event.data["quantity"]);
                }
                "order.item_quantity_changed" => {
                    entry.lines.insert(product(event), number(&event.data["quantity"]));
                }
                "order.item_removed" => drop(entry.lines.remove(&product(event))),
                "order.checked_out" => {
                    (entry.status, entry.total) = ("checked out", number(&event.data["total"]["amount"]))
                }
                "order.reopened" => entry.status = "a basket",
                "order.confirmed" => (entry.status, entry.confirmed) = ("sold", entry.confirmed + 1),
                "order.shipped" | "order.delivered" => entry.status = "sold",
                "order.cancelled" => entry.status = "cancelled",
                _ => {}
            }
        }
        orders
    }

    /// The shop keeps the price of sold orders, charged once, and nothing else.
    fn check_money(&self, orders: &BTreeMap<String, OrderEntry>, wrong: &mut Vec<String>) {
        for unknown in self.charges.keys().filter(|id| !orders.contains_key(*id)) {
            wrong.push(format!("order {unknown} was charged, and is not in the log"));
        }
        for (id, entry) in orders {
            let charges = self.charges.get(id).map(Vec::as_slice).unwrap_or_default();
            let kept: i64 = charges.iter().map(|(captured, refunded)| captured - refunded).sum();
            let due = if entry.status == "sold" { entry.total } else { 0 };
            if kept != due {
                wrong.push(format!(
                    "order {id} is {}, and the shop keeps {kept} where {due} is due: {charges:?}",
                    entry.status
                ));
            }
            if charges.len() > 1 {
                wrong.push(format!("order {id} was charged {} times", charges.len()));
            }
            if entry.status == "checked out" {
                wrong.push(format!("order {id} is stuck in its checkout"));
            }
            if entry.confirmed > 1 {
                wrong.push(format!("order {id} was confirmed {} times", entry.confirmed));
            }
        }
    }

    /// Never below zero, never more promised than there is, nothing left promised, and gone is what was sold. An order is
    /// settled once, when it was sent or its pieces are back, and then always.
    fn check_stock(&self, orders: &BTreeMap<String, OrderEntry>, wrong: &mut Vec<String>) {
        let mut stocks = BTreeMap::<&str, (i64, BTreeMap<String, i64>)>::new();
        let mut gone = BTreeMap::<String, i64>::new();
        let (mut sent, mut remembered) = (BTreeSet::<&str>::new(), BTreeMap::<(&str, String), i64>::new());
        for event in &self.events {
            if let Some(id) = event.stream.strip_prefix("order-").filter(|_| event.kind == "order.shipped") {
                sent.insert(id);
            }
            if !event.stream.starts_with("stock-") {
                continue;
            }
            let (on_hand, promised) = stocks.entry(&event.stream).or_default();
            let order = event.data["order_id"].as_str().unwrap_or_default().to_owned();
            let quantity = event.data["quantity"].as_i64().unwrap_or(0);
            match event.kind.as_str() {
                "stock.received" => *on_hand += quantity,
                "stock.adjusted" => *on_hand += number(&event.data["change"]),
                "stock.reserved" => drop(promised.insert(order, quantity)),
                "stock.released" => drop(promised.remove(&order)),
                "stock.allocated" => {
                    *on_hand -= promised.remove(&order).unwrap_or(i64::MAX / 2);
                    *gone.entry(order.clone()).or_default() += quantity;
                    remembered.insert((&event.stream, order), quantity);
                }
                "stock.returned" => {
                    *on_hand += quantity;
                    *gone.entry(order.clone()).or_default() -= quantity;
                    *remembered.entry((&event.stream, order)).or_default() -= quantity;
                }
                "stock.settled" => match remembered.remove(&(event.stream.as_str(), order.clone())) {
                    Some(pieces) if pieces == 0 || sent.contains(order.as_str()) => {}
                    pieces => wrong.push(format!("{} is settled with {order}, which has {pieces:?}", event.stream)),
                },
                _ => {}
            }
            if *on_hand < promised.values().sum() {
                wrong.push(format!("{} has {on_hand} on hand at {}, with {promised:?}", event.stream, event.position));
            }
        }
        for (stream, (_, promised)) in stocks {
            if !promised.is_empty() {
                wrong.push(format!("{stream} is left promised to {promised:?}"));
            }
        }
        for ((stream, id), _) in remembered {
            if sent.contains(id.as_str()) || orders.get(&id).is_none_or(|entry| entry.status == "cancelled") {
                wrong.push(format!("{stream} still remembers order {id}, which is over"));
            }
        }
        for (id, entry) in orders {
            let (taken, due) =
                (gone.get(id).copied().unwrap_or(0), if entry.status == "sold" { entry.pieces() } else { 0 });
            if taken != due {
                wrong
                    .push(format!("{taken} pieces went to order {id}, which is {}, where {due} are due", entry.status));
            }
        }
    }

    /// Who was to be told was told, once, under one message id.
    fn check_mail(&self, orders: &BTreeMap<String, OrderEntry>, wrong: &mut Vec<String>) {
        let asked: Vec<&Event> = self.events_of_type("email.requested").collect();
        for (id, entry) in orders {
            let confirmations = asked.iter().filter(|mail| {
                mail.data["order_id"].as_str() == Some(id) && mail.data["kind"].as_str() == Some("confirmation")
            });
            let confirmations = confirmations.count();
            // It waits for the invoice, and is not sent any more when the order is cancelled first.
            let fewest = if entry.status == "cancelled" { 0 } else { entry.confirmed };
            if !(fewest..=entry.confirmed).contains(&confirmations) {
                wrong.push(format!("order {id} has {confirmations} confirmations, and is {}", entry.status));
            }
        }
        let due: BTreeSet<String> = asked.iter().map(|mail| format!("{}@storefront.example", mail.id)).collect();
        let there: BTreeSet<String> = self.mails.iter().cloned().collect();
        if due != there {
            let (missing, strange) = (due.difference(&there), there.difference(&due));
            wrong.push(format!("mails missing: {:?}; mails of nobody: {:?}", missing.count(), strange.count()));
        }
    }

    /// What was intended has an outcome, and only one.
    fn check_intents(&self, wrong: &mut Vec<String>) {
        for (intent, outcomes) in [
            ("payment.requested", &["payment.succeeded", "payment.declined"][..]),
            ("payment.refund_requested", &["payment.refunded"]),
            ("email.requested", &["email.sent"]),
        ] {
            for asked in self.events_of_type(intent) {
                let of_stream = self.events.iter().filter(|event| event.stream == asked.stream);
                let count = of_stream.clone().filter(|event| outcomes.contains(&event.kind.as_str())).count();
                // A payment that was cancelled first needs no other outcome.
                let cancelled = of_stream.filter(|event| event.kind == "payment.cancelled").count() == 1;
                if count != 1 && !(intent == "payment.requested" && count == 0 && cancelled) {
                    wrong.push(format!("{intent} of {} has {count} outcomes", asked.stream));
                }
            }
        }
    }
}

fn product(event: &Event) -> String {
    event.data["product_id"].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is a number"))
}
