//! Describes an event in one line of plain words. Reads the event's JSON without relying on it: an event of a later
//! version or an unknown type is still shown, with fewer details.

use serde_json::Value;
use storefront_api::{Event, Money};

use crate::money;

/// Describes what happened; empty when the type says it all.
pub(crate) fn describe(event: &Event) -> String {
    let data = &event.data;
    let (context, what) = event.kind.split_once('.').unwrap_or(("", &event.kind));
    match context {
        "order" => order(what, data),
        "checkout" => checkout(what, data),
        "stock" => stock(what, data, subject(event)),
        "payment" => payment(what, data),
        "email" => email(what, data),
        "invoice" => invoice(what, data, subject(event)),
        "register" => with("entered", &[("", text(data, "document"))]),
        "wallet" => wallet(what, data),
        "voucher" => voucher(what, data, subject(event)),
        "customer" => customer(what, data),
        "login" => login(what),
        "api_key" => api_key(what, data),
        "webhook" => webhook(what, data),
        "product" => product(what, data, subject(event)),
        "withdrawals" => withdrawals(what, data),
        "category" => format!("the shelf {} is set up", name(data)),
        "process" => process(what, data, subject(event)),
        _ => words(what),
    }
}

/// The kind of the event's stream: `order`, `stock`, …
pub(crate) fn stream_kind(event: &Event) -> &str {
    event.stream.split_once('-').map_or(event.stream.as_str(), |(kind, _)| kind)
}

/// The id in the event's stream name, after its kind.
fn subject(event: &Event) -> &str {
    event.stream.split_once('-').map_or("", |(_, id)| id)
}

fn withdrawals(what: &str, data: &Value) -> String {
    match what {
        "held" => format!(
            "{} of {} products are missing; they stay for sale until an operator confirms it",
            number(data, "missing"),
            number(data, "sold")
        ),
        "confirmed" => format!("an operator has confirmed it: {} products withdrawn", number(data, "withdrawn")),
        "cleared" => "the missing products are back".to_owned(),
        other => other.replace('_', " "),
    }
}

fn order(what: &str, data: &Value) -> String {
    match what {
        "started" => "a basket is begun".to_owned(),
        "item_added" => format!("{} × {} put in", number(data, "quantity"), name(data)),
        "item_quantity_changed" => format!("now {} × {}", number(data, "quantity"), name(data)),
        "item_removed" => format!("{} taken out", name(data)),
        "price_changed_in_basket" => {
            format!("{}: {} is now {}", name(data), amount(data, "old_price"), amount(data, "new_price"))
        }
        "vat_rate_changed_in_basket" => {
            let (old, new) = (number(data, "old_rate_percent"), number(data, "new_rate_percent"));
            format!("{}: its VAT is now {new} %, not {old} %", name(data))
        }
        "product_relisted_in_basket" => format!("{} is sold again", name(data)),
        "product_withdrawn_from_basket" => format!("{} is no longer sold", name(data)),
        "voucher_applied" => {
            with(&format!("voucher {} takes off", text(data, "code")), &[("", amount(data, "amount"))])
        }
        "voucher_removed" => format!("voucher {} taken off", text(data, "code")),
        "checked_out" => with("bought", &[("for", amount(data, "total")), ("by", text(data, "email"))]),
        "reopened" => with("open again", &[(":", reason(data))]),
        "confirmed" => with("confirmed", &[("as", text(data, "number"))]),
        "email_changed" => with("mail goes to", &[("", text(data, "email"))]),
        "invoiced" => with("its invoice is", &[("", text(data, "number"))]),
        "shipped" => with("sent", &[("with", text(data, "carrier"))]),
        "delivered" => with("arrived", &[("with", text(data, "recipient"))]),
        "expired" => "nothing happened in the basket for too long".to_owned(),
        "cancelled" => with("given up", &[("because", text(data, "reason"))]),
        other => words(other),
    }
}

