//! How each event changes an order.
//!
//! An event says what has happened, so it is applied without the rules of `decide`. An event that does not fit the state,
//! names a line that does not exist, or brings another currency or a line of more than 99 pieces leaves the order as it
//! was, so that an order with a corrupt history stays readable.

use storefront_api::{Money, ProductId, ReopenReason, VatRate, VoucherCode};

use super::{
    AppliedVoucher, Basket, CheckoutDetails, ItemFacts, LineNotice, Order, OrderEvent, OrderLine, Purchase, Shipment,
};
use crate::Quantity;
use crate::erased::{ERASED, ERASED_EMAIL, erase_address};

/// The order after an event. Never fails: an event that does not fit leaves the order as it was.
pub fn evolve(order: Order, event: &OrderEvent) -> Order {
    match event {
        OrderEvent::Started { customer_id, currency } => match order {
            Order::New => Order::InProgress(Basket::new(*customer_id, *currency)),
            other => other,
        },
        OrderEvent::ItemAdded { item, quantity } => change_basket(order, |basket| add_item(basket, item, *quantity)),
        OrderEvent::ItemQuantityChanged { product_id, quantity } => {
            change_basket(order, |basket| change_quantity(basket, product_id, *quantity))
        }
        OrderEvent::ItemRemoved { product_id } => change_basket(order, |basket| remove_item(basket, product_id)),
        OrderEvent::PriceChangedInBasket { product_id, old_price: _, new_price } => {
            change_basket(order, |basket| change_price(basket, product_id, *new_price))
        }
        OrderEvent::VatRateChangedInBasket { product_id, old_rate: _, new_rate } => {
            change_basket(order, |basket| change_vat_rate(basket, product_id, *new_rate))
        }
        OrderEvent::ProductWithdrawnFromBasket { product_id } => {
            change_basket(order, |basket| mark_withdrawn(basket, product_id))
        }
        OrderEvent::ProductRelistedInBasket { product_id } => {
            change_basket(order, |basket| mark_relisted(basket, product_id))
        }
        OrderEvent::VoucherApplied { code, amount } => {
            change_basket(order, |basket| apply_voucher(basket, code, *amount))
        }
        OrderEvent::VoucherRemoved { code } => {
            change_basket(order, |basket| basket.voucher = basket.voucher.take().filter(|known| known.code != *code))
        }
        OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment } => match order {
            Order::InProgress(basket) => {
                let details = CheckoutDetails {
                    payment_id: *payment_id,
                    email: email.clone(),
                    shipping_address: shipping_address.clone(),
                    payment: payment.clone(),
                    is_erased: false,
                };
                Order::CheckedOut(to_purchase(basket, *total, details))
            }
            other => other,
        },
        OrderEvent::Reopened { reason } => match order {
            Order::CheckedOut(purchase) => Order::InProgress(to_basket(purchase, reason.clone())),
            other => other,
        },
        OrderEvent::Confirmed { number } => match order {
            Order::CheckedOut(purchase) => Order::Confirmed { purchase, number: *number },
            other => other,
        },
        // Only an order that was confirmed has an invoice, and the first one stays.
        OrderEvent::Invoiced { number } => match order.number() {
            Some(_) => change_purchase(order, |purchase| _ = purchase.invoice.get_or_insert(*number)),
            None => order,
        },
        OrderEvent::EmailChanged { email } => {
            change_purchase(order, |purchase| email.clone_into(&mut purchase.details.email))
        }
        OrderEvent::Shipped { carrier, tracking_number, estimated_delivery } => match order {
            Order::Confirmed { purchase, number } => {
                let shipment = Shipment {
                    carrier: carrier.clone(),
                    tracking_number: tracking_number.clone(),
                    estimated_delivery: *estimated_delivery,
                    recipient: None,
                };
                Order::Shipped { purchase, number, shipment }
            }
            other => other,
        },
        OrderEvent::Delivered { recipient } => match order {
            Order::Shipped { purchase, number, shipment } => {
                let shipment = Shipment { recipient: Some(recipient.clone()), ..shipment };
                Order::Delivered { purchase, number, shipment }
            }
            other => other,
        },
        OrderEvent::Cancelled { reason } => match order {
            Order::CheckedOut(purchase) => Order::Cancelled { purchase, number: None, reason: reason.clone() },
            Order::Confirmed { purchase, number } => {
                Order::Cancelled { purchase, number: Some(number), reason: reason.clone() }
            }
            other => other,
        },
        OrderEvent::Expired => match order {
            Order::InProgress(basket) => Order::Expired(basket),
            other => other,
        },
        OrderEvent::Erased => erase(order),
    }
}

fn erase(mut order: Order) -> Order {
    let details = match &mut order {
        Order::Delivered { purchase, shipment, .. } => {
            shipment.recipient = Some(ERASED.to_owned());
            Some(&mut purchase.details)
        }
        Order::Cancelled { purchase, reason, .. } => {
            ERASED.clone_into(reason);
            Some(&mut purchase.details)
        }
        Order::Expired(basket) => basket.last_checkout.as_mut(),
        Order::New | Order::InProgress(_) | Order::CheckedOut(_) | Order::Confirmed { .. } | Order::Shipped { .. } => {
            None
        }
    };
    if let Some(details) = details {
        ERASED_EMAIL.clone_into(&mut details.email);
        erase_address(&mut details.shipping_address);
        details.is_erased = true;
    }
    order
}

