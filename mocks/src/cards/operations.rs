//! The gateway's operations: functions from its objects and a request to a response, changed objects and webhook
//! events. Nothing here stores, sends or waits.

use axum::http::StatusCode;
use serde_json::json;

use super::{
    GatewayState, currencies, disputes,
    errors::ApiError,
    methods::{create_method, find_method, get_method},
    objects::{Charge, IntentStatus, PaymentIntent, PaymentMethod, new_id},
    outcome::{OperationContext, Outcome},
    params::Params,
    refunds::{refund, settle as settle_refund},
    test_cards::{Behaviour, DISPUTE_INQUIRY, DISPUTED, Decline, GENERIC_DECLINE},
};

/// Minimum and maximum amount of a charge, in minor units.
const AMOUNT_RANGE: std::ops::RangeInclusive<i64> = 50..=99_999_999;

const CANCELLATION_REASONS: [&str; 4] = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];

/// An operation of the API. Ids are those of payment intents.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create,
    Confirm(String),
    Capture(String),
    Cancel(String),
    /// The card's owner has confirmed at the bank, or failed to.
    Authenticate(String, bool),
    Refund,
    /// The dashboard sets the status of a refund.
    SettleRefund(String),
    /// A cardholder opens a dispute.
    Dispute,
    /// The dashboard sets the status of a dispute.
    SettleDispute(String),
    CreateMethod,
}

/// Performs an operation. An error means that it did not begin.
pub(crate) fn perform(
    state: &GatewayState,
    operation: &Operation,
    params: &Params,
    context: &OperationContext,
) -> Result<Outcome, ApiError> {
    match operation {
        Operation::Create => create(state, params, context),
        Operation::Confirm(id) => confirm(state, id, params, context),
        Operation::Capture(id) => capture(state, id, params),
        Operation::Cancel(id) => cancel(state, id, params, context),
        Operation::Authenticate(id, passed) => authenticate(state, id, *passed, context),
        Operation::Refund => refund(state, params, context),
        Operation::SettleRefund(id) => settle_refund(state, id, params),
        Operation::Dispute => disputes::open(state, params, context),
        Operation::SettleDispute(id) => disputes::settle(state, id, params),
        Operation::CreateMethod => create_method(params, context),
    }
}

/// Whether the operation charges the slow test card.
pub(crate) fn is_slow(state: &GatewayState, operation: &Operation, params: &Params) -> bool {
    let token = match operation {
        Operation::Create => params.text("payment_method"),
        Operation::Confirm(id) => params
            .text("payment_method")
            .or_else(|| state.intents.get(id).and_then(|intent| intent.payment_method.clone())),
        Operation::Capture(_)
        | Operation::Cancel(_)
        | Operation::Authenticate(..)
        | Operation::Refund
        | Operation::SettleRefund(_)
        | Operation::Dispute
        | Operation::SettleDispute(_)
        | Operation::CreateMethod => None,
    };
    let confirms = matches!(operation, Operation::Confirm(_)) || params.get("confirm") == Some("true");
    let card = token.and_then(|token| find_method(state, &token)).and_then(|method| method.test_card());
    confirms && card.is_some_and(|card| card.behaviour == Behaviour::ApprovesSlowly)
}

