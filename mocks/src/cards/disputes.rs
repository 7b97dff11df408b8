//! Disputes: a cardholder asks their bank for the money back. Pure, like `operations`.
//!
//! A dispute is opened by test cards that are documented to, or at the stub's dashboard, where it is also settled.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    GatewayState,
    errors::ApiError,
    objects::{BalanceTransaction, Charge, Dispute, new_id},
    outcome::{OperationContext, Outcome},
    params::Params,
    refunds::refundable_charge,
};

/// Opens a dispute. Parameters: `payment_intent`, `amount` (default: the whole charge), `reason`, and `inquiry=true`
/// when no money is withdrawn yet.
pub(super) fn open(state: &GatewayState, params: &Params, context: &OperationContext) -> Result<Outcome, ApiError> {
    params.only(&["amount", "inquiry", "payment_intent", "reason"])?;
    let charge = refundable_charge(state, params)?;
    let amount = params.integer("amount")?.unwrap_or(charge.amount_captured);
    if amount <= 0 || amount > charge.amount_captured {
        return Err(ApiError::invalid("A dispute is about some or all of the charge.").param("amount"));
    }
    let reason = params.text("reason").unwrap_or_else(|| "fraudulent".to_owned());
    Ok(dispute_charge(&charge, amount, reason, params.flag("inquiry")?, context))
}

/// Creates a dispute of a charge.
pub(super) fn dispute_charge(
    charge: &Charge,
    amount: i64,
    reason: String,
    is_inquiry: bool,
    context: &OperationContext,
) -> Outcome {
    let mut dispute = Dispute {
        id: new_id("dp"),
        object: "dispute".to_owned(),
        amount,
        balance_transactions: Vec::new(),
        charge: charge.id.clone(),
        created: context.now,
        currency: charge.currency.clone(),
        is_charge_refundable: is_inquiry,
        livemode: false,
        metadata: BTreeMap::new(),
        payment_intent: charge.payment_intent.clone(),
        reason,
        status: if is_inquiry { "warning_needs_response" } else { "needs_response" }.to_owned(),
    };
    if !is_inquiry {
        dispute.record_movement(-amount);
    }
    let mut outcome = Outcome::ok(json!(dispute));
    outcome.events.push(("charge.dispute.created", json!(dispute)));
    if !is_inquiry {
        outcome.events.push(("charge.dispute.funds_withdrawn", json!(dispute)));
    }
    outcome.changed.disputes.push(dispute);
    outcome
}

/// Sets the status of a dispute. Parameter `status`: `under_review`, `won`, `lost`; for an inquiry also
/// `needs_response` (it becomes a dispute) and `warning_closed`.
pub(super) fn settle(state: &GatewayState, id: &str, params: &Params) -> Result<Outcome, ApiError> {
    params.only(&["status"])?;
    let status = params.choice("status", &["needs_response", "under_review", "won", "lost", "warning_closed"])?;
    let status = status.ok_or_else(|| ApiError::missing("status"))?;
    let mut dispute = state.disputes.get(id).cloned().ok_or_else(|| ApiError::no_such("dispute", id))?;
    if matches!(dispute.status.as_str(), "won" | "lost" | "warning_closed") {
        return Err(ApiError::invalid(format!("Dispute {id} is {} already.", dispute.status)));
    }
    let (held, amount) = (dispute.withdrawn(), dispute.amount);
    dispute.status = status;
    let (mut moved, mut kind) = (None, "charge.dispute.updated");
    match dispute.status.as_str() {
        "won" | "warning_closed" => {
            kind = "charge.dispute.closed";
            if held > 0 {
                dispute.record_movement(held);
                moved = Some("charge.dispute.funds_reinstated");
            }
        }
        other => {
            if other == "lost" {
                kind = "charge.dispute.closed";
            }
            if held == 0 {
                dispute.record_movement(-amount);
                moved = Some("charge.dispute.funds_withdrawn");
            }
        }
    }
    dispute.is_charge_refundable = dispute.withdrawn() == 0;
    let mut outcome = Outcome::ok(json!(dispute));
    outcome.events.push((kind, json!(dispute)));
    outcome.events.extend(moved.map(|kind| (kind, json!(dispute))));
    outcome.changed.disputes.push(dispute);
    Ok(outcome)
}

impl Dispute {
    fn record_movement(&mut self, amount: i64) {
        let (id, object, currency) = (new_id("txn"), "balance_transaction".to_owned(), self.currency.clone());
        self.balance_transactions.push(BalanceTransaction { id, object, amount, currency });
    }
}
