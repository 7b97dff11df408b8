//! The VAT that prices include.

use std::collections::BTreeMap;

use storefront_api::{Currency, Money};

/// The VAT of everything that is sold at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxOfRate {
    /// Whole percent.
    pub rate_percent: u8,
    /// What is sold at this rate, VAT included.
    pub gross: Money,
    /// The VAT in it, rounded half up.
    pub amount: Money,
}

/// The VAT that line totals include, by rate, lowest rate first.
///
/// Each line is its total, VAT included, and its rate in whole percent. Per rate the VAT is
/// `gross · rate / (100 + rate)`, which follows from `gross = net · (1 + rate / 100)`. It is rounded once, on the sum of
/// the rate and not on each line, so that the parts of a long receipt do not drift from its total.
pub fn included_tax(lines: impl IntoIterator<Item = (Money, u8)>) -> Vec<TaxOfRate> {
    let mut gross_of_rates = BTreeMap::<(u8, Currency), i128>::new();
    for (gross, rate_percent) in lines {
        *gross_of_rates.entry((rate_percent, gross.currency)).or_default() += i128::from(gross.amount);
    }
    gross_of_rates
        .into_iter()
        .map(|((rate_percent, currency), gross)| TaxOfRate {
            rate_percent,
            gross: money(gross, currency),
            amount: money(part_of_gross(gross, rate_percent), currency),
        })
        .collect()
}

/// `gross · rate / (100 + rate)`, rounded half up: twice the fraction plus one half of two, floored.
fn part_of_gross(gross: i128, rate_percent: u8) -> i128 {
    let rate = i128::from(rate_percent);
    let whole = 100 + rate;
    (2 * gross * rate + whole).div_euclid(2 * whole)
}

/// An order's total fits 64 bits, and so does every part of it; what does not fit stops at the end of the range.
pub(crate) fn money(amount: i128, currency: Currency) -> Money {
    let within = amount.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Money::new(i64::try_from(within).unwrap_or(i64::MAX), currency)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn euro(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    fn amounts(lines: &[(i64, u8)]) -> Vec<(u8, i64, i64)> {
        included_tax(lines.iter().map(|&(gross, rate)| (euro(gross), rate)))
            .into_iter()
            .map(|tax| (tax.rate_percent, tax.gross.amount, tax.amount.amount))
            .collect()
    }

    #[test]
    fn the_vat_is_taken_out_of_the_price_and_not_put_on_top() {
        assert_eq!(amounts(&[(11900, 19)]), [(19, 11900, 1900)]);
        assert_eq!(amounts(&[(10700, 7)]), [(7, 10700, 700)]);
    }

    #[test]
    fn rates_are_listed_apart_and_lowest_first() {
        assert_eq!(amounts(&[(11900, 19), (10700, 7), (500, 0)]), [(0, 500, 0), (7, 10700, 700), (19, 11900, 1900)]);
    }

    #[test]
    fn a_half_is_rounded_up() {
        // 1 % of 101 in 202 hundredths: 50.5 · 1 / 101 = 0.5.
        assert_eq!(part_of_gross(3, 20), 1);
        assert_eq!(part_of_gross(2, 20), 0);
        assert_eq!(part_of_gross(9, 20), 2);
    }

    #[test]
    fn rounding_happens_once_per_rate_and_not_once_per_line() {
        // One line of 0.03 holds 0.00479, rounded 0.00; ten of them hold 0.0479, rounded 0.05.
        assert_eq!(amounts(&[(3, 19)]), [(19, 3, 0)]);
        assert_eq!(amounts(&[(3, 19); 10]), [(19, 30, 5)]);
    }

    #[test]
    fn no_lines_hold_no_vat() {
        assert_eq!(amounts(&[]), []);
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        assert_eq!(amounts(&[(i64::MAX, 100)]), [(100, i64::MAX, 4_611_686_018_427_387_904)]);
        assert_eq!(amounts(&[(i64::MAX, 19), (i64::MAX, 19)])[0].1, i64::MAX);
    }

    proptest! {
        #[test]
        fn the_vat_is_within_half_a_cent_of_the_true_fraction(gross in 0..1_000_000_000_i64, rate in 0..=100_u8) {
            let vat = i128::from(amounts(&[(gross, rate)])[0].2);
            let whole = 100 + i128::from(rate);
            // |vat − gross·rate/whole| ≤ 1/2, without a fraction.
            prop_assert!((2 * (vat * whole - i128::from(gross) * i128::from(rate))).abs() <= whole);
        }

        #[test]
        fn the_gross_of_all_rates_is_the_sum_of_the_lines(
            lines in prop::collection::vec((0..1_000_000_i64, 0..=25_u8), 0..50)
        ) {
            let gross: i64 = amounts(&lines).iter().map(|tax| tax.1).sum();
            prop_assert_eq!(gross, lines.iter().map(|line| line.0).sum::<i64>());
        }
    }
}
