//! Invoices and credit notes of a simulated shop: one for each order that was confirmed, one for each refund of it, and
//! numbers without gap or repeat.

use std::collections::BTreeMap;

use storefront_api::OrderId;
use storefront_domain::invoice::InvoiceEvent;

use super::coverage::Coverage;
use super::ledger::Ledger;
use super::rng_clock;
use super::world::World;
use crate::store::aggregates;

/// What is wrong with the documents of a shop at rest.
pub(super) fn are_complete(world: &World, ledger: &Ledger, wrong: &mut Vec<String>) {
    let mut invoices = BTreeMap::<OrderId, (u32, i64, i64)>::new();
    let mut orders = BTreeMap::<String, OrderId>::new();
    let mut numbers = BTreeMap::<(&str, u16), Vec<u64>>::new();
    for recorded in world.events() {
        if !recorded.stream().starts_with("invoice-") {
            continue;
        }
        let stream = recorded.stream().to_owned();
        match aggregates::decode::<InvoiceEvent>(&recorded).expect("it was just written") {
            InvoiceEvent::Issued(invoice) => {
                let (count, total, _) = invoices.entry(invoice.order_id).or_default();
                (*count, *total) = (*count + 1, invoice.total.amount);
                orders.insert(stream, invoice.order_id);
                numbers.entry(("invoice", invoice.number.year)).or_default().push(invoice.number.sequence);
            }
            InvoiceEvent::Credited(note) => {
                let (_, _, credited) = invoices.entry(orders[&stream]).or_default();
                *credited += note.amount.amount;
                numbers.entry(("credit note", note.number.year)).or_default().push(note.number.sequence);
                rng_clock::mark(if note.cancels.is_some() {
                    Coverage::CreditNoteCancelled
                } else {
                    Coverage::CreditNote
                });
            }
        }
    }
    for ((kind, year), sequences) in numbers {
        if !sequences.iter().copied().eq(1..=sequences.len() as u64) {
            wrong.push(format!("the numbers of each {kind} of {year} are {sequences:?}"));
        }
    }
    for (id, book) in &ledger.orders {
        let (count, total, credited) = invoices.get(id).copied().unwrap_or_default();
        let due = u32::from(book.confirmed_at.is_some_and(|confirmed| confirmed > ledger.past));
        if count != due || (due == 1 && total != book.order.total().amount) {
            wrong.push(format!(
                "order {id} has {count} invoices over {total} where {due} over {} are due",
                book.order.total()
            ));
        }
        let back = book.checkouts.last().and_then(|(payment, ..)| ledger.payments.get(payment));
        let back = back.filter(|_| due == 1).map_or(0, |payment| payment.now().given_back());
        if credited != back {
            wrong.push(format!("order {id} has credit notes over {credited}, and {back} went back"));
        }
    }
}