fn create(state: &GatewayState, params: &Params, context: &OperationContext) -> Result<Outcome, ApiError> {
    params.only(&[
        "amount",
        "automatic_payment_methods",
        "capture_method",
        "confirm",
        "confirmation_method",
        "currency",
        "customer",
        "description",
        "error_on_requires_action",
        "expand",
        "metadata",
        "off_session",
        "payment_method",
        "payment_method_types",
        "receipt_email",
        "return_url",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
    ])?;
    params.required("amount")?;
    let amount = params.integer("amount")?.unwrap_or_default();
    if amount < *AMOUNT_RANGE.start() {
        let detail = format!("Amount must be at least {} minor units.", AMOUNT_RANGE.start());
        return Err(ApiError::invalid(detail).code("amount_too_small").param("amount"));
    }
    if amount > *AMOUNT_RANGE.end() {
        let detail = format!("Amount must be no more than {} minor units.", AMOUNT_RANGE.end());
        return Err(ApiError::invalid(detail).code("amount_too_large").param("amount"));
    }
    let currency = params.required("currency")?.to_lowercase();
    if currency.len() != 3 || !currency.chars().all(|c| c.is_ascii_lowercase()) {
        return Err(ApiError::invalid(format!("Invalid currency: {currency}")).param("currency"));
    }
    check_amount_step(amount, &currency)?;
    let id = new_id("pi");
    let capture_method = params.choice("capture_method", &["automatic", "automatic_async", "manual"])?;
    let mut intent = PaymentIntent {
        client_secret: format!("{id}_secret_{}", uuid::Uuid::new_v4().simple()),
        id,
        object: "payment_intent".to_owned(),
        amount,
        amount_capturable: 0,
        amount_received: 0,
        canceled_at: None,
        cancellation_reason: None,
        capture_method: capture_method.unwrap_or_else(|| "automatic".to_owned()),
        confirmation_method: "automatic".to_owned(),
        created: context.now,
        currency,
        description: params.text("description"),
        last_payment_error: None,
        latest_charge: None,
        livemode: false,
        metadata: params.metadata()?,
        next_action: None,
        payment_method: None,
        payment_method_types: vec!["card".to_owned()],
        receipt_email: params.text("receipt_email"),
        status: IntentStatus::RequiresPaymentMethod,
    };
    let confirms = params.flag("confirm")?;
    if let Some(token) = params.get("payment_method").filter(|_| !confirms) {
        intent.payment_method = Some(get_method(state, token)?.id);
        intent.status = IntentStatus::RequiresConfirmation;
    }
    let created = ("payment_intent.created", json!(intent));
    let mut outcome = if confirms { attempt(state, intent, params, context)? } else { respond_with(intent) };
    outcome.events.insert(0, created);
    Ok(outcome)
}

/// Checks that the amount is a multiple of the currency's smallest step; see [`super::currencies`].
fn check_amount_step(amount: i64, currency: &str) -> Result<(), ApiError> {
    let step = currencies::step(currency);
    if amount % step == 0 {
        return Ok(());
    }
    let detail = format!("Invalid amount: in {currency} it must be a multiple of {step}.");
    Err(ApiError::invalid(detail).code("parameter_invalid_integer").param("amount"))
}

fn confirm(state: &GatewayState, id: &str, params: &Params, context: &OperationContext) -> Result<Outcome, ApiError> {
    params.only(&[
        "error_on_requires_action",
        "expand",
        "off_session",
        "payment_method",
        "receipt_email",
        "return_url",
    ])?;
    let intent = get_intent(state, id)?;
    match intent.status {
        IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation | IntentStatus::RequiresAction => {
            attempt(state, intent, params, context)
        }
        IntentStatus::RequiresCapture | IntentStatus::Canceled | IntentStatus::Succeeded => {
            Err(unexpected_state(&intent, "confirm"))
        }
    }
}

