//! Test cards and their behaviour, after the gateway's public documentation (docs.stripe.com/testing), plus two of the
//! stub's own: a slow one and one whose refunds fail at once. Pure data; a card number is looked up here and not
//! stored.

/// What happens when a card is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Approves,
    /// The charge succeeds after the configured delay.
    ApprovesSlowly,
    Declines(Decline),
    /// The bank requires the card's owner to authenticate first.
    RequiresAuthentication,
}

/// The codes and message of a decline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) decline_code: &'static str,
    pub(crate) message: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestCard {
    /// The suffix of its tokens, after `pm_card_` or `tok_`.
    pub(crate) name: &'static str,
    pub(crate) number: &'static str,
    pub(crate) behaviour: Behaviour,
}

impl TestCard {
    pub(crate) fn brand(&self) -> &'static str {
        match self.number.as_bytes() {
            [b'5', ..] => "mastercard",
            [b'3', ..] => "amex",
            [b'6', ..] => "discover",
            _ => "visa",
        }
    }

    pub(crate) fn last4(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }
}

/// The generic decline, also used by the fault switch.
pub(crate) const GENERIC_DECLINE: Decline = declined("generic_decline", "Your card was declined.");

const fn approves(name: &'static str, number: &'static str) -> TestCard {
    TestCard { name, number, behaviour: Behaviour::Approves }
}

const fn declines(name: &'static str, number: &'static str, decline: Decline) -> TestCard {
    TestCard { name, number, behaviour: Behaviour::Declines(decline) }
}

const fn requires_authentication(name: &'static str, number: &'static str) -> TestCard {
    TestCard { name, number, behaviour: Behaviour::RequiresAuthentication }
}

const fn declined(decline_code: &'static str, message: &'static str) -> Decline {
    Decline { code: "card_declined", decline_code, message }
}

const fn failed(code: &'static str, message: &'static str) -> Decline {
    Decline { code, decline_code: code, message }
}

/// The card whose refunds are pending until they are settled.
pub(crate) const PENDING_REFUND: &str = "pendingRefund";
/// The card whose refunds succeed and can be made to fail later.
pub(crate) const REFUND_FAILS_LATER: &str = "refundFail";
/// The card whose refunds fail at once; not a documented one.
pub(crate) const REFUND_FAILS_AT_ONCE: &str = "refundFailsAtOnce";
/// The card whose payments are disputed, with the money withdrawn.
pub(crate) const DISPUTED: &str = "createDispute";
/// The card whose payments get an inquiry, without a withdrawal.
pub(crate) const DISPUTE_INQUIRY: &str = "createDisputeInquiry";

const CARDS: [TestCard; 24] = [
    approves("visa", "4242424242424242"),
    approves("visa_debit", "4000056655665556"),
    approves("mastercard", "5555555555554444"),
    approves("mastercard_debit", "5200828282828210"),
    approves("mastercard_prepaid", "5105105105105100"),
    approves("amex", "378282246310005"),
    approves("discover", "6011111111111117"),
    // Refunds of these do not succeed at once and for good; see `refunds`.
    approves(PENDING_REFUND, "4000000000007726"),
    approves(REFUND_FAILS_LATER, "4000000000005126"),
    approves(REFUND_FAILS_AT_ONCE, "4000000000030025"),
    // Payments with these are disputed at once; see `disputes`.
    approves(DISPUTED, "4000000000000259"),
    approves(DISPUTE_INQUIRY, "4000000000001976"),
    TestCard { name: "slow", number: "4000000000030009", behaviour: Behaviour::ApprovesSlowly },
    declines("chargeDeclined", "4000000000000002", GENERIC_DECLINE),
    declines(
        "chargeDeclinedInsufficientFunds",
        "4000000000009995",
        declined("insufficient_funds", "Your card has insufficient funds."),
    ),
    declines("chargeDeclinedLostCard", "4000000000009987", declined("lost_card", "Your card was declined.")),
    declines("chargeDeclinedStolenCard", "4000000000009979", declined("stolen_card", "Your card was declined.")),
    declines(
        "chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        declined("card_velocity_exceeded", "Your card was declined for making repeated attempts too often."),
    ),
    declines("chargeDeclinedExpiredCard", "4000000000000069", failed("expired_card", "Your card has expired.")),
    declines(
        "chargeDeclinedIncorrectCvc",
        "4000000000000127",
        failed("incorrect_cvc", "Your card's security code is incorrect."),
    ),
    declines(
        "chargeDeclinedProcessingError",
        "4000000000000119",
        failed("processing_error", "An error occurred while processing your card. Try again in a little bit."),
    ),
    requires_authentication("authenticationRequired", "4000002760003184"),
    requires_authentication("authenticationRequiredOnSetup", "4000002500003155"),
    requires_authentication("threeDSecure2Required", "4000000000003220"),
];

/// Finds a card by a documented token: `pm_card_visa`, `pm_card_visa_chargeDeclined`, `tok_visa`, … The brand before a
/// behaviour may be omitted, as the documentation does for some.
pub(crate) fn by_token(token: &str) -> Option<&'static TestCard> {
    let name = token.strip_prefix("pm_card_").or_else(|| token.strip_prefix("tok_"))?;
    by_name(name).or_else(|| by_name(name.strip_prefix("visa_")?))
}

pub(crate) fn by_name(name: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.name == name)
}

/// Finds a card by its number, without spaces.
pub(crate) fn by_number(number: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.number == number)
}

/// Whether the check digit is valid (Luhn, ISO/IEC 7812-1).
pub(crate) fn is_card_number(number: &str) -> bool {
    let digits: Option<Vec<u32>> = number.chars().rev().map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| (12..=19).contains(&digits.len())) else { return false };
    let sum: u32 = digits.iter().enumerate().map(|(index, digit)| luhn_digit(index, *digit)).sum();
    sum.is_multiple_of(10)
}

fn luhn_digit(index: usize, digit: u32) -> u32 {
    if index.is_multiple_of(2) { digit } else { digit * 2 / 10 + digit * 2 % 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_has_a_number_that_checks_out_and_a_name_of_its_own() {
        for card in &CARDS {
            assert!(is_card_number(card.number), "{}", card.number);
            assert_eq!(by_name(card.name), Some(card));
            assert_eq!(by_number(card.number), Some(card));
        }
    }

    #[test]
    fn documented_tokens_are_found_in_all_their_spellings() {
        for (token, name) in [
            ("pm_card_visa", "visa"),
            ("tok_visa", "visa"),
            ("pm_card_mastercard", "mastercard"),
            ("pm_card_visa_chargeDeclined", "chargeDeclined"),
            ("pm_card_chargeDeclined", "chargeDeclined"),
            ("tok_chargeDeclined", "chargeDeclined"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"),
            ("pm_card_chargeDeclinedProcessingError", "chargeDeclinedProcessingError"),
            ("pm_card_authenticationRequired", "authenticationRequired"),
            ("pm_card_slow", "slow"),
        ] {
            assert_eq!(by_token(token).map(|card| card.name), Some(name), "{token}");
        }
        assert_eq!(by_token("pm_card_unheard_of"), None);
        assert_eq!(by_token("visa"), None);
    }

    #[test]
    fn a_mistyped_number_does_not_check_out() {
        assert!(!is_card_number("4242424242424241"));
        assert!(!is_card_number("4242"));
        assert!(!is_card_number("4242 4242 4242 4242"));
    }
}
