//! The plain text of mails to shoppers.
//!
//! Pure functions from an order to subject and body. Amounts are formatted by the `Display` of [`Money`] only.

use storefront_api::{Address, Money, Order, OrderItem, PaymentStatus, Shipment, Timestamp, VoucherCode};
use storefront_domain::email::MailKind;
use storefront_domain::invoice::CreditNoteNumber;

/// Width of the label column, left of the amounts.
const LABEL_CHARS: usize = 46;
/// Width of the right-aligned amount column.
const AMOUNT_CHARS: usize = 18;

/// Writes subject and body of a mail about an order; without the order (which should not happen) a single sentence.
pub(crate) fn write(kind: &MailKind, order: Option<&Order>) -> (String, String) {
    let name = order.map_or_else(|| "Your order".to_owned(), |order| format!("Your order {}", display_number(order)));
    let news = match kind {
        MailKind::Confirmation => "is confirmed",
        MailKind::Shipped => "is on its way",
        MailKind::Cancelled => "is cancelled",
        MailKind::Refunded { is_whole: Some(false), .. } => "has been refunded in part",
        MailKind::Refunded { is_whole: None, amount: Some(amount), .. }
            if order.is_some_and(|order| amount.amount < order.total.amount) =>
        {
            "has been refunded in part"
        }
        MailKind::Refunded { .. } => "has been refunded",
        MailKind::RefundFailed { .. } => "could not be refunded",
        MailKind::Voucher { .. } => "brought you a voucher",
    };
    let subject = format!("{name} {news}");
    let parts = match order {
        None => vec![format!("{subject}.")],
        Some(order) => match kind {
            MailKind::Confirmation => confirmation(&name, order),
            MailKind::Shipped => shipped(&name, order),
            MailKind::Cancelled => cancelled(&name, order),
            MailKind::Refunded { amount, credit_note, is_whole } => {
                refunded(&name, order, *amount, *credit_note, *is_whole)
            }
            MailKind::RefundFailed { amount, credit_note } => refund_failed(&name, *amount, *credit_note),
            MailKind::Voucher { code, amount } => voucher(&name, code, *amount),
        },
    };
    let greeting = match order.and_then(|order| order.shipping_address.as_ref()) {
        Some(address) => format!("Hello {},", one_line(&address.name)),
        None => "Hello,".to_owned(),
    };
    let body = format!("{greeting}\n\n{}\n\nYour Storefront\n", parts.join("\n\n"));
    (subject, body)
}

/// Writes subject and body of the mail that brings a one-time password; it stands alone in its line.
pub(crate) fn one_time_password(name: &str, password: &str, expires_at: Timestamp) -> (String, String) {
    let subject = "Your one-time password".to_owned();
    // The date and the minute of an RFC 3339 time are its first sixteen characters.
    let until: String = expires_at.to_string().chars().take(16).collect::<String>().replace('T', " ");
    let parts = [
        format!("Hello {},", one_line(name)),
        "your password in the store was reset, and every session has ended. Sign in with this one:".to_owned(),
        format!("  {password}"),
        format!(
            "Then choose your own. It is good until {until} UTC. If you get several such mails, the latest one counts."
        ),
        "Your Storefront\n".to_owned(),
    ];
    (subject, parts.join("\n\n"))
}

/// Writes subject and body of the mail about an attempt to register with the address of an account.
pub(crate) fn registration_attempted(name: &str) -> (String, String) {
    let subject = "You have an account already".to_owned();
    let parts = [
        format!("Hello {},", one_line(name)),
        "somebody tried to create an account in the store with your mail address, which has one already. Nothing has changed."
            .to_owned(),
        "If it was you: sign in with this address and your password. If you have forgotten it, ask the store for a one-time \
         password. If it was not you, there is nothing that you need to do."
            .to_owned(),
        "Your Storefront\n".to_owned(),
    ];
    (subject, parts.join("\n\n"))
}

fn confirmation(name: &str, order: &Order) -> Vec<String> {
    let mut parts = vec![format!("Thank you! {name} is confirmed, and we are packing it now."), price_table(order)];
    parts.push(match &order.invoice {
        Some(number) => format!("Your invoice is {number}. You find it with the order in the store."),
        None => "Your invoice is being written. You find it with the order in the store in a moment.".to_owned(),
    });
    parts.extend(
        order.shipping_address.as_ref().map(|address| format!("We will send it to:\n{}", address_block(address))),
    );
    parts
}

fn shipped(name: &str, order: &Order) -> Vec<String> {
    let mut parts = vec![format!("{name} has left our house.")];
    parts.extend(order.shipment.as_ref().map(shipment_text));
    parts.push(format!("In the parcel:\n{}", contents(order)));
    parts.extend(order.shipping_address.as_ref().map(|address| format!("It goes to:\n{}", address_block(address))));
    parts
}