/// Charges the card of the parameters or of the intent.
fn attempt(
    state: &GatewayState,
    mut intent: PaymentIntent,
    params: &Params,
    context: &OperationContext,
) -> Result<Outcome, ApiError> {
    let Some(token) = params.text("payment_method").or_else(|| intent.payment_method.clone()) else {
        let detail = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        return Err(ApiError::invalid(detail)
            .code("payment_intent_unexpected_state")
            .with("payment_intent", json!(intent)));
    };
    let method = get_method(state, &token)?;
    let off_session = params.flag("off_session")? || params.flag("error_on_requires_action")?;
    let behaviour = match method.test_card() {
        _ if context.decline_all => Behaviour::Declines(GENERIC_DECLINE),
        Some(card) => card.behaviour,
        None => Behaviour::Declines(GENERIC_DECLINE),
    };
    intent.next_action = None;
    match behaviour {
        Behaviour::Approves | Behaviour::ApprovesSlowly => Ok(approve(intent, &method, context)),
        Behaviour::Declines(decline) => Ok(decline_charge(intent, &method, decline, context)),
        Behaviour::RequiresAuthentication if off_session => {
            let decline = Decline {
                code: "authentication_required",
                decline_code: "authentication_required",
                message: "Your card was declined. This transaction requires authentication.",
            };
            Ok(decline_charge(intent, &method, decline, context))
        }
        Behaviour::RequiresAuthentication => {
            let page = format!("{}/authenticate/{}", context.base_url, intent.id);
            intent.next_action = Some(match params.get("return_url") {
                Some(back) => {
                    json!({ "type": "redirect_to_url", "redirect_to_url": { "url": page, "return_url": back } })
                }
                None => json!({
                    "type": "use_stripe_sdk",
                    "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": page },
                }),
            });
            intent.payment_method = Some(method.id);
            intent.status = IntentStatus::RequiresAction;
            let mut outcome = respond_with(intent.clone());
            outcome.events.push(("payment_intent.requires_action", json!(intent)));
            Ok(outcome)
        }
    }
}

fn approve(mut intent: PaymentIntent, method: &PaymentMethod, context: &OperationContext) -> Outcome {
    let captured = intent.capture_method != "manual";
    let charge = Charge {
        amount_captured: if captured { intent.amount } else { 0 },
        captured,
        paid: true,
        status: "succeeded".to_owned(),
        ..new_charge(&intent, method, context)
    };
    intent.payment_method = Some(method.id.clone());
    intent.last_payment_error = None;
    intent.latest_charge = Some(charge.id.clone());
    if captured {
        intent.amount_received = intent.amount;
        intent.status = IntentStatus::Succeeded;
    } else {
        intent.amount_capturable = intent.amount;
        intent.status = IntentStatus::RequiresCapture;
    }
    let mut outcome = respond_with(intent.clone());
    if captured {
        outcome.events.push(("payment_intent.succeeded", json!(intent)));
        let is_inquiry = match method.test_card().map(|card| card.name) {
            Some(DISPUTED) => Some(false),
            Some(DISPUTE_INQUIRY) => Some(true),
            Some(_) | None => None,
        };
        if let Some(is_inquiry) = is_inquiry {
            let disputed =
                disputes::dispute_charge(&charge, charge.amount, "fraudulent".to_owned(), is_inquiry, context);
            outcome.changed.disputes.extend(disputed.changed.disputes);
            outcome.events.extend(disputed.events);
        }
    }
    outcome.changed.charges.push(charge);
    outcome
}

/// Declines: 402, a failed charge, and the intent waits for another card.
fn decline_charge(
    mut intent: PaymentIntent,
    method: &PaymentMethod,
    decline: Decline,
    context: &OperationContext,
) -> Outcome {
    let charge = Charge {
        failure_code: Some(decline.code.to_owned()),
        failure_message: Some(decline.message.to_owned()),
        ..new_charge(&intent, method, context)
    };
    let error = ApiError::card(decline.code, decline.message)
        .with("charge", json!(charge.id))
        .with("decline_code", json!(decline.decline_code))
        .with("payment_method", method.to_json());
    intent.payment_method = None;
    intent.last_payment_error = Some(error.fields());
    intent.latest_charge = Some(charge.id.clone());
    intent.status = IntentStatus::RequiresPaymentMethod;
    let error = error.with("payment_intent", json!(intent));
    let mut outcome = Outcome { status: error.status(), ..Outcome::ok(error.body()) };
    outcome.events.push(("payment_intent.payment_failed", json!(intent)));
    outcome.changed.intents.push(intent);
    outcome.changed.charges.push(charge);
    outcome
}

