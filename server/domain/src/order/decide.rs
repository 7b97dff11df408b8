//! The events that a command leads to, or why an order refuses it.

use storefront_api::{Money, OrderStatus, ProductId, ReopenReason, VatRate, VoucherCode};

use super::{AppliedVoucher, CheckoutDetails, OrderLine, Purchase, basket};
use super::{Basket, ItemFacts, LineFacts, LineProblem, Order, OrderCommand, OrderError, OrderEvent};
use crate::Quantity;
use crate::invoice::InvoiceNumber;

/// Maximum number of lines of a basket.
pub const MAX_LINES: usize = 50;

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the order refuses the command; nothing is written then.
pub fn decide(order: &Order, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderError> {
    match command {
        OrderCommand::AddItem { customer_id, item, quantity, available, spending_limit } => {
            if *order == Order::New {
                let basket = Basket::new(customer_id, item.unit_price.currency);
                let started = OrderEvent::Started { customer_id, currency: basket.currency };
                return Ok(vec![started, add_item(&basket, item, quantity, available, spending_limit)?]);
            }
            let basket = open_basket(order, "changed")?;
            Ok(vec![add_item(basket, item, quantity, available, spending_limit)?])
        }
        OrderCommand::ChangeQuantity { product_id, quantity, available } => {
            change_quantity(open_basket(order, "changed")?, product_id, quantity, available)
        }
        OrderCommand::RemoveItem { product_id } => remove_item(open_basket(order, "changed")?, product_id),
        OrderCommand::Clear => Ok(clear(open_basket(order, "changed")?)),
        OrderCommand::NoticePrice { product_id, new_price } => match affected_basket(order)? {
            Some(basket) => notice_price(basket, &product_id, new_price),
            None => Ok(vec![]),
        },
        OrderCommand::NoticeWithdrawal { product_id } => {
            Ok(affected_basket(order)?.map_or_else(Vec::new, |basket| notice_withdrawal(basket, product_id)))
        }
        OrderCommand::NoticeVatRate { product_id, new_rate } => {
            let line = affected_basket(order)?.and_then(|basket| basket.line(&product_id));
            Ok(line.and_then(|line| vat_rate_change(line, new_rate)).into_iter().collect())
        }
        OrderCommand::NoticeRelisting { product_id } => {
            let line = affected_basket(order)?.and_then(|basket| basket.line(&product_id));
            Ok(line.and_then(relisting).into_iter().collect())
        }
        OrderCommand::ApplyVoucher { code, amount } => apply_voucher(open_basket(order, "changed")?, code, amount),
        OrderCommand::RemoveVoucher => {
            let voucher = open_basket(order, "changed")?.voucher.as_ref();
            Ok(voucher.map(|voucher| OrderEvent::VoucherRemoved { code: voucher.code.clone() }).into_iter().collect())
        }
        OrderCommand::CheckOut {
            expected_total,
            facts,
            spending_limit,
            payment_id,
            email,
            shipping_address,
            payment,
        } => {
            let details = CheckoutDetails { payment_id, email, shipping_address, payment, is_erased: false };
            let basket = open_basket(order, "checked out")?;
            check_out(basket, expected_total, &facts, spending_limit, details)
        }
        OrderCommand::Reopen { payment_id, reason } => {
            let purchase = running_checkout(order, "reopened")?;
            check_state(order, "reopened by another checkout", purchase.details.payment_id == payment_id)?;
            Ok(reopen(reason))
        }
        OrderCommand::Confirm { payment_id, number } => {
            let purchase = running_checkout(order, "confirmed")?;
            check_state(order, "confirmed by another payment", purchase.details.payment_id == payment_id)?;
            Ok(vec![OrderEvent::Confirmed { number }])
        }
        OrderCommand::NoteInvoice { number } => note_invoice(order, number),
        OrderCommand::ChangeEmail { email } => change_email(order, email),
        OrderCommand::Ship { carrier, tracking_number, estimated_delivery } => {
            check_state(order, "shipped", matches!(order, Order::Confirmed { .. }))?;
            Ok(vec![OrderEvent::Shipped { carrier, tracking_number, estimated_delivery }])
        }
        OrderCommand::Deliver { recipient } => {
            check_state(order, "delivered", matches!(order, Order::Shipped { .. }))?;
            Ok(vec![OrderEvent::Delivered { recipient }])
        }
        OrderCommand::Cancel { reason } => {
            check_state(order, "cancelled", matches!(order, Order::CheckedOut(_) | Order::Confirmed { .. }))?;
            Ok(vec![OrderEvent::Cancelled { reason }])
        }
        OrderCommand::Erase => {
            check_state(order, "erased", order.is_finished())?;
            let left = order.checkout_details().filter(|details| !details.is_erased);
            Ok(left.map(|_| OrderEvent::Erased).into_iter().collect())
        }
        OrderCommand::Expire => Ok(order.basket().map(|_| OrderEvent::Expired).into_iter().collect()),
    }
}

fn note_invoice(order: &Order, number: InvoiceNumber) -> Result<Vec<OrderEvent>, OrderError> {
    match order.purchase() {
        Some(purchase) if order.number().is_some() => {
            Ok(if purchase.invoice.is_none() { vec![OrderEvent::Invoiced { number }] } else { vec![] })
        }
        Some(_) | None => Err(wrong_state(order, "invoiced")),
    }
}

fn change_email(order: &Order, email: String) -> Result<Vec<OrderEvent>, OrderError> {
    match order.purchase() {
        Some(purchase) if purchase.details.email == email => Ok(vec![]),
        Some(_) => Ok(vec![OrderEvent::EmailChanged { email }]),
        None => Err(wrong_state(order, "sent mail about")),
    }
}

fn open_basket<'a>(order: &'a Order, attempted: &'static str) -> Result<&'a Basket, OrderError> {
    order.basket().ok_or_else(|| wrong_state(order, attempted))
}

fn running_checkout<'a>(order: &'a Order, attempted: &'static str) -> Result<&'a Purchase, OrderError> {
    if let Order::CheckedOut(purchase) = order { Ok(purchase) } else { Err(wrong_state(order, attempted)) }
}

/// The basket that a change of a product may affect; `None` once the order is bought or has expired.
fn affected_basket(order: &Order) -> Result<Option<&Basket>, OrderError> {
    if *order == Order::New { Err(OrderError::NotFound) } else { Ok(order.basket()) }
}

fn check_state(order: &Order, attempted: &'static str, is_allowed: bool) -> Result<(), OrderError> {
    if is_allowed { Ok(()) } else { Err(wrong_state(order, attempted)) }
}

fn wrong_state(order: &Order, attempted: &'static str) -> OrderError {
    order.status().map_or(OrderError::NotFound, |status| OrderError::WrongState { status, attempted })
}

fn add_item(
    basket: &Basket,
    item: ItemFacts,
    quantity: Quantity,
    available: u32,
    spending_limit: Option<Money>,
) -> Result<OrderEvent, OrderError> {
    check_currency(basket, item.unit_price)?;
    if let Some(limit) = spending_limit.filter(|limit| is_over(item.unit_price, *limit)) {
        return Err(OrderError::OverSpendingLimit { product_id: item.product_id, limit });
    }
    let line = basket.line(&item.product_id);
    if line.is_none() && basket.lines.len() >= MAX_LINES {
        return Err(OrderError::TooManyLines);
    }
    let would_be = line.map_or(0, |line| line.quantity.get()) + quantity.get();
    let sum = Quantity::try_from(would_be).map_err(|_| OrderError::TooManyPieces { would_be })?;
    check_available(&item.product_id, sum, available)?;
    check_total_with(basket, &item.product_id, item.unit_price, sum)?;
    Ok(OrderEvent::ItemAdded { item, quantity })
}

fn change_quantity(
    basket: &Basket,
    product_id: ProductId,
    quantity: Quantity,
    available: u32,
) -> Result<Vec<OrderEvent>, OrderError> {
    let line = basket.line(&product_id).ok_or_else(|| OrderError::NoSuchLine(product_id.clone()))?;
    if line.quantity == quantity {
        return Ok(vec![]);
    }
    check_available(&product_id, quantity, available)?;
    check_total_with(basket, &product_id, line.item.unit_price, quantity)?;
    Ok(vec![OrderEvent::ItemQuantityChanged { product_id, quantity }])
}

fn remove_item(basket: &Basket, product_id: ProductId) -> Result<Vec<OrderEvent>, OrderError> {
    match basket.line(&product_id) {
        Some(_) => Ok(vec![OrderEvent::ItemRemoved { product_id }]),
        None => Err(OrderError::NoSuchLine(product_id)),
    }
}

fn clear(basket: &Basket) -> Vec<OrderEvent> {
    let products = basket.lines.iter().map(|line| line.item.product_id.clone());
    products.map(|product_id| OrderEvent::ItemRemoved { product_id }).collect()
}

fn notice_price(basket: &Basket, product_id: &ProductId, new_price: Money) -> Result<Vec<OrderEvent>, OrderError> {
    let Some(line) = basket.line(product_id) else { return Ok(vec![]) };
    check_currency(basket, new_price)?;
    check_total_with(basket, product_id, new_price, line.quantity)?;
    Ok(price_change(line, new_price).into_iter().collect())
}

fn notice_withdrawal(basket: &Basket, product_id: ProductId) -> Vec<OrderEvent> {
    match basket.line(&product_id) {
        Some(line) if !line.is_withdrawn() => {
            vec![OrderEvent::ProductWithdrawnFromBasket { product_id }]
        }
        Some(_) | None => vec![],
    }
}

fn apply_voucher(basket: &Basket, code: VoucherCode, amount: Money) -> Result<Vec<OrderEvent>, OrderError> {
    check_currency(basket, amount)?;
    let voucher = AppliedVoucher { code, amount };
    if basket.voucher.as_ref() == Some(&voucher) {
        return Ok(vec![]);
    }
    let AppliedVoucher { code, amount } = voucher;
    Ok(vec![OrderEvent::VoucherApplied { code, amount }])
}

/// A voucher that cannot be used is removed from the basket.
fn reopen(reason: ReopenReason) -> Vec<OrderEvent> {
    let removed = match &reason {
        ReopenReason::VoucherUnavailable { voucher } => Some(OrderEvent::VoucherRemoved { code: voucher.clone() }),
        ReopenReason::OutOfStock { .. } | ReopenReason::PaymentDeclined { .. } | ReopenReason::ReservationExpired => {
            None
        }
    };
    [OrderEvent::Reopened { reason }].into_iter().chain(removed).collect()
}

/// Every line is checked before the total, so that the error lists all problems at once. The prices and VAT rates of the
/// facts apply. Events that change lines to them come first, so that lines, total and invoice always agree.
fn check_out(
    basket: &Basket,
    expected_total: Money,
    facts: &[LineFacts],
    spending_limit: Option<Money>,
    details: CheckoutDetails,
) -> Result<Vec<OrderEvent>, OrderError> {
    if basket.lines.is_empty() {
        return Err(OrderError::Empty);
    }
    if basket.last_checkout.as_ref().is_some_and(|last| last.payment_id == details.payment_id) {
        let attempted = "checked out with the payment of an earlier checkout";
        return Err(OrderError::WrongState { status: OrderStatus::InProgress, attempted });
    }
    let mut problems = Vec::new();
    let mut buyable = Vec::new();
    for line in &basket.lines {
        match check_line(line, facts, spending_limit) {
            Ok(facts) => buyable.push((line, facts)),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(OrderError::LinesNotBuyable(problems));
    }
    for (_, facts) in &buyable {
        check_currency(basket, facts.price)?;
    }
    let subtotal = total_of(basket, buyable.iter().map(|(line, facts)| (facts.price, line.quantity)))?;
    let voucher = basket.voucher.as_ref().map_or(Money::zero(subtotal.currency), |voucher| voucher.amount);
    let discount = basket::discount_on(subtotal, voucher);
    let total = subtotal.minus(discount).map_err(|_| OrderError::TotalTooLarge)?;
    if total != expected_total {
        return Err(OrderError::TotalChanged { new_total: total });
    }
    let CheckoutDetails { payment_id, email, shipping_address, payment, is_erased: _ } = details;
    let changes = |&(line, facts): &(&OrderLine, &LineFacts)| {
        [relisting(line), price_change(line, facts.price), vat_rate_change(line, facts.vat_rate_percent)]
    };
    let mut events: Vec<_> = buyable.iter().flat_map(changes).flatten().collect();
    events.push(OrderEvent::CheckedOut { payment_id, total, email, shipping_address, payment });
    Ok(events)
}

fn check_line<'a>(
    line: &OrderLine,
    facts: &'a [LineFacts],
    spending_limit: Option<Money>,
) -> Result<&'a LineFacts, LineProblem> {
    let product_id = &line.item.product_id;
    let wanted = line.quantity.get();
    match facts.iter().find(|facts| facts.product_id == *product_id) {
        Some(facts) if facts.active => {
            if facts.available < wanted {
                let (product_id, available) = (product_id.clone(), facts.available);
                return Err(LineProblem::NotAvailable { product_id, wanted, available });
            }
            if let Some(limit) = spending_limit.filter(|limit| is_over(facts.price, *limit)) {
                return Err(LineProblem::OverSpendingLimit { product_id: product_id.clone(), limit });
            }
            Ok(facts)
        }
        Some(_) | None => Err(LineProblem::Withdrawn { product_id: product_id.clone() }),
    }
}

