//! What an order becomes by an event.
//!
//! An event says what has happened, so it is taken as it is and never judged by the rules of today: those are in
//! `decide`. Only what cannot be is passed over, because history is corrupt then and an order must stay readable: an
//! event that does not fit the state, names a line that is not there, or brings another currency or a line of more than
//! 99 pieces leaves the order as it was.

use storefront_api::{Money, ProductId, ReopenReason, VatRate, VoucherCode};

use super::{
    AppliedVoucher, Basket, CheckoutDetails, ItemFacts, LineNotice, Order, OrderEvent, OrderLine, Purchase, Shipment,
};
use crate::Quantity;
use crate::invoice::InvoiceNumber;

/// The order after an event. Never fails; an event that cannot be leaves the order as it was.
pub fn evolve(order: Order, event: &OrderEvent) -> Order {
    if let OrderEvent::EmailChanged { email } = event {
        return with_email(order, email);
    }
    match order {
        Order::New => started(event),
        Order::InProgress(basket) => in_progress(basket, event),
        Order::CheckedOut(purchase) => checked_out(purchase, event),
        Order::Confirmed { purchase, number } => match event {
            OrderEvent::Invoiced { number: invoice } => {
                Order::Confirmed { purchase: with_invoice(purchase, *invoice), number }
            }
            OrderEvent::Shipped { carrier, tracking_number, estimated_delivery } => Order::Shipped {
                purchase,
                number,
                shipment: Shipment {
                    carrier: carrier.clone(),
                    tracking_number: tracking_number.clone(),
                    estimated_delivery: *estimated_delivery,
                    recipient: None,
                },
            },
            OrderEvent::Cancelled { reason } => {
                Order::Cancelled { purchase, number: Some(number), reason: reason.clone() }
            }
            OrderEvent::Started { .. }
            | OrderEvent::ItemAdded { .. }
            | OrderEvent::ItemQuantityChanged { .. }
            | OrderEvent::ItemRemoved { .. }
            | OrderEvent::PriceChangedInBasket { .. }
            | OrderEvent::VatRateChangedInBasket { .. }
            | OrderEvent::ProductWithdrawnFromBasket { .. }
            | OrderEvent::ProductRelistedInBasket { .. }
            | OrderEvent::VoucherApplied { .. }
            | OrderEvent::VoucherRemoved { .. }
            | OrderEvent::CheckedOut { .. }
            | OrderEvent::Reopened { .. }
            | OrderEvent::Confirmed { .. }
            | OrderEvent::EmailChanged { .. }
            | OrderEvent::Delivered { .. }
            | OrderEvent::Expired => Order::Confirmed { purchase, number },
        },
        Order::Shipped { purchase, number, shipment } => match event {
            OrderEvent::Invoiced { number: invoice } => {
                Order::Shipped { purchase: with_invoice(purchase, *invoice), number, shipment }
            }
            OrderEvent::Delivered { recipient } => Order::Delivered {
                purchase,
                number,
                shipment: Shipment { recipient: Some(recipient.clone()), ..shipment },
            },
            OrderEvent::Started { .. }
            | OrderEvent::ItemAdded { .. }
            | OrderEvent::ItemQuantityChanged { .. }
            | OrderEvent::ItemRemoved { .. }
            | OrderEvent::PriceChangedInBasket { .. }
            | OrderEvent::VatRateChangedInBasket { .. }
            | OrderEvent::ProductWithdrawnFromBasket { .. }
            | OrderEvent::ProductRelistedInBasket { .. }
            | OrderEvent::VoucherApplied { .. }
            | OrderEvent::VoucherRemoved { .. }
            | OrderEvent::CheckedOut { .. }
            | OrderEvent::Reopened { .. }
            | OrderEvent::Confirmed { .. }
            | OrderEvent::EmailChanged { .. }
            | OrderEvent::Shipped { .. }
            | OrderEvent::Cancelled { .. }
            | OrderEvent::Expired => Order::Shipped { purchase, number, shipment },
        },
        ended @ (Order::Delivered { .. } | Order::Cancelled { .. } | Order::Expired(_)) => after_the_end(ended, event),
    }
}

/// In every state in which something was bought.
fn with_email(order: Order, email: &str) -> Order {
    let changed = |mut purchase: Purchase| {
        email.clone_into(&mut purchase.details.email);
        purchase
    };
    match order {
        Order::CheckedOut(purchase) => Order::CheckedOut(changed(purchase)),
        Order::Confirmed { purchase, number } => Order::Confirmed { purchase: changed(purchase), number },
        Order::Shipped { purchase, number, shipment } => {
            Order::Shipped { purchase: changed(purchase), number, shipment }
        }
        Order::Delivered { purchase, number, shipment } => {
            Order::Delivered { purchase: changed(purchase), number, shipment }
        }
        Order::Cancelled { purchase, number, reason } => {
            Order::Cancelled { purchase: changed(purchase), number, reason }
        }
        unbought @ (Order::New | Order::InProgress(_) | Order::Expired(_)) => unbought,
    }
}

