//! Exact conversion of decimal text to minor units, without floats.

/// Converts a decimal number in JSON notation (RFC 8259, section 6: `12`, `12.5`, `-0.05`, `1.25e1`) to minor units of a
/// currency with `exponent` decimal digits: `12.5` is 1250 at exponent 2.
///
/// # Errors
/// When it is not a number, has more decimal digits than the currency, or is too large; with a short reason.
pub(super) fn to_minor_units(text: &str, exponent: u32) -> Result<i64, String> {
    let not_a_number = || format!("{:?} is not a decimal number", shortened(text));
    if text.len() > 40 {
        return Err(not_a_number());
    }
    let (mantissa, power) = match text.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| not_a_number())?),
        None => (text, 0),
    };
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(not_a_number()),
        None => (unsigned, ""),
    };
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) {
        return Err(not_a_number());
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let (exponent, dropped) = (i64::from(exponent), digits.len() - significant.len());
    // Neither length exceeds 40, so these fit.
    let zeros = exponent + i64::from(power) - fraction.len() as i64 + dropped as i64;
    if significant.trim_start_matches('0').is_empty() {
        return Ok(0);
    }
    if zeros < 0 {
        return Err(format!("{text} has more decimal places than its currency"));
    }
    let too_large = || format!("{text} is too large");
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 20).ok_or_else(too_large)?;
    format!("{sign}{significant}{}", "0".repeat(zeros)).parse().map_err(|_| too_large())
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_minor_units_exactly() {
        for (text, minor) in [
            ("12", 1200),
            ("12.5", 1250),
            ("12.50", 1250),
            ("12.500", 1250),
            ("0.05", 5),
            ("-0.05", -5),
            ("0", 0),
            ("0.000", 0),
            ("1.25e1", 1250),
            ("1250E-2", 1250),
            ("4.35", 435),
            ("1.1", 110),
            ("0.1e+1", 100),
            ("0e99", 0),
            ("007.10", 710),
            ("90071992547409.93", 9_007_199_254_740_993),
            ("92233720368547758.07", i64::MAX),
        ] {
            assert_eq!(to_minor_units(text, 2), Ok(minor), "{text}");
        }
    }

    #[test]
    fn currencies_have_their_own_number_of_digits() {
        assert_eq!(to_minor_units("300", 0), Ok(300));
        assert_eq!(to_minor_units("300.0", 0), Ok(300));
        assert!(to_minor_units("300.5", 0).is_err());
        assert_eq!(to_minor_units("1.001", 3), Ok(1001));
    }

    #[test]
    fn what_is_no_exact_amount_is_refused() {
        for text in [
            "",
            "-",
            ".",
            ".5",
            "5.",
            "1,50",
            "€5",
            "5 ",
            "+5",
            "1e",
            "1e1.5",
            "--1",
            "1.2.3",
            "NaN",
            "null",
            "0x10",
            "12.505",
            "1e-3",
            "1e18",
            "1e2147483647",
            "1e99999999999",
            "92233720368547758.08",
            "9".repeat(41).as_str(),
        ] {
            assert!(to_minor_units(text, 2).is_err(), "{text}");
        }
    }
}
