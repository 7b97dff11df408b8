//! Payment methods: tokens for cards, so that the card number is sent only once. Pure, like `operations`.

use serde_json::json;

use super::{
    GatewayState,
    errors::ApiError,
    objects::{PaymentMethod, new_id},
    outcome::{OperationContext, Outcome},
    params::Params,
    test_cards,
};

/// Exchanges a card number for a token. The number is not stored.
pub(super) fn create_method(params: &Params, context: &OperationContext) -> Result<Outcome, ApiError> {
    params.only(&["type", "card", "billing_details", "expand", "metadata"])?;
    if params.required("type")? != "card" {
        return Err(ApiError::invalid("Only payment methods of type card are known here.").param("type"));
    }
    let card = match params.get("card[token]") {
        Some(token) => {
            test_cards::by_token(token).ok_or_else(|| ApiError::no_such_param("card[token]", "token", token))?
        }
        None => {
            let number: String = params.required("card[number]")?.chars().filter(|c| *c != ' ').collect();
            if !test_cards::is_card_number(&number) {
                let error = ApiError::card("incorrect_number", "Your card number is incorrect.");
                return Err(error.param("number"));
            }
            test_cards::by_number(&number).ok_or_else(|| {
                let detail = "Your card was declined. This is a test, and the card is not one of the test cards.";
                ApiError::card("card_declined", detail).with("decline_code", json!("test_mode_live_card"))
            })?
        }
    };
    let exp_month = expiry(params, "card[exp_month]", 12)?;
    let exp_year = expiry(params, "card[exp_year]", 2034)?;
    if !(1..=12).contains(&exp_month) {
        return Err(
            ApiError::card("invalid_expiry_month", "Your card's expiration month is invalid.").param("exp_month")
        );
    }
    if exp_year < this_year(context.now) {
        return Err(ApiError::card("invalid_expiry_year", "Your card's expiration year is invalid.").param("exp_year"));
    }
    let method =
        PaymentMethod { id: new_id("pm"), created: context.now, card: card.name.to_owned(), exp_month, exp_year };
    let mut outcome = Outcome::ok(method.to_json());
    outcome.changed.methods.push(method);
    Ok(outcome)
}

fn expiry(params: &Params, name: &str, default: u32) -> Result<u32, ApiError> {
    let Some(number) = params.integer(name)? else { return Ok(default) };
    let invalid =
        || ApiError::invalid(format!("Invalid integer: {number}")).code("parameter_invalid_integer").param(name);
    let number = u32::try_from(number).map_err(|_| invalid())?;
    // A two-digit year is in this century.
    Ok(if name.contains("year") && number < 100 { 2000 + number } else { number })
}

fn this_year(unix_s: i64) -> u32 {
    let year = jiff::Timestamp::from_second(unix_s).map(|now| now.to_zoned(jiff::tz::TimeZone::UTC).year());
    year.ok().and_then(|year| u32::try_from(year).ok()).unwrap_or_default()
}

/// Finds the payment method of a parameter, or returns the error.
pub(super) fn get_method(state: &GatewayState, token: &str) -> Result<PaymentMethod, ApiError> {
    find_method(state, token).ok_or_else(|| ApiError::no_such_param("payment_method", "PaymentMethod", token))
}

/// Finds a payment method by its id, or by a documented test token.
pub(super) fn find_method(state: &GatewayState, token: &str) -> Option<PaymentMethod> {
    let of_test_card = || test_cards::by_token(token).map(|card| PaymentMethod::of_test_card(token, card));
    state.methods.get(token).cloned().or_else(of_test_card)
}