fn checkout(what: &str, data: &Value) -> String {
    match what {
        "started" => "the checkout begins".to_owned(),
        "voucher_reserved" => format!("voucher {} is kept for it", text(data, "voucher")),
        "voucher_refused" => {
            with(&format!("voucher {} cannot be used", text(data, "voucher")), &[(":", text(data, "detail"))])
        }
        "voucher_issued" => format!("brought the voucher {}", text(data, "voucher")),
        "stock_reserved" => "every line is reserved".to_owned(),
        "stock_refused" => with("too few are left", &[("of", list(data, "product_ids"))]),
        "payment_received" => "the money is there".to_owned(),
        "payment_refused" => with("the payment was refused", &[(":", text(data, "message"))]),
        "completed" => with("done", &[(": order", text(data, "number"))]),
        "failed" => with("did not go through", &[(":", reason(data))]),
        "cancelled" => "called off; everything is given back".to_owned(),
        other => words(other),
    }
}

fn stock(what: &str, data: &Value, product: &str) -> String {
    let pieces = format!("{} × {product}", number(data, "quantity"));
    match what {
        "received" => format!("{pieces} came in"),
        "adjusted" => {
            with(&format!("{product} corrected by {}", number(data, "change")), &[("because", text(data, "reason"))])
        }
        "reserved" => format!("{pieces} promised"),
        "released" => with(&format!("{pieces} given back"), &[("because", text(data, "reason").replace('_', " "))]),
        "allocated" => format!("{pieces} left the shelf"),
        "returned" => format!("{pieces} back on the shelf"),
        "settled" => format!("{product} is settled: nothing is left to take back"),
        "threshold_set" => format!("{product} runs low at {}", number(data, "threshold")),
        "ran_low" => format!("only {} × {product} left", number(data, "available")),
        "ran_out" => format!("no {product} left"),
        other => words(other),
    }
}

fn payment(what: &str, data: &Value) -> String {
    match what {
        "requested" => with("asked for", &[("", amount(data, "amount"))]),
        "intent_created" => with("the card gateway keeps it", &[("as", text(data, "reference"))]),
        "authentication_required" => with("the card's bank asks its owner", &[("at", text(data, "url"))]),
        "succeeded" => "paid".to_owned(),
        "declined" => with("declined", &[(":", text(data, "message"))]),
        "outcome_unknown" => {
            with(&format!("no answer to attempt {}", number(data, "attempt")), &[(":", text(data, "detail"))])
        }
        "cancelled" => "no longer wanted".to_owned(),
        "refund_requested" => with("to be paid back:", &[("", amount(data, "amount"))]),
        "refund_pending" => with("the gateway works on the refund", &[("", text(data, "reference"))]),
        "found" => {
            with("money was found at the gateway that nobody here had asked for:", &[("", amount(data, "amount"))])
        }
        "refund_found" => with("was refunded at the gateway itself:", &[("", amount(data, "amount"))]),
        "disputed" => with("disputed by the cardholder:", &[("", amount(data, "amount")), (":", text(data, "reason"))]),
        "dispute_funds_withdrawn" => "disputed: the bank has taken the money".to_owned(),
        "dispute_closed" => with("the dispute is over", &[(":", text(data, "outcome"))]),
        "refunded" => with("paid back:", &[("", amount(data, "amount"))]),
        "refund_failed" => with("could not be paid back", &[(":", text(data, "detail"))]),
        other => words(other),
    }
}

fn email(what: &str, data: &Value) -> String {
    match what {
        "requested" => with(&format!("{} mail", text(data, "kind")), &[("to", text(data, "to"))]),
        "sent" => with("sent", &[("at attempt", number_after_the_first(data, "attempts"))]),
        "failed" => with("could not be sent", &[(":", text(data, "detail"))]),
        other => words(other),
    }
}

fn invoice(what: &str, data: &Value, number: &str) -> String {
    match what {
        "issued" => with(&format!("invoice {number} over"), &[("", amount(data, "total"))]),
        "credited" => with(&format!("credit note {} over", text(data, "number")), &[("", amount(data, "amount"))]),
        other => words(other),
    }
}

fn wallet(what: &str, data: &Value) -> String {
    match what {
        "opened" => with("a wallet with", &[("", amount(data, "balance"))]),
        "topped_up" => with(&format!("{} put in", amount(data, "amount")), &[("because", text(data, "reason"))]),
        "charged" => with("the wallet pays", &[("", amount(data, "amount"))]),
        "credited" => with("back in the wallet:", &[("", amount(data, "amount"))]),
        other => words(other),
    }
}