fn cancelled(name: &str, order: &Order) -> Vec<String> {
    let mut parts = vec![match &order.cancelled_because {
        Some(reason) => format!("{name} is cancelled: {}", sentence(reason)),
        None => format!("{name} is cancelled."),
    }];
    let total = order.total;
    parts.push(match order.payment_status {
        PaymentStatus::Paid | PaymentStatus::Refunding => format!("Your {total} are on their way back to you."),
        PaymentStatus::Refunded => format!("Your {total} have been sent back to you."),
        PaymentStatus::Disputed => "Your bank decides where your payment goes, as it is disputed.".to_owned(),
        PaymentStatus::Pending | PaymentStatus::AuthenticationRequired | PaymentStatus::Unknown => {
            "If your payment still goes through, it will be sent back to you.".to_owned()
        }
        PaymentStatus::None | PaymentStatus::Declined => "You have not been charged.".to_owned(),
    });
    parts.push(format!("It was about:\n{}", contents(order)));
    parts
}

fn refund_failed(name: &str, amount: Money, credit_note: Option<CreditNoteNumber>) -> Vec<String> {
    let name = lower_first(name);
    let mut parts = vec![format!(
        "We had sent {amount} back to you for {name}, but they have come back to us: your bank could not book them."
    )];
    parts.extend(credit_note.map(|number| {
        format!("The credit note for them is cancelled by {number}. You find it with the order in the store.")
    }));
    parts.push("We will send them to you in another way. You need not do anything.".to_owned());
    parts
}

fn refunded(
    name: &str,
    order: &Order,
    amount: Option<Money>,
    credit_note: Option<CreditNoteNumber>,
    is_whole: Option<bool>,
) -> Vec<String> {
    let (amount, name) = (amount.unwrap_or(order.total), lower_first(name));
    let mut parts = vec![format!("We have sent {amount} back to you for {name}, the same way as you paid.")];
    parts.extend(
        credit_note
            .map(|number| format!("The credit note for it is {number}. You find it with the order in the store.")),
    );
    if is_whole == Some(true) {
        parts.push("With that, all that you paid has gone back to you.".to_owned());
    }
    parts.push("A card may need a few days to show it.".to_owned());
    parts
}

fn voucher(name: &str, code: &VoucherCode, amount: Money) -> Vec<String> {
    vec![
        format!("{name} was a large one, so here is a thank-you: a voucher over {amount}."),
        format!("Its code:\n  {code}"),
        "Type it in when you check out; it works for one order.".to_owned(),
    ]
}

/// The lines of an order with their amounts, the total and the included VAT.
fn price_table(order: &Order) -> String {
    let mut lines: Vec<String> = order.items.iter().map(|item| row(&item_label(item), item.line_total)).collect();
    lines.push(format!("  {}", "-".repeat(LABEL_CHARS + AMOUNT_CHARS)));
    if order.discount.amount != 0 {
        lines.push(row("Subtotal", order.subtotal));
        lines.push(row("Discount", Money::new(order.discount.amount.saturating_neg(), order.discount.currency)));
    }
    lines.push(row("Total", order.total));
    lines.extend(order.tax.iter().map(|tax| row(&format!("  VAT {} % in it", tax.rate_percent), tax.amount)));
    lines.join("\n")
}

/// A row with a label and an amount; a long label wraps, and the amount is on its last line.
fn row(label: &str, amount: Money) -> String {
    let mut lines = wrapped(label, LABEL_CHARS);
    let last = lines.pop().unwrap_or_default();
    let amount = amount.to_string();
    lines.push(format!("{last:<LABEL_CHARS$}{amount:>AMOUNT_CHARS$}"));
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn item_label(item: &OrderItem) -> String {
    let name = one_line(&item.name);
    match item.quantity {
        1 => format!("1 × {name}"),
        quantity => format!("{quantity} × {name}, {} each", item.unit_price),
    }
}

fn contents(order: &Order) -> String {
    let line = |item: &OrderItem| format!("  {} × {}", item.quantity, one_line(&item.name));
    order.items.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shipment_text(shipment: &Shipment) -> String {
    let mut text = format!(
        "{} brings it; the number of the parcel is {}.",
        one_line(&shipment.carrier),
        one_line(&shipment.tracking_number)
    );
    if let Some(estimate) = shipment.estimated_delivery {
        // The date of an RFC 3339 time is its first ten characters.
        text.push_str(&format!(
            " It should arrive around {}.",
            estimate.to_string().chars().take(10).collect::<String>()
        ));
    }
    text
}

fn address_block(address: &Address) -> String {
    let lines = address.lines();
    lines.iter().map(|line| format!("  {}", one_line(line))).collect::<Vec<_>>().join("\n")
}

/// The order's number, or else the first eight characters of its id.
fn display_number(order: &Order) -> String {
    order.number.clone().unwrap_or_else(|| order.id.to_string().chars().take(8).collect())
}

fn sentence(text: &str) -> String {
    let text = one_line(text);
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    storefront_api::text::cleaned(text, false).trim().to_owned()
}

/// Wraps text to lines of at most `limit_chars`, keeping its indentation; a longer word gets a line of its own.
fn wrapped(text: &str, limit_chars: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|char| *char == ' ').collect();
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= limit_chars => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

#[cfg(test)]
#[path = "mail_text_tests.rs"]
mod tests;
