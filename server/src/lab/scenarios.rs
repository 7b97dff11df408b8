//! The scenarios of the lab, in the order of a workshop: names and texts for people. The scripts are in
//! `scenario_scripts`.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    HappyPath,
    CardDeclined,
    OutOfStock,
    ProductServiceDown,
    MailDown,
    Webhooks,
    ServerKilled,
    Race,
    PoisonEvent,
}

/// Processes needed to buy.
const PURCHASE_PROCESSES: &[&str] = &["checkout", "payments"];
/// Processes needed to buy and to mail the customer.
const PURCHASE_AND_MAIL_PROCESSES: &[&str] = &["checkout", "payments", "invoices", "notices", "mail"];

/// The texts of a scenario.
pub(crate) struct ScenarioText {
    /// Its name in paths.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the audience will see.
    pub(crate) story: &'static str,
    /// Where to look and what to try.
    pub(crate) look_at: &'static str,
    /// Number of orders that it makes.
    pub(crate) orders: usize,
}

impl Scenario {
    pub(crate) const ALL: [Self; 9] = [
        Self::HappyPath,
        Self::CardDeclined,
        Self::OutOfStock,
        Self::ProductServiceDown,
        Self::MailDown,
        Self::Webhooks,
        Self::ServerKilled,
        Self::Race,
        Self::PoisonEvent,
    ];

    /// Returns the scenario of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.text().name == name)
    }

    /// Returns the processes that the scenario needs.
    pub(crate) fn needs_processes(self) -> &'static [&'static str] {
        match self {
            Self::HappyPath | Self::MailDown | Self::PoisonEvent => PURCHASE_AND_MAIL_PROCESSES,
            Self::CardDeclined
            | Self::OutOfStock
            | Self::ProductServiceDown
            | Self::Webhooks
            | Self::ServerKilled
            | Self::Race => PURCHASE_PROCESSES,
        }
    }

    /// Returns the views that the scenario needs to find products.
    pub(crate) fn needs_views(self) -> &'static [&'static str] {
        &["products", "stock"]
    }

    /// Returns the texts of the scenario.
    pub(crate) fn text(self) -> ScenarioText {
        match self {
            Self::HappyPath => ScenarioText {
                name: "happy-path",
                title: "Happy path",
                story: "Ada buys two things by card. Her stock is reserved, her card is charged, and her order is \
                        confirmed, invoiced and mailed.",
                look_at: "The order's timeline: every step is an event, and each names the one that led to it.",
                orders: 1,
            },
            Self::CardDeclined => ScenarioText {
                name: "card-declined",
                title: "Card declined",
                story: "Ada's card is declined. Her stock is given back, and her basket is open again with the reason.",
                look_at: "The order's timeline: stock.released and order.reopened undo what was done. Nothing is deleted.",
                orders: 1,
            },
            Self::OutOfStock => ScenarioText {
                name: "out-of-stock-on-the-last-unit",
                title: "Out of stock on the last unit",
                story: "Ada and Ben both have the last unit in their baskets. Ada buys it; Ben is told that it has gone \
                        before he pays anything.",
                look_at: "Ben's basket, which is as it was, and the product's stock stream: reserved, allocated, ran out.",
                orders: 2,
            },
            Self::ProductServiceDown => ScenarioText {
                name: "product-service-down",
                title: "Product service down",
                story: "The product service is unplugged. The catalogue shows what it last said, marked stale, and Ada \
                        buys all the same, while her price is fresh. Then it is plugged in again.",
                look_at: "The header and the health of the shop while it is unplugged; the order does not notice.",
                orders: 1,
            },
            Self::MailDown => ScenarioText {
                name: "mail-down",
                title: "Mail down",
                story: "The mail server is unplugged. Ada's order is confirmed without it; her mail is tried again and \
                        again, and arrives once when the server is back.",
                look_at: "The process mail: its retries and when the next is due. The order's last step waits alone.",
                orders: 1,
            },
            Self::Webhooks => ScenarioText {
                name: "duplicate-and-out-of-order-webhooks",
                title: "Duplicate and out-of-order webhooks",
                story: "The card gateway tells its news twice and in the wrong order. Ada's payment is recorded once, \
                        and her order is confirmed once.",
                look_at: "The payment's stream: one payment.succeeded, however often it was told.",
                orders: 1,
            },
            Self::ServerKilled => ScenarioText {
                name: "server-killed-in-mid-checkout",
                title: "Server killed in mid-checkout",
                story: "Ada's card is charged, and before the shop can write that down, everything that works in this \
                        server by itself is ended at once, without a last word. Started anew, it asks the gateway under \
                        the same key, and learns of the one charge. (This program goes on, so that you can watch; its \
                        requests and lists are not ended.)",
                look_at: "The order's timeline: a gap where nobody worked, then one payment.succeeded.",
                orders: 1,
            },
            Self::Race => ScenarioText {
                name: "two-shoppers-race-for-one-unit",
                title: "Two shoppers race for one unit",
                story: "Ada and Ben check out the last unit at the same moment. One of them gets it; the other one's \
                        basket is open again, and nothing was charged.",
                look_at: "Both timelines side by side, and the product's stock stream: one reservation, never below zero.",
                orders: 2,
            },
            Self::PoisonEvent => ScenarioText {
                name: "poison-event",
                title: "Poison event",
                story: "A mail is asked for in a way that this program cannot read, as a later version of it might write. \
                        Ada's mails are parked behind it; Ben's order and mail go through. It stays parked for you.",
                look_at: "The process mail: look at what is parked, retry it (it parks again), then skip it: Ada's own \
                          mail goes out. The event stays in the log, and `storefront-server check` names it.",
                orders: 2,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name_and_says_what_to_look_at() {
        for scenario in Scenario::ALL {
            let text = scenario.text();
            assert_eq!(Scenario::from_name(text.name), Some(scenario), "{}", text.name);
            assert!(text.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", text.name);
            assert!([text.story, text.look_at].iter().all(|line| !line.contains("  ")), "{}", text.name);
        }
        assert_eq!(Scenario::from_name("happy"), None);
    }
}
