//! Money that goes back: in full or in parts, never more than was taken. Pure, as `operations` is.

use serde_json::json;

use super::{
    Books,
    errors::ApiError,
    objects::{Charge, IntentStatus, Refund, new_id},
    operations::{Done, World},
    params::Params,
};

const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// Gives back a part or the rest of what a charge took.
pub(super) fn refund(books: &Books, params: &Params, world: &World) -> Result<Done, ApiError> {
    params.only(&["amount", "charge", "expand", "metadata", "payment_intent", "reason"])?;
    let reason = params.choice("reason", &REASONS)?;
    let mut charge = refundable_charge(books, params)?;
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
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded == charge.amount_captured;
    let refund = Refund {
        id: new_id("re"),
        object: "refund".to_owned(),
        amount,
        charge: charge.id.clone(),
        created: world.now,
        currency: charge.currency.clone(),
        metadata: params.metadata()?,
        payment_intent: charge.payment_intent.clone(),
        reason,
        status: "succeeded".to_owned(),
    };
    let mut done = Done::with(json!(refund));
    done.events.push(("charge.refunded", json!(charge)));
    done.touched.refunds.push(refund);
    done.touched.charges.push(charge);
    Ok(done)
}

fn refundable_charge(books: &Books, params: &Params) -> Result<Charge, ApiError> {
    let id = match (params.get("charge"), params.get("payment_intent")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(id)) => {
            let intent = books.intents.get(id);
            let intent = intent.ok_or_else(|| ApiError::no_such_param("payment_intent", "payment_intent", id))?;
            let paid = intent.status == IntentStatus::Succeeded;
            intent.latest_charge.clone().filter(|_| paid).ok_or_else(|| {
                let detail = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                ApiError::invalid(detail).param("payment_intent")
            })?
        }
        (None, None) => return Err(ApiError::missing("payment_intent")),
    };
    let charge = books.charges.get(&id).ok_or_else(|| ApiError::no_such_param("charge", "charge", &id))?;
    if !charge.captured {
        return Err(ApiError::invalid(format!("Charge {id} has not been captured.")).param("charge"));
    }
    Ok(charge.clone())
}
