//! The amounts of a credit note, distributed over the VAT rates of its invoice.

use storefront_api::Money;

use crate::TaxOfRate;

/// Distributes `amount` over the rates in proportion to what is `left` of them, with the VAT of each share. `amount` is at
/// most the sum of what is left.
///
/// The shares are differences of rounded-down running sums, so that they add up exactly and none exceeds what its rate has
/// left. The VAT of a share is the same proportion of the VAT that is left, rounded half up; so the last credit note, which
/// takes everything, takes exactly the VAT that the others left.
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

pub(super) fn negated(amount: Money) -> Money {
    Money::new(amount.amount.saturating_neg(), amount.currency)
}

pub(super) fn negated_tax(part: &TaxOfRate) -> TaxOfRate {
    TaxOfRate { gross: negated(part.gross), amount: negated(part.amount), ..*part }
}

/// What is left of each rate without a credited (or, with negative amounts, cancelled) part.
pub(super) fn without(mut left: Vec<TaxOfRate>, part: &[TaxOfRate]) -> Vec<TaxOfRate> {
    for credited in part {
        if let Some(rate) = left.iter_mut().find(|rate| rate.rate_percent == credited.rate_percent) {
            rate.gross = rate.gross.minus(credited.gross).unwrap_or(rate.gross);
            rate.amount = rate.amount.minus(credited.amount).unwrap_or(rate.amount);
        }
    }
    left
}

/// `dividend / divisor`, rounded half up; both are above zero.
fn rounded_half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor) / (2 * divisor)
}

fn money(amount: i128, like: Money) -> Money {
    crate::tax::money(amount, like.currency)
}
