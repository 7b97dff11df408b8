//! The scenarios of the lab, in the order in which a workshop plays them: what each is called, what the room will see, and
//! where to look. How they go is in the stories.

/// A scenario.
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

/// What buys.
const BUYS: &[&str] = &["checkout", "payments"];
/// What buys, and writes to the customer.
const BUYS_AND_MAILS: &[&str] = &["checkout", "payments", "invoices", "notices", "mail"];

/// What people are told of a scenario.
pub(crate) struct Words {
    /// Its name in paths.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the room will see.
    pub(crate) story: &'static str,
    /// Where to look, and what to try.
    pub(crate) look_at: &'static str,
    /// How many orders it makes.
    pub(crate) orders: usize,
}

impl Scenario {
    /// All of them.
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

    /// The scenario of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.words().name == name)
    }

    /// The processes without which it stands still.
    pub(crate) fn needs_processes(self) -> &'static [&'static str] {
        match self {
            Self::HappyPath | Self::MailDown | Self::PoisonEvent => BUYS_AND_MAILS,
            Self::CardDeclined
            | Self::OutOfStock
            | Self::ProductServiceDown
            | Self::Webhooks
            | Self::ServerKilled
            | Self::Race => BUYS,
        }
    }

    /// The read models by which it finds what to buy.
    pub(crate) fn needs_views(self) -> &'static [&'static str] {
        &["products", "stock"]
    }

    /// What people are told of it.
    pub(crate) fn words(self) -> Words {
        match self {
            Self::HappyPath => Words {
                name: "happy-path",
                title: "Happy path",
                story: "Ada buys two things by card. Her stock is reserved, her card is charged, and her order is \
                        confirmed, invoiced and mailed.",
                look_at: "The order's timeline: every step is an event, and each names the one that led to it.",
                orders: 1,
            },
            Self::CardDeclined => Words {
                name: "card-declined",
                title: "Card declined",
                story: "Ada's card is declined. Her stock is given back, and her basket is open again with the reason.",
                look_at: "The order's timeline: stock.released and order.reopened undo what was done. Nothing is deleted.",
                orders: 1,
            },
            Self::OutOfStock => Words {
                name: "out-of-stock-on-the-last-unit",
                title: "Out of stock on the last unit",
                story: "Ada and Ben both have the last unit in their baskets. Ada buys it; Ben is told that it has gone \
                        before he pays anything.",
                look_at: "Ben's basket, which is as it was, and the product's stock stream: reserved, allocated, ran out.",
                orders: 2,
            },
            Self::ProductServiceDown => Words {
                name: "product-service-down",
                title: "Product service down",
                story: "The product service is unplugged. The catalogue shows what it last said, marked stale, and Ada \
                        buys all the same, while her price is fresh. Then it is plugged in again.",
                look_at: "The header and the health of the shop while it is unplugged; the order does not notice.",
                orders: 1,
            },
            Self::MailDown => Words {
                name: "mail-down",
                title: "Mail down",
                story: "The mail server is unplugged. Ada's order is confirmed without it; her mail is tried again and \
                        again, and arrives once when the server is back.",
                look_at: "The process mail: its retries and when the next is due. The order's last step waits alone.",
                orders: 1,
            },
            Self::Webhooks => Words {
                name: "duplicate-and-out-of-order-webhooks",
                title: "Duplicate and out-of-order webhooks",
                story: "The card gateway tells its news twice and in the wrong order. Ada's payment is recorded once, \
                        and her order is confirmed once.",
                look_at: "The payment's stream: one payment.succeeded, however often it was told.",
                orders: 1,
            },
            Self::ServerKilled => Words {
                name: "server-killed-in-mid-checkout",
                title: "Server killed in mid-checkout",
                story: "Ada's card is charged, and before the shop can write that down, everything that works in this \
                        server by itself is ended at once, without a last word. Started anew, it asks the gateway under \
                        the same key, and learns of the one charge. (This program goes on, so that you can watch; its \
                        requests and lists are not ended.)",
                look_at: "The order's timeline: a gap where nobody worked, then one payment.succeeded.",
                orders: 1,
            },
            Self::Race => Words {
                name: "two-shoppers-race-for-one-unit",
                title: "Two shoppers race for one unit",
                story: "Ada and Ben check out the last unit at the same moment. One of them gets it; the other one's \
                        basket is open again, and nothing was charged.",
                look_at: "Both timelines side by side, and the product's stock stream: one reservation, never below zero.",
                orders: 2,
            },
            Self::PoisonEvent => Words {
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
    fn every_scenario_is_found_by_its_name_and_tells_the_room_what_to_look_at() {
        for scenario in Scenario::ALL {
            let words = scenario.words();
            assert_eq!(Scenario::named(words.name), Some(scenario), "{}", words.name);
            assert!(words.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", words.name);
            assert!([words.story, words.look_at].iter().all(|text| !text.contains("  ")), "{}", words.name);
        }
        assert_eq!(Scenario::named("happy"), None);
    }
}
