//! Refunds: in full or in parts, never more than was charged. Pure, like `operations`.
//!
//! As published, a refund is pending, succeeded, failed or canceled; a succeeded one may still fail later. The stub's
//! dashboard settles pending refunds and makes succeeded ones fail.

use serde_json::json;

use super::{
    GatewayState,
    errors::ApiError,
    methods::find_method,
    objects::{Charge, IntentStatus, Refund, new_id},
    outcome::{OperationContext, Outcome},
    params::Params,
    test_cards::{PENDING_REFUND, REFUND_FAILS_AT_ONCE, TestCard},
};

const REFUND_REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// Refunds a part or the rest of a charge.
pub(super) fn refund(state: &GatewayState, params: &Params, context: &OperationContext) -> Result<Outcome, ApiError> {
    params.only(&["amount", "charge", "expand", "metadata", "payment_intent", "reason"])?;
    let reason = params.choice("reason", &REFUND_REASONS)?;
    let mut charge = refundable_charge(state, params)?;
    let remaining = charge.amount_captured - charge.amount_refunded;
    if remaining == 0 {
        let detail = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::invalid(detail).code("charge_already_refunded"));
    }
    let amount = params.integer("amount")?.unwrap_or(remaining);
    if amount <= 0 {
        let detail = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(detail).code("parameter_invalid_integer").param("amount"));
    }
    if amount > remaining {
        let detail = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({remaining}).");
        return Err(ApiError::invalid(detail).code("amount_too_large").param("amount"));
    }
    if state.disputes.values().any(|dispute| dispute.charge == charge.id && dispute.withdrawn() > 0) {
        let detail = format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
        return Err(ApiError::invalid(detail).code("charge_disputed"));
    }
    let card = find_method(state, &charge.payment_method).and_then(|method| method.test_card());
    let (status, failure_reason) = match card.map(|card: &TestCard| card.name) {
        Some(PENDING_REFUND) => ("pending", None),
        Some(REFUND_FAILS_AT_ONCE) => ("failed", Some("lost_or_stolen_card".to_owned())),
        Some(_) | None => ("succeeded", None),
    };
    if failure_reason.is_none() {
        charge.amount_refunded += amount;
        charge.refunded = charge.amount_refunded == charge.amount_captured;
    }
    let refund = Refund {
        id: new_id("re"),
        object: "refund".to_owned(),
        amount,
        charge: charge.id.clone(),
        created: context.now,
        currency: charge.currency.clone(),
        metadata: params.metadata()?,
        payment_intent: charge.payment_intent.clone(),
        reason,
        status: status.to_owned(),
        failure_reason,
    };
    let mut outcome = Outcome::ok(json!(refund));
    if refund.status != "failed" {
        outcome.events.push(("charge.refunded", json!(charge)));
    }
    outcome.events.push(("refund.created", json!(refund)));
    if refund.status == "failed" {
        outcome.events.push(("refund.failed", json!(refund)));
    }
    outcome.changed.refunds.push(refund);
    outcome.changed.charges.push(charge);
    Ok(outcome)
}

/// Sets the status of a refund. Parameter `status`: `succeeded`, `failed` or `canceled`.
pub(super) fn settle(state: &GatewayState, id: &str, params: &Params) -> Result<Outcome, ApiError> {
    params.only(&["status"])?;
    let status = params.choice("status", &["succeeded", "failed", "canceled"])?;
    let status = status.ok_or_else(|| ApiError::missing("status"))?;
    let mut refund = state.refunds.get(id).cloned().ok_or_else(|| ApiError::no_such("refund", id))?;
    let fits = match refund.status.as_str() {
        "pending" => true,
        "succeeded" => status == "failed",
        _ => false,
    };
    if !fits {
        return Err(ApiError::invalid(format!("Refund {id} is {} and cannot become {status}.", refund.status)));
    }
    let mut charge = state.charges.get(&refund.charge).cloned();
    let mut outcome = Outcome::ok(json!(null));
    refund.status = status;
    let kind = if refund.status == "failed" { "refund.failed" } else { "refund.updated" };
    if refund.status != "succeeded" {
        refund.failure_reason = (refund.status == "failed").then(|| "expired_or_canceled_card".to_owned());
        if let Some(charge) = &mut charge {
            charge.amount_refunded -= refund.amount;
            charge.refunded = false;
        }
        outcome.changed.charges.extend(charge);
    }
    outcome.body = json!(refund);
    outcome.events.push((kind, json!(refund)));
    outcome.events.push(("charge.refund.updated", json!(refund)));
    outcome.changed.refunds.push(refund);
    Ok(outcome)
}

pub(super) fn refundable_charge(state: &GatewayState, params: &Params) -> Result<Charge, ApiError> {
    let id = match (params.get("charge"), params.get("payment_intent")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(id)) => {
            let intent = state.intents.get(id);
            let intent = intent.ok_or_else(|| ApiError::no_such_param("payment_intent", "payment_intent", id))?;
            let paid = intent.status == IntentStatus::Succeeded;
            intent.latest_charge.clone().filter(|_| paid).ok_or_else(|| {
                let detail = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                ApiError::invalid(detail).param("payment_intent")
            })?
        }
        (None, None) => return Err(ApiError::missing("payment_intent")),
    };
    let charge = state.charges.get(&id).ok_or_else(|| ApiError::no_such_param("charge", "charge", &id))?;
    if !charge.captured {
        return Err(ApiError::invalid(format!("Charge {id} has not been captured.")).param("charge"));
    }
    Ok(charge.clone())
}
