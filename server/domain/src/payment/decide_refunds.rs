//! Decisions about refunds: requests of the shop, and reports of the gateway.
//!
//! The gateway reports a refund in responses, webhooks and lists: late, repeatedly and out of order. A refund only moves
//! forward (requested, pending, done, failed), so an older report changes nothing. One exception: a refund that failed
//! before the gateway is known to have created it can still be reported as pending or done.

use storefront_api::{Money, RefundId};

use super::{GatewayRefund, Payment, PaymentError, PaymentEvent, Refund, RefundProgress, RefundState};

type Decided = Result<Vec<PaymentEvent>, PaymentError>;

pub(super) fn refund_all(payment: &Payment, refund_id: RefundId, reason: String) -> Vec<PaymentEvent> {
    let is_new = payment.refund(refund_id).is_none();
    let left = payment.left().filter(|left| is_new && left.amount > 0);
    let request = |amount| PaymentEvent::RefundRequested { refund_id: Some(refund_id), amount, reason };
    left.map(request).into_iter().collect()
}

pub(super) fn refund(payment: &Payment, refund_id: RefundId, amount: Option<Money>, reason: String) -> Decided {
    if payment.refund(refund_id).is_some() {
        return Ok(vec![]);
    }
    let left = payment.left().filter(|left| left.amount > 0).ok_or(PaymentError::NothingToRefund)?;
    let amount = amount.unwrap_or(left);
    if amount.currency != left.currency || !(1..=left.amount).contains(&amount.amount) {
        return Err(PaymentError::RefundDoesNotFit { amount, left });
    }
    Ok(vec![PaymentEvent::RefundRequested { refund_id: Some(refund_id), amount, reason }])
}

pub(super) fn record_refund(payment: &Payment, refund_id: RefundId, reference: String) -> Decided {
    let Refund { amount, state, .. } = find_known(payment, refund_id)?;
    match state {
        RefundState::Open | RefundState::Failed { reference: None, .. } => {}
        RefundState::Pending { reference: known } if *known == reference => {}
        RefundState::Done { reference: known } | RefundState::Failed { reference: Some(known), .. }
            if *known == reference =>
        {
            return Ok(vec![]);
        }
        RefundState::Pending { .. } | RefundState::Done { .. } | RefundState::Failed { .. } => {
            return Err(PaymentError::OtherOutcome);
        }
    }
    Ok(vec![PaymentEvent::Refunded { refund_id: Some(refund_id), amount: *amount, reference }])
}

pub(super) fn record_pending(payment: &Payment, refund_id: RefundId, reference: String) -> Decided {
    match &find_known(payment, refund_id)?.state {
        RefundState::Open | RefundState::Failed { reference: None, .. } => {
            Ok(vec![PaymentEvent::RefundPending { refund_id, reference }])
        }
        RefundState::Pending { reference: known }
        | RefundState::Done { reference: known }
        | RefundState::Failed { reference: Some(known), .. }
            if *known == reference =>
        {
            Ok(vec![])
        }
        RefundState::Pending { .. } | RefundState::Done { .. } | RefundState::Failed { .. } => {
            Err(PaymentError::OtherOutcome)
        }
    }
}

/// A completed refund becomes failed only by a report that names the same refund at the gateway.
pub(super) fn record_failure(
    payment: &Payment,
    refund_id: RefundId,
    reference: Option<String>,
    detail: String,
) -> Decided {
    match &find_known(payment, refund_id)?.state {
        RefundState::Open => {}
        RefundState::Pending { reference: known } if reference.as_ref().is_none_or(|reported| reported == known) => {}
        RefundState::Done { reference: known } if reference.as_ref() == Some(known) => {}
        RefundState::Failed { .. } => return Ok(vec![]),
        RefundState::Pending { .. } | RefundState::Done { .. } => return Err(PaymentError::OtherOutcome),
    }
    Ok(vec![PaymentEvent::RefundFailed { refund_id: Some(refund_id), reference, detail }])
}

pub(super) fn record_listed(payment: &Payment, listed: GatewayRefund) -> Decided {
    let Payment::Succeeded { request, .. } = payment else {
        return Err(if *payment == Payment::Unknown { PaymentError::NotFound } else { PaymentError::NotPaid });
    };
    if listed.amount.currency != request.amount.currency || listed.amount.amount <= 0 {
        return Err(PaymentError::OtherOutcome);
    }
    let refund_id = find_listed(payment, &listed).map(|refund| refund.id);
    let GatewayRefund { new_id, reference, amount, progress, .. } = listed;
    let Some(refund_id) = refund_id else {
        let found = PaymentEvent::RefundFound { refund_id: new_id, reference: reference.clone(), amount };
        return Ok(match progress {
            RefundProgress::Pending => vec![found],
            RefundProgress::Succeeded => {
                vec![found, PaymentEvent::Refunded { refund_id: Some(new_id), amount, reference }]
            }
            // No money has moved, and the shop did not request it.
            RefundProgress::Failed { .. } => vec![],
        });
    };
    match progress {
        RefundProgress::Pending => record_pending(payment, refund_id, reference),
        RefundProgress::Succeeded => record_refund(payment, refund_id, reference),
        RefundProgress::Failed { detail } => record_failure(payment, refund_id, Some(reference), detail),
    }
}

/// The known refund that matches a listed one: by its id at the gateway, by the shop's id, or, for a refund that was
/// requested before refunds had ids, by amount and reason.
fn find_listed<'a>(payment: &'a Payment, listed: &GatewayRefund) -> Option<&'a Refund> {
    let refunds = payment.refunds();
    let by_reference = refunds.iter().find(|refund| refund.reference() == Some(&listed.reference));
    let by_id = || refunds.iter().find(|refund| Some(refund.id) == listed.refund_id);
    let by_content = || {
        refunds.iter().filter(|_| listed.refund_id.is_none()).find(|refund| {
            let same = refund.amount == listed.amount && listed.reason.as_ref() == Some(&refund.reason);
            same && refund.is_older_than_ids() && refund.reference().is_none()
        })
    };
    by_reference.or_else(by_id).or_else(by_content)
}

fn find_known(payment: &Payment, refund_id: RefundId) -> Result<&Refund, PaymentError> {
    if *payment == Payment::Unknown {
        return Err(PaymentError::NotFound);
    }
    payment.refund(refund_id).ok_or(PaymentError::NoRefundRequested)
}
