//! How money that goes back is spread over the VAT rates of an invoice.

use storefront_api::Money;

use crate::TaxOfRate;

/// The part of `amount` that falls to each rate of what is `left`, and the VAT in it. `amount` is at most all that is left.
///
/// Each rate gets its share of what is left. The shares are differences of rounded-down running sums, so that they add up
/// exactly and none is more than its rate has left. The VAT of a share is the same part of the VAT that is left, rounded
/// half up; so the last credit note, which takes all, takes exactly the VAT that the others left.
pub(super) fn part(left: &[TaxOfRate], amount: Money) -> Vec<TaxOfRate> {
    let total: i128 = left.iter().map(|rate| i128::from(rate.gross.amount)).sum();
    let (mut before, mut shared) = (0_i128, 0_i128);
    let mut parts = Vec::with_capacity(left.len());
    for rate in left {
        before += i128::from(rate.gross.amount);
        let shared_now = if total == 0 { 0 } else { i128::from(amount.amount) * before / total };
        let gross = shared_now - shared;
        shared = shared_now;
        if gross > 0 {
            let tax = rounded_half_up(i128::from(rate.amount.amount) * gross, i128::from(rate.gross.amount));
            parts.push(TaxOfRate { gross: money(gross, amount), amount: money(tax, amount), ..*rate });
        }
    }
    parts
}

/// The same amount with the other sign.
pub(super) fn negated(amount: Money) -> Money {
    Money::new(amount.amount.saturating_neg(), amount.currency)
}

/// The same part with the other sign.
pub(super) fn negated_tax(part: &TaxOfRate) -> TaxOfRate {
    TaxOfRate { gross: negated(part.gross), amount: negated(part.amount), ..*part }
}

/// What is left at each rate once a part is gone, or has come back.
pub(super) fn without(mut left: Vec<TaxOfRate>, part: &[TaxOfRate]) -> Vec<TaxOfRate> {
    for gone in part {
        if let Some(rate) = left.iter_mut().find(|rate| rate.rate_percent == gone.rate_percent) {
            rate.gross = rate.gross.minus(gone.gross).unwrap_or(rate.gross);
            rate.amount = rate.amount.minus(gone.amount).unwrap_or(rate.amount);
        }
    }
    left
}

/// For `dividend` and `divisor` above zero.
fn rounded_half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor) / (2 * divisor)
}

fn money(amount: i128, like: Money) -> Money {
    crate::tax::money(amount, like.currency)
}