/// Nothing follows the end of an order but the invoice, which may come after the order was cancelled or has arrived.
fn after_the_end(order: Order, event: &OrderEvent) -> Order {
    let OrderEvent::Invoiced { number: invoice } = event else { return order };
    match order {
        Order::Delivered { purchase, number, shipment } => {
            Order::Delivered { purchase: with_invoice(purchase, *invoice), number, shipment }
        }
        Order::Cancelled { purchase, number: Some(number), reason } => {
            Order::Cancelled { purchase: with_invoice(purchase, *invoice), number: Some(number), reason }
        }
        other @ (Order::New
        | Order::InProgress(_)
        | Order::CheckedOut(_)
        | Order::Confirmed { .. }
        | Order::Shipped { .. }
        | Order::Cancelled { number: None, .. }
        | Order::Expired(_)) => other,
    }
}

/// The first invoice stays.
fn with_invoice(mut purchase: Purchase, number: InvoiceNumber) -> Purchase {
    purchase.invoice.get_or_insert(number);
    purchase
}

fn started(event: &OrderEvent) -> Order {
    match event {
        OrderEvent::Started { customer_id, currency } => Order::InProgress(Basket::new(*customer_id, *currency)),
        OrderEvent::ItemAdded { .. }
        | OrderEvent::ItemQuantityChanged { .. }
        | OrderEvent::ItemRemoved { .. }
        | OrderEvent::PriceChangedInBasket { .. }
        | OrderEvent::VatRateChangedInBasket { .. }
        | OrderEvent::ProductWithdrawnFromBasket { .. }
        | OrderEvent::ProductRelistedInBasket { .. }
        | OrderEvent::VoucherApplied { .. }
        | OrderEvent::VoucherRemoved { .. }
        | OrderEvent::CheckedOut { .. }
        | OrderEvent::Reopened { .. }
        | OrderEvent::Confirmed { .. }
        | OrderEvent::Invoiced { .. }
        | OrderEvent::EmailChanged { .. }
        | OrderEvent::Shipped { .. }
        | OrderEvent::Delivered { .. }
        | OrderEvent::Cancelled { .. }
        | OrderEvent::Expired => Order::New,
    }
}

fn in_progress(basket: Basket, event: &OrderEvent) -> Order {
    let changed = match event {
        OrderEvent::ItemAdded { item, quantity } => with_item(basket, item, *quantity),
        OrderEvent::ItemQuantityChanged { product_id, quantity } => with_quantity(basket, product_id, *quantity),
        OrderEvent::ItemRemoved { product_id } => without_item(basket, product_id),
        OrderEvent::PriceChangedInBasket { product_id, old_price: _, new_price } => {
            with_price(basket, product_id, *new_price)
        }
        OrderEvent::VatRateChangedInBasket { product_id, old_rate: _, new_rate } => {
            with_vat_rate(basket, product_id, *new_rate)
        }
        OrderEvent::ProductWithdrawnFromBasket { product_id } => with_withdrawal(basket, product_id),
        OrderEvent::ProductRelistedInBasket { product_id } => with_relisting(basket, product_id),
        OrderEvent::VoucherApplied { code, amount } => with_voucher(basket, code, *amount),
        OrderEvent::VoucherRemoved { code } => without_voucher(basket, code),
        OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment } => {
            let details = CheckoutDetails {
                payment_id: *payment_id,
                email: email.clone(),
                shipping_address: shipping_address.clone(),
                payment: payment.clone(),
            };
            return Order::CheckedOut(bought(basket, *total, details));
        }
        OrderEvent::Expired => return Order::Expired(basket),
        OrderEvent::Started { .. }
        | OrderEvent::Reopened { .. }
        | OrderEvent::Confirmed { .. }
        | OrderEvent::Invoiced { .. }
        | OrderEvent::EmailChanged { .. }
        | OrderEvent::Shipped { .. }
        | OrderEvent::Delivered { .. }
        | OrderEvent::Cancelled { .. } => basket,
    };
    Order::InProgress(changed)
}

fn checked_out(purchase: Purchase, event: &OrderEvent) -> Order {
    match event {
        OrderEvent::Reopened { reason } => Order::InProgress(basket_again(purchase, reason.clone())),
        OrderEvent::Confirmed { number } => Order::Confirmed { purchase, number: *number },
        OrderEvent::Cancelled { reason } => Order::Cancelled { purchase, number: None, reason: reason.clone() },
        OrderEvent::Started { .. }
        | OrderEvent::ItemAdded { .. }
        | OrderEvent::ItemQuantityChanged { .. }
        | OrderEvent::ItemRemoved { .. }
        | OrderEvent::PriceChangedInBasket { .. }
        | OrderEvent::VatRateChangedInBasket { .. }
        | OrderEvent::ProductWithdrawnFromBasket { .. }
        | OrderEvent::ProductRelistedInBasket { .. }
        | OrderEvent::VoucherApplied { .. }
        | OrderEvent::VoucherRemoved { .. }
        | OrderEvent::CheckedOut { .. }
        | OrderEvent::Invoiced { .. }
        | OrderEvent::EmailChanged { .. }
        | OrderEvent::Shipped { .. }
        | OrderEvent::Delivered { .. }
        | OrderEvent::Expired => Order::CheckedOut(purchase),
    }
}