fn voucher(what: &str, data: &Value, code: &str) -> String {
    match what {
        "issued" => with(&format!("voucher {code} takes off"), &[("", amount(data, "amount"))]),
        "reserved" => format!("voucher {code} is kept"),
        "released" => format!("voucher {code} is free again"),
        "redeemed" => format!("voucher {code} is used up"),
        "revoked" => with(&format!("voucher {code} is taken back"), &[("because", text(data, "reason"))]),
        other => words(other),
    }
}

fn customer(what: &str, data: &Value) -> String {
    match what {
        "registered" => "a new customer".to_owned(),
        "limit_set" => with("may buy what costs up to", &[("", amount(data, "limit"))]),
        "name_changed" => "has another name".to_owned(),
        "password_changed" => "has another password".to_owned(),
        "address_added" => "saves an address".to_owned(),
        "address_changed" => "changes a saved address".to_owned(),
        "address_removed" => "removes a saved address".to_owned(),
        "default_address_set" => "uses another address as a rule".to_owned(),
        "password_reset" => "gets a one-time password by mail".to_owned(),
        "one_time_password_set" => "has a one-time password".to_owned(),
        "registration_attempted" => "is told that somebody tried to register with the same address".to_owned(),
        "deactivated" => "may no longer sign in".to_owned(),
        "reactivated" => "may sign in again".to_owned(),
        "session_started" => "signed in".to_owned(),
        "session_ended" => "a session ended".to_owned(),
        "deleted" => "the account is deleted".to_owned(),
        other => words(other),
    }
}

fn login(what: &str) -> String {
    match what {
        "claimed" => "a mail address belongs to an account".to_owned(),
        "released" => "a mail address is free again".to_owned(),
        other => words(other),
    }
}

fn api_key(what: &str, data: &Value) -> String {
    match what {
        "created" => format!("an API key is made: {}", name(data)),
        "revoked" => "an API key is revoked".to_owned(),
        other => words(other),
    }
}

fn webhook(what: &str, data: &Value) -> String {
    match what {
        "created" => "a webhook endpoint is made".to_owned(),
        "changed" => "a webhook endpoint is changed".to_owned(),
        "secret_rotated" => "a webhook endpoint has a new secret".to_owned(),
        "disabled" => with("a webhook endpoint is disabled", &[("because", text(data, "reason"))]),
        "enabled" => "a webhook endpoint is enabled".to_owned(),
        "deleted" => "a webhook endpoint is deleted".to_owned(),
        other => words(other),
    }
}

fn product(what: &str, data: &Value, product: &str) -> String {
    match what {
        "listed" => format!("{} for {}", name(data), amount(data, "price")),
        "changed" => format!("{} is described anew", name(data)),
        "repriced" => {
            let prices = format!("{product}: {} is now {}", amount(data, "old_price"), amount(data, "new_price"));
            with(&prices, &[("because", text(data, "reason"))])
        }
        "withdrawn" => format!("{product} is no longer sold"),
        "relisted" => format!("{product} is sold again"),
        other => words(other),
    }
}

fn process(what: &str, data: &Value, name: &str) -> String {
    match what {
        "introduced" => format!("{name} acts on what comes after {}", number(data, "after")),
        "paused" => format!("{name} begins nothing more"),
        "resumed" => format!("{name} goes on"),
        "stepped" => format!("{name} begins one event"),
        "sequence_parked" => {
            with(&format!("{name} gave up event {} for now", number(data, "position")), &[(":", text(data, "error"))])
        }
        "sequence_retried" => format!("{name} tries event {} again", number(data, "position")),
        "sequence_skipped" => format!("{name} leaves event {} out", number(data, "position")),
        "sequence_recovered" => format!("{name} has caught up"),
        other => words(other),
    }
}

/// Joins `start` with the parts whose text is not empty.
fn with(start: &str, parts: &[(&str, String)]) -> String {
    let mut sentence = start.to_owned();
    for (joint, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
        if !joint.is_empty() && !joint.starts_with(':') {
            sentence.push(' ');
        }
        sentence.push_str(joint);
        sentence.push(' ');
        sentence.push_str(part);
    }
    sentence
}

fn words(what: &str) -> String {
    what.replace('_', " ")
}