fn authenticate(state: &GatewayState, id: &str, passed: bool, context: &OperationContext) -> Result<Outcome, ApiError> {
    let mut intent = get_intent(state, id)?;
    if intent.status != IntentStatus::RequiresAction {
        return Err(unexpected_state(&intent, "authenticate"));
    }
    let method = get_method(state, intent.payment_method.as_deref().unwrap_or_default())?;
    intent.next_action = None;
    if passed {
        return Ok(approve(intent, &method, context));
    }
    let decline = Decline {
        code: "payment_intent_authentication_failure",
        decline_code: "authentication_required",
        message: "The card's owner could not be authenticated.",
    };
    let refused = decline_charge(intent, &method, decline, context);
    // The owner's browser gets a success response, not an error.
    let body = json!(refused.changed.intents);
    Ok(Outcome { status: StatusCode::OK, body: body[0].clone(), ..refused })
}

fn capture(state: &GatewayState, id: &str, params: &Params) -> Result<Outcome, ApiError> {
    params.only(&["amount_to_capture", "expand", "metadata"])?;
    let mut intent = get_intent(state, id)?;
    if intent.status != IntentStatus::RequiresCapture {
        return Err(unexpected_state(&intent, "capture"));
    }
    let amount = params.integer("amount_to_capture")?.unwrap_or(intent.amount_capturable);
    if amount <= 0 || amount > intent.amount_capturable {
        let detail = format!("You can capture between 1 and {} minor units.", intent.amount_capturable);
        return Err(ApiError::invalid(detail).code("amount_too_large").param("amount_to_capture"));
    }
    let charge = intent.latest_charge.as_ref().and_then(|charge| state.charges.get(charge)).cloned();
    let charge = charge.map(|charge| Charge { captured: true, amount_captured: amount, ..charge });
    intent.amount_capturable = 0;
    intent.amount_received = amount;
    intent.status = IntentStatus::Succeeded;
    let mut outcome = respond_with(intent.clone());
    outcome.changed.charges.extend(charge);
    outcome.events.push(("payment_intent.succeeded", json!(intent)));
    Ok(outcome)
}

fn cancel(state: &GatewayState, id: &str, params: &Params, context: &OperationContext) -> Result<Outcome, ApiError> {
    params.only(&["cancellation_reason", "expand"])?;
    let reason = params.choice("cancellation_reason", &CANCELLATION_REASONS)?;
    let mut intent = get_intent(state, id)?;
    if matches!(intent.status, IntentStatus::Canceled | IntentStatus::Succeeded) {
        return Err(unexpected_state(&intent, "cancel"));
    }
    intent.amount_capturable = 0;
    intent.canceled_at = Some(context.now);
    intent.cancellation_reason = reason;
    intent.next_action = None;
    intent.status = IntentStatus::Canceled;
    let mut outcome = respond_with(intent.clone());
    outcome.events.push(("payment_intent.canceled", json!(intent)));
    Ok(outcome)
}

/// The charge of an attempt, with status failed until it succeeds.
fn new_charge(intent: &PaymentIntent, method: &PaymentMethod, context: &OperationContext) -> Charge {
    Charge {
        id: new_id("ch"),
        object: "charge".to_owned(),
        amount: intent.amount,
        amount_captured: 0,
        amount_refunded: 0,
        captured: false,
        created: context.now,
        currency: intent.currency.clone(),
        description: intent.description.clone(),
        failure_code: None,
        failure_message: None,
        livemode: false,
        metadata: intent.metadata.clone(),
        paid: false,
        payment_intent: intent.id.clone(),
        payment_method: method.id.clone(),
        payment_method_details: json!({ "type": "card", "card": method.card_details() }),
        refunded: false,
        status: "failed".to_owned(),
    }
}

fn respond_with(intent: PaymentIntent) -> Outcome {
    let mut outcome = Outcome::ok(json!(intent));
    outcome.changed.intents.push(intent);
    outcome
}

fn get_intent(state: &GatewayState, id: &str) -> Result<PaymentIntent, ApiError> {
    state.intents.get(id).cloned().ok_or_else(|| ApiError::no_such("payment_intent", id))
}

fn unexpected_state(intent: &PaymentIntent, verb: &str) -> ApiError {
    let detail = format!("You cannot {verb} this PaymentIntent because it has a status of {}.", intent.status.as_str());
    ApiError::invalid(detail).code("payment_intent_unexpected_state").with("payment_intent", json!(intent))
}