/// Changes an order that is a basket, and leaves any other as it is.
fn change_basket(mut order: Order, change: impl FnOnce(&mut Basket)) -> Order {
    if let Order::InProgress(basket) = &mut order {
        change(basket);
    }
    order
}

/// Changes what was bought, in every state in which something was.
fn change_purchase(mut order: Order, change: impl FnOnce(&mut Purchase)) -> Order {
    match &mut order {
        Order::CheckedOut(purchase)
        | Order::Confirmed { purchase, .. }
        | Order::Shipped { purchase, .. }
        | Order::Delivered { purchase, .. }
        | Order::Cancelled { purchase, .. } => change(purchase),
        Order::New | Order::InProgress(_) | Order::Expired(_) => {}
    }
    order
}

/// Adds to the line of the same product, and brings that line to the present price and name. The shopper has just seen that
/// price, and that the product is for sale, so an older notice goes. If the pieces in the line had another price, the line
/// gets a notice about that.
fn add_item(basket: &mut Basket, item: &ItemFacts, quantity: Quantity) {
    if item.unit_price.currency != basket.currency {
        return;
    }
    match basket.line_mut(&item.product_id) {
        Some(line) => {
            let Ok(sum) = Quantity::try_from(line.quantity.get() + quantity.get()) else { return };
            line.notice = price_notice(line.item.unit_price, item.unit_price);
            line.quantity = sum;
            line.item = item.clone();
        }
        None => basket.lines.push(OrderLine { item: item.clone(), quantity, notice: None }),
    }
    basket.reopened_because = None;
}

fn change_quantity(basket: &mut Basket, product_id: &ProductId, quantity: Quantity) {
    change_line(basket, product_id, |line| line.quantity = quantity);
}

fn remove_item(basket: &mut Basket, product_id: &ProductId) {
    if basket.line(product_id).is_some() {
        basket.lines.retain(|line| line.item.product_id != *product_id);
        basket.reopened_because = None;
    }
}

/// Several price changes in a row make one notice, from the price that the shopper last saw; without a difference from that
/// price there is no notice. A withdrawn line stays withdrawn, and keeps that price for its return.
fn change_price(basket: &mut Basket, product_id: &ProductId, new: Money) {
    if new.currency != basket.currency {
        return;
    }
    change_line(basket, product_id, |line| {
        let last_seen = line.last_seen_price().unwrap_or(line.item.unit_price);
        line.notice = if line.is_withdrawn() {
            Some(LineNotice::Withdrawn { last_seen: Some(last_seen) })
        } else {
            price_notice(last_seen, new)
        };
        line.item.unit_price = new;
    });
}

/// The price stays the same, so the line gets no notice, and the reason of a failed checkout stays.
fn change_vat_rate(basket: &mut Basket, product_id: &ProductId, new: VatRate) {
    if let Some(line) = basket.line_mut(product_id) {
        line.item.vat_rate_percent = new;
    }
}

fn mark_withdrawn(basket: &mut Basket, product_id: &ProductId) {
    change_line(basket, product_id, |line| {
        line.notice = Some(LineNotice::Withdrawn { last_seen: line.last_seen_price() });
    });
}

/// A notice about the price from before the withdrawal, or about a change since then, appears again.
fn mark_relisted(basket: &mut Basket, product_id: &ProductId) {
    if basket.line(product_id).is_some_and(OrderLine::is_withdrawn) {
        change_line(basket, product_id, |line| {
            line.notice = line.last_seen_price().and_then(|last_seen| price_notice(last_seen, line.item.unit_price));
        });
    }
}

/// Changes the line of a product, if there is one. The reason why the last checkout failed no longer applies then.
fn change_line(basket: &mut Basket, product_id: &ProductId, change: impl FnOnce(&mut OrderLine)) {
    if let Some(line) = basket.line_mut(product_id) {
        change(line);
        basket.reopened_because = None;
    }
}

fn price_notice(old: Money, new: Money) -> Option<LineNotice> {
    (old != new).then_some(LineNotice::Repriced { old, new })
}

fn apply_voucher(basket: &mut Basket, code: &VoucherCode, amount: Money) {
    if amount.currency == basket.currency && amount.amount > 0 {
        basket.voucher = Some(AppliedVoucher { code: code.clone(), amount });
    }
}

/// The shopper has accepted the prices by buying, so the notices go.
fn to_purchase(basket: Basket, total: Money, details: CheckoutDetails) -> Purchase {
    let Basket { customer_id, currency, lines, voucher, reopened_because: _, last_checkout: _ } = basket;
    let lines = lines.into_iter().map(|line| OrderLine { notice: None, ..line }).collect();
    Purchase { customer_id, currency, lines, voucher, total, details, invoice: None }
}

fn to_basket(purchase: Purchase, reason: ReopenReason) -> Basket {
    let Purchase { customer_id, currency, lines, voucher, total: _, details, invoice: _ } = purchase;
    let (reopened_because, last_checkout) = (Some(reason), Some(details));
    Basket { customer_id, currency, lines, voucher, reopened_because, last_checkout }
}
