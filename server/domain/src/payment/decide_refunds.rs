//! Money that goes back: what a payment answers when a refund is asked for, and when the gateway tells of one.
//!
//! The gateway's word on a refund comes as an answer, as a notice and as a list, late, twice and out of order. A refund only
//! ever moves forward (requested, pending, done, failed), so that an older word changes nothing. One exception: a refund that
//! was given up or refused before the gateway made one can still turn out to have been made.

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
    let Refund { amount, state, .. } = known(payment, refund_id)?;
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
    match &known(payment, refund_id)?.state {
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

/// What is done is undone only by a word about the very refund that was done.
pub(super) fn record_failure(
    payment: &Payment,
    refund_id: RefundId,
    reference: Option<String>,
    detail: String,
) -> Decided {
    match &known(payment, refund_id)?.state {
        RefundState::Open => {}
        RefundState::Pending { reference: known } if reference.as_ref().is_none_or(|told| told == known) => {}
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
    let refund_id = counterpart(payment, &listed).map(|refund| refund.id);
    let GatewayRefund { new_id, reference, amount, progress, .. } = listed;
    let Some(refund_id) = refund_id else {
        let found = PaymentEvent::RefundFound { refund_id: new_id, reference: reference.clone(), amount };
        return Ok(match progress {
            RefundProgress::Pending => vec![found],
            RefundProgress::Succeeded => {
                vec![found, PaymentEvent::Refunded { refund_id: Some(new_id), amount, reference }]
            }
            // No money has moved, and nobody here waits for it.
            RefundProgress::Failed { .. } => vec![],
        });
    };
    match progress {
        RefundProgress::Pending => record_pending(payment, refund_id, reference),
        RefundProgress::Succeeded => record_refund(payment, refund_id, reference),
        RefundProgress::Failed { detail } => record_failure(payment, refund_id, Some(reference), detail),
    }
}

/// The refund that the gateway lists, as the shop knows it: by the gateway's name, by the shop's id, or, for one that was
/// asked for before refunds had ids, by amount and reason.
fn counterpart<'a>(payment: &'a Payment, listed: &GatewayRefund) -> Option<&'a Refund> {
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

fn known(payment: &Payment, refund_id: RefundId) -> Result<&Refund, PaymentError> {
    if *payment == Payment::Unknown {
        return Err(PaymentError::NotFound);
    }
    payment.refund(refund_id).ok_or(PaymentError::NoRefundRequested)
}