/// Adds up with the line of the same product, and brings that line to the price and name of now. Somebody who adds a
/// product has just seen its price and that it is for sale, so an older notice goes. When the pieces that lay there
/// already cost something else, that is a notice of its own.
fn with_item(mut basket: Basket, item: &ItemFacts, quantity: Quantity) -> Basket {
    if item.unit_price.currency != basket.currency {
        return basket;
    }
    match basket.line_mut(&item.product_id) {
        Some(line) => {
            let Ok(sum) = Quantity::try_from(line.quantity.get() + quantity.get()) else { return basket };
            let (old, new) = (line.item.unit_price, item.unit_price);
            line.notice = repriced(old, new);
            line.quantity = sum;
            line.item = item.clone();
        }
        None => basket.lines.push(OrderLine { item: item.clone(), quantity, notice: None }),
    }
    touched(basket)
}

fn with_quantity(mut basket: Basket, product_id: &ProductId, quantity: Quantity) -> Basket {
    let Some(line) = basket.line_mut(product_id) else { return basket };
    line.quantity = quantity;
    touched(basket)
}

fn without_item(mut basket: Basket, product_id: &ProductId) -> Basket {
    if basket.line(product_id).is_none() {
        return basket;
    }
    basket.lines.retain(|line| line.item.product_id != *product_id);
    touched(basket)
}

/// Several price changes in a row make one notice, from the price that the shopper last saw; back at that price, there is
/// nothing left to say. A withdrawn line stays withdrawn, and keeps that price for when it comes back.
fn with_price(mut basket: Basket, product_id: &ProductId, new: Money) -> Basket {
    if new.currency != basket.currency {
        return basket;
    }
    let Some(line) = basket.line_mut(product_id) else { return basket };
    let last_seen = line.last_seen_price().unwrap_or(line.item.unit_price);
    line.notice = if line.is_withdrawn() {
        Some(LineNotice::Withdrawn { last_seen: Some(last_seen) })
    } else {
        repriced(last_seen, new)
    };
    line.item.unit_price = new;
    touched(basket)
}

/// What one costs stays, so there is nothing that the shopper should know.
fn with_vat_rate(mut basket: Basket, product_id: &ProductId, new: VatRate) -> Basket {
    if let Some(line) = basket.line_mut(product_id) {
        line.item.vat_rate_percent = new;
    }
    basket
}

fn with_withdrawal(mut basket: Basket, product_id: &ProductId) -> Basket {
    let Some(line) = basket.line_mut(product_id) else { return basket };
    line.notice = Some(LineNotice::Withdrawn { last_seen: line.last_seen_price() });
    touched(basket)
}

/// What was said of its price before it was withdrawn, or could not be said meanwhile, is said again.
fn with_relisting(mut basket: Basket, product_id: &ProductId) -> Basket {
    let Some(line) = basket.line_mut(product_id).filter(|line| line.is_withdrawn()) else { return basket };
    line.notice = line.last_seen_price().and_then(|last_seen| repriced(last_seen, line.item.unit_price));
    touched(basket)
}

fn repriced(old: Money, new: Money) -> Option<LineNotice> {
    (old != new).then_some(LineNotice::Repriced { old, new })
}

fn with_voucher(mut basket: Basket, code: &VoucherCode, amount: Money) -> Basket {
    if amount.currency == basket.currency && amount.amount > 0 {
        basket.voucher = Some(AppliedVoucher { code: code.clone(), amount });
    }
    basket
}

fn without_voucher(mut basket: Basket, code: &VoucherCode) -> Basket {
    basket.voucher = basket.voucher.filter(|voucher| voucher.code != *code);
    basket
}

/// The lines have changed, so the reason why the last checkout failed is no longer news.
fn touched(mut basket: Basket) -> Basket {
    basket.reopened_because = None;
    basket
}

/// Buying is agreeing with what the lines cost, so notices go.
fn bought(basket: Basket, total: Money, details: CheckoutDetails) -> Purchase {
    let lines = basket.lines.into_iter().map(|line| OrderLine { notice: None, ..line }).collect();
    Purchase {
        customer_id: basket.customer_id,
        currency: basket.currency,
        lines,
        voucher: basket.voucher,
        total,
        details,
        invoice: None,
    }
}

fn basket_again(purchase: Purchase, reason: ReopenReason) -> Basket {
    Basket {
        customer_id: purchase.customer_id,
        currency: purchase.currency,
        lines: purchase.lines,
        voucher: purchase.voucher,
        reopened_because: Some(reason),
        last_checkout: Some(purchase.details),
    }
}