/// Finds a value by its key, at the top level or one level down.
fn find<'a>(data: &'a Value, key: &str) -> Option<&'a Value> {
    let fields = data.as_object()?;
    fields.get(key).or_else(|| fields.values().find_map(|inner| inner.as_object()?.get(key)))
}

fn text(data: &Value, key: &str) -> String {
    find(data, key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(data: &Value, key: &str) -> String {
    find(data, key).filter(|value| value.is_number()).map_or_else(|| "?".to_owned(), ToString::to_string)
}

fn number_after_the_first(data: &Value, key: &str) -> String {
    find(data, key).and_then(Value::as_u64).filter(|attempts| *attempts > 1).map(|n| n.to_string()).unwrap_or_default()
}

fn amount(data: &Value, key: &str) -> String {
    let value = find(data, key).cloned().unwrap_or_default();
    serde_json::from_value::<Money>(value).map(money::shown).unwrap_or_default()
}

fn name(data: &Value) -> String {
    ["name", "sku", "product_id"]
        .into_iter()
        .map(|key| text(data, key))
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "a product".to_owned())
}

fn list(data: &Value, key: &str) -> String {
    let items = find(data, key).and_then(Value::as_array);
    items.map(|items| items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

fn reason(data: &Value) -> String {
    let message = text(data, "message");
    if !message.is_empty() {
        return message;
    }
    ["code", "reason"].into_iter().map(|key| words(&text(data, key))).find(|text| !text.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use storefront_api::Timestamp;

    use super::*;

    fn meaning(kind: &str, data: Value) -> String {
        describe(&Event {
            position: 1,
            id: uuid::Uuid::nil(),
            stream: format!("{}-teapot", kind.split('.').next().unwrap()),
            version: 1,
            kind: kind.into(),
            schema_version: 1,
            time: Timestamp::default(),
            correlation_id: String::new(),
            causation_id: None,
            actor: "shopper".into(),
            data,
        })
    }

    #[test]
    fn events_are_described_in_plain_words() {
        let eur = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        for (kind, data, told) in [
            ("order.item_added", json!({"item": {"name": "Teapot"}, "quantity": 2}), "2 × Teapot put in"),
            ("order.checked_out", json!({"total": eur(2499), "email": "a@b.c"}), "bought for 24.99 € by a@b.c"),
            ("payment.declined", json!({"reason": "x", "message": "No."}), "declined: No."),
            (
                "payment.authentication_required",
                json!({"reference": "pi_1", "url": "https://bank.example/1"}),
                "the card's bank asks its owner at https://bank.example/1",
            ),
            ("payment.intent_created", json!({"reference": "pi_1"}), "the card gateway keeps it as pi_1"),
            ("order.reopened", json!({"reason": {"code": "out_of_stock"}}), "open again: out of stock"),
            ("email.sent", json!({"attempts": 1}), "sent"),
            ("email.sent", json!({"attempts": 3}), "sent at attempt 3"),
            ("order.voucher_applied", json!({"code": "k3v9q", "amount": eur(500)}), "voucher k3v9q takes off 5.00 €"),
            (
                "checkout.voucher_refused",
                json!({"voucher": "k3v9q", "detail": "used"}),
                "voucher k3v9q cannot be used: used",
            ),
            ("wallet.charged", json!({"amount": eur(2499)}), "the wallet pays 24.99 €"),
            ("voucher.redeemed", json!({}), "voucher teapot is used up"),
            ("customer.limit_set", json!({"limit": eur(100)}), "may buy what costs up to 1.00 €"),
            ("stock.ran_low", json!({"available": 3}), "only 3 × teapot left"),
            ("stock.settled", json!({"order_id": "1"}), "teapot is settled: nothing is left to take back"),
            (
                "process.sequence_parked",
                json!({"position": 7, "error": "no mail server"}),
                "teapot gave up event 7 for now: no mail server",
            ),
        ] {
            assert_eq!(meaning(kind, data), told, "{kind}");
        }
    }

    #[test]
    fn what_is_not_known_is_still_shown() {
        assert_eq!(meaning("invoice.issued_twice", json!(null)), "issued twice");
        assert_eq!(meaning("order.item_added", json!([])), "? × a product put in");
        assert_eq!(meaning("nonsense", json!(7)), "nonsense");
    }
}
