//! VAT that is included in prices.

use std::collections::BTreeMap;

use storefront_api::{Currency, Money, VatRate};

/// The gross amount and VAT of the lines of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxOfRate {
    pub rate_percent: VatRate,
    /// Amount to pay at this rate, VAT included, after the discount.
    pub gross: Money,
    /// VAT included in `gross`, rounded half up.
    pub amount: Money,
}

impl TaxOfRate {
    /// The gross amount without VAT.
    pub fn net(&self) -> Money {
        self.gross.minus(self.amount).unwrap_or(self.gross)
    }
}

/// The VAT included in lines, by rate, lowest rate first. Each line is its gross total and its rate.
///
/// The discount is distributed over the rates in proportion to their gross amounts, in whole minor units: the rates up to and
/// including one bear `discount · their gross / total gross`, rounded down, and each rate bears its increment. The shares
/// therefore add up to the discount exactly, each differs from its exact share by less than one unit, and none exceeds the
/// gross amount of its rate.
///
/// The VAT of a rate is `gross · rate / (100 + rate)` of its discounted gross amount, which follows from
/// `gross = net · (1 + rate / 100)`. It is rounded once per rate and not per line, so that the rounding errors of many lines
/// do not add up.
pub fn included_tax(lines: impl IntoIterator<Item = (Money, VatRate)>, discount: Money) -> Vec<TaxOfRate> {
    let mut gross_of_rates = BTreeMap::<(VatRate, Currency), i128>::new();
    for (gross, rate_percent) in lines {
        *gross_of_rates.entry((rate_percent, gross.currency)).or_default() += i128::from(gross.amount);
    }
    let all: i128 = gross_of_rates.values().sum();
    let discount = i128::from(discount.amount).clamp(0, all.max(0));
    // Zero when there are no lines. Amounts beyond any order saturate.
    let borne_up_to = |gross: i128| discount.saturating_mul(gross).checked_div(all).unwrap_or(0);
    let mut up_to_here = 0;
    gross_of_rates
        .into_iter()
        .map(|((rate_percent, currency), gross)| {
            let borne = borne_up_to(up_to_here + gross) - borne_up_to(up_to_here);
            up_to_here += gross;
            let left = gross - borne;
            TaxOfRate {
                rate_percent,
                gross: money(left, currency),
                amount: money(part_of_gross(left, rate_percent), currency),
            }
        })
        .collect()
}

/// `gross · rate / (100 + rate)`, rounded half up, as the floor of the fraction plus one half. Rates are in thousandths of a
/// percent.
fn part_of_gross(gross: i128, rate: VatRate) -> i128 {
    let rate = i128::from(rate.thousandths_of_a_percent());
    let whole = i128::from(VatRate::WHOLE_THOUSANDTHS) + rate;
    (2 * gross * rate + whole).div_euclid(2 * whole)
}

/// Money from a wide amount, saturating. The total of an order, and every part of it, fits into 64 bits.
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
        discounted(lines, 0)
    }

    fn discounted(lines: &[(i64, u8)], discount: i64) -> Vec<(u8, i64, i64)> {
        included_tax(lines.iter().map(|&(gross, rate)| (euro(gross), VatRate::percent(rate))), euro(discount))
            .into_iter()
            .map(|tax| (whole_percent(tax.rate_percent), tax.gross.amount, tax.amount.amount))
            .collect()
    }

    fn whole_percent(rate: VatRate) -> u8 {
        rate.to_string().parse().unwrap()
    }

    fn rate(percent: &str) -> VatRate {
        percent.parse().unwrap()
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
        assert_eq!(part_of_gross(3, rate("20")), 1);
        assert_eq!(part_of_gross(2, rate("20")), 0);
        assert_eq!(part_of_gross(9, rate("20")), 2);
    }

    #[test]
    fn rates_with_decimals_are_counted_exactly() {
        // 105.50 at 5.5 % hold exactly 5.50; 125.50 at 25.5 % exactly 25.50; 108.10 at 8.1 % exactly 8.10.
        for (gross, percent, vat) in [(10_550, "5.5", 550), (12_550, "25.5", 2_550), (10_810, "8.1", 810)] {
            assert_eq!(part_of_gross(gross, rate(percent)), vat, "{percent}");
        }
        // 10.00 at 5.5 %: 0.52132…; 9.975 %: 0.90702…; a half, 0.5 at 6.25 % of 8.5, is rounded up.
        assert_eq!(part_of_gross(1_000, rate("5.5")), 52);
        assert_eq!(part_of_gross(1_000, rate("9.975")), 91);
        assert_eq!(part_of_gross(17, rate("6.25")), 1);
        assert_eq!(part_of_gross(8, rate("6.25")), 0);
        let near =
            included_tax([(euro(1_000), rate("5.5")), (euro(1_000), rate("5")), (euro(55), rate("5.5"))], euro(0));
        let by_rate: Vec<_> =
            near.iter().map(|tax| (tax.rate_percent.to_string(), tax.gross.amount, tax.amount.amount)).collect();
        assert_eq!(by_rate, [("5".to_owned(), 1_000, 48), ("5.5".to_owned(), 1_055, 55)]);
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

    #[test]
    fn a_discount_is_spread_over_the_rates_in_proportion_and_the_vat_is_of_what_is_left() {
        // Of the 5.00, the 107.00 at 7 % bear 2.36 (2.367 rounded down) and the 119.00 at 19 % the other 2.64.
        assert_eq!(discounted(&[(11_900, 19), (10_700, 7)], 500), [(7, 10_464, 685), (19, 11_636, 1_858)]);
        assert_eq!(discounted(&[(11_900, 19)], 500), [(19, 11_400, 1_820)]);
        assert_eq!(discounted(&[(300, 19), (200, 7)], 500), [(7, 0, 0), (19, 0, 0)]);
        assert_eq!(discounted(&[(300, 19), (200, 7)], 9_999), [(7, 0, 0), (19, 0, 0)], "never below zero");
        assert_eq!(discounted(&[(0, 7)], 500), [(7, 0, 0)]);
    }

    proptest! {
        #[test]
        fn a_discount_is_borne_whole_and_no_rate_bears_more_than_it_has_or_a_cent_off_its_part(
            lines in prop::collection::vec((0..1_000_000_i64, 0..=25_u8), 1..20),
            discount in 0..2_000_000_i64,
        ) {
            let (before, after) = (amounts(&lines), discounted(&lines, discount));
            let all: i64 = before.iter().map(|tax| tax.1).sum();
            let off = discount.min(all);
            prop_assert_eq!(after.iter().map(|tax| tax.1).sum::<i64>(), all - off);
            for (before, after) in before.iter().zip(&after) {
                prop_assert!((0..=before.1).contains(&after.1) && (0..=after.1).contains(&after.2));
                let true_part = i128::from(off) * i128::from(before.1);
                prop_assert!((i128::from(before.1 - after.1) * i128::from(all) - true_part).abs() < i128::from(all.max(1)));
            }
        }

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