fn price_change(line: &OrderLine, new_price: Money) -> Option<OrderEvent> {
    let (product_id, old_price) = (line.item.product_id.clone(), line.item.unit_price);
    (old_price != new_price).then_some(OrderEvent::PriceChangedInBasket { product_id, old_price, new_price })
}

/// Removes the mark of a withdrawn line whose product is for sale.
fn relisting(line: &OrderLine) -> Option<OrderEvent> {
    line.is_withdrawn().then(|| OrderEvent::ProductRelistedInBasket { product_id: line.item.product_id.clone() })
}

fn vat_rate_change(line: &OrderLine, new_rate: VatRate) -> Option<OrderEvent> {
    let (product_id, old_rate) = (line.item.product_id.clone(), line.item.vat_rate_percent);
    (old_rate != new_rate).then_some(OrderEvent::VatRateChangedInBasket { product_id, old_rate, new_rate })
}

fn check_currency(basket: &Basket, price: Money) -> Result<(), OrderError> {
    if price.currency == basket.currency { Ok(()) } else { Err(OrderError::WrongCurrency) }
}

/// Whether a price exceeds a limit; a limit in another currency allows nothing.
fn is_over(price: Money, limit: Money) -> bool {
    price.currency != limit.currency || price.amount > limit.amount
}

fn check_available(product_id: &ProductId, wanted: Quantity, available: u32) -> Result<(), OrderError> {
    if wanted.get() <= available {
        return Ok(());
    }
    Err(OrderError::NotAvailable { product_id: product_id.clone(), available })
}

/// Checks that the total fits once a product has this price and quantity.
fn check_total_with(
    basket: &Basket,
    product_id: &ProductId,
    price: Money,
    quantity: Quantity,
) -> Result<(), OrderError> {
    let others = basket.lines.iter().filter(|line| line.item.product_id != *product_id);
    let lines = others.map(|line| (line.item.unit_price, line.quantity));
    total_of(basket, lines.chain([(price, quantity)])).map(|_| ())
}

fn total_of(basket: &Basket, lines: impl Iterator<Item = (Money, Quantity)>) -> Result<Money, OrderError> {
    let mut sum = Money::zero(basket.currency);
    for (price, quantity) in lines {
        let line_total = price.times(quantity.get()).map_err(|_| OrderError::TotalTooLarge)?;
        sum = sum.plus(line_total).map_err(|_| OrderError::TotalTooLarge)?;
    }
    Ok(sum)
}
