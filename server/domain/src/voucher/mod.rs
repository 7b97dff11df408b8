//! Vouchers: a discount that is used for one order, once.

#[cfg(test)]
mod tests;

use storefront_api::{CustomerId, Money, OrderId};

/// An event of a voucher; stream `voucher-{code}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoucherEvent {
    Issued {
        /// The owner; `None` for a voucher of a guest, which anybody who knows its code can use.
        customer_id: Option<CustomerId>,
        /// The order that earned it.
        order_id: OrderId,
        amount: Money,
    },
    /// An order in checkout uses it.
    Reserved { order_id: OrderId },
    /// The checkout failed, or the order was cancelled or refunded in full; the voucher can be used again.
    Released { order_id: OrderId },
    /// The order that had reserved it was confirmed.
    Redeemed { order_id: OrderId },
    /// The shop has made it invalid.
    Revoked { reason: String },
}

/// A command to a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoucherCommand {
    Issue {
        /// The owner; `None` for a guest.
        customer_id: Option<CustomerId>,
        /// The order that earned it.
        order_id: OrderId,
        /// Above zero.
        amount: Money,
    },
    /// Reserve it for an order; a repeat for the same order changes nothing.
    Reserve {
        order_id: OrderId,
        /// The owner of the order; `None` for a guest.
        customer_id: Option<CustomerId>,
    },
    /// Make it usable again, whether it was reserved or redeemed; changes nothing if another order has it.
    Release { order_id: OrderId },
    /// Redeem it for the order that has reserved it; a repeat changes nothing.
    Redeem { order_id: OrderId },
    /// Make an unused voucher invalid; a repeat changes nothing.
    Revoke { reason: String },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherError {
    /// There is no such voucher, or it is somebody else's; the error does not tell which.
    #[error("there is no such voucher")]
    NotFound,
    #[error("the code is taken")]
    CodeTaken,
    #[error("a voucher is worth more than nothing")]
    BadAmount,
    #[error("another order has the voucher")]
    InUse,
    #[error("the voucher was used")]
    Used,
    #[error("the voucher is no longer valid")]
    Revoked,
    #[error("the order does not have the voucher")]
    NotReserved,
}

/// The state of a voucher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Voucher {
    #[default]
    Unknown,
    Issued {
        terms: VoucherTerms,
        stage: VoucherStage,
    },
}

/// The terms of a voucher, which never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherTerms {
    /// The owner; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    pub order_id: OrderId,
    pub amount: Money,
}

/// The stage of an issued voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherStage {
    /// It can be used.
    Free,
    /// An order in checkout uses it.
    Reserved(OrderId),
    /// An order was confirmed with it.
    Redeemed(OrderId),
    Revoked,
}

impl Voucher {
    /// The value of the voucher, if an order of a customer (`None`: a guest) may use it now.
    ///
    /// # Errors
    /// [`VoucherError::NotFound`] also for somebody else's voucher; otherwise why it cannot be used.
    pub fn usable_by(&self, order_id: OrderId, customer_id: Option<CustomerId>) -> Result<Money, VoucherError> {
        let Self::Issued { terms, stage } = self else { return Err(VoucherError::NotFound) };
        if terms.customer_id.is_some() && terms.customer_id != customer_id {
            return Err(VoucherError::NotFound);
        }
        match stage {
            VoucherStage::Free => Ok(terms.amount),
            VoucherStage::Reserved(holder) if *holder == order_id => Ok(terms.amount),
            VoucherStage::Reserved(_) => Err(VoucherError::InUse),
            VoucherStage::Redeemed(_) => Err(VoucherError::Used),
            VoucherStage::Revoked => Err(VoucherError::Revoked),
        }
    }
}

/// The voucher after an event. Never fails: an event that does not fit the state leaves the voucher as it was.
pub fn evolve(voucher: Voucher, event: &VoucherEvent) -> Voucher {
    match (voucher, event) {
        (Voucher::Unknown, VoucherEvent::Issued { customer_id, order_id, amount }) => {
            let terms = VoucherTerms { customer_id: *customer_id, order_id: *order_id, amount: *amount };
            Voucher::Issued { terms, stage: VoucherStage::Free }
        }
        (Voucher::Issued { terms, stage }, event) => {
            let stage = stage_after(stage, event).unwrap_or(stage);
            Voucher::Issued { terms, stage }
        }
        (
            Voucher::Unknown,
            VoucherEvent::Reserved { .. }
            | VoucherEvent::Released { .. }
            | VoucherEvent::Redeemed { .. }
            | VoucherEvent::Revoked { .. },
        ) => Voucher::Unknown,
    }
}

/// `None` where the event does not fit.
fn stage_after(stage: VoucherStage, event: &VoucherEvent) -> Option<VoucherStage> {
    match event {
        VoucherEvent::Issued { .. } => None,
        VoucherEvent::Reserved { order_id } => {
            (stage == VoucherStage::Free).then_some(VoucherStage::Reserved(*order_id))
        }
        VoucherEvent::Released { order_id } => is_of(stage, *order_id).then_some(VoucherStage::Free),
        VoucherEvent::Redeemed { order_id } => {
            (stage == VoucherStage::Reserved(*order_id)).then_some(VoucherStage::Redeemed(*order_id))
        }
        VoucherEvent::Revoked { reason: _ } => (stage == VoucherStage::Free).then_some(VoucherStage::Revoked),
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the voucher refuses the command; nothing is written then.
pub fn decide(voucher: &Voucher, command: VoucherCommand) -> Result<Vec<VoucherEvent>, VoucherError> {
    match command {
        VoucherCommand::Issue { customer_id, order_id, amount } => match voucher {
            Voucher::Unknown if amount.amount > 0 => Ok(vec![VoucherEvent::Issued { customer_id, order_id, amount }]),
            Voucher::Unknown => Err(VoucherError::BadAmount),
            Voucher::Issued { .. } => Err(VoucherError::CodeTaken),
        },
        VoucherCommand::Reserve { order_id, customer_id } => {
            voucher.usable_by(order_id, customer_id)?;
            let held = stage_of(voucher) == Some(VoucherStage::Reserved(order_id));
            Ok(if held { vec![] } else { vec![VoucherEvent::Reserved { order_id }] })
        }
        VoucherCommand::Release { order_id } => {
            let is_its = stage_of(voucher).is_some_and(|stage| is_of(stage, order_id));
            Ok(if is_its { vec![VoucherEvent::Released { order_id }] } else { vec![] })
        }
        VoucherCommand::Redeem { order_id } => match stage_of(voucher) {
            Some(VoucherStage::Reserved(holder)) if holder == order_id => Ok(vec![VoucherEvent::Redeemed { order_id }]),
            Some(VoucherStage::Redeemed(by)) if by == order_id => Ok(vec![]),
            Some(
                VoucherStage::Free | VoucherStage::Reserved(_) | VoucherStage::Redeemed(_) | VoucherStage::Revoked,
            ) => Err(VoucherError::NotReserved),
            None => Err(VoucherError::NotFound),
        },
        VoucherCommand::Revoke { reason } => match stage_of(voucher) {
            Some(VoucherStage::Free) => Ok(vec![VoucherEvent::Revoked { reason }]),
            Some(VoucherStage::Revoked) => Ok(vec![]),
            Some(VoucherStage::Reserved(_)) => Err(VoucherError::InUse),
            Some(VoucherStage::Redeemed(_)) => Err(VoucherError::Used),
            None => Err(VoucherError::NotFound),
        },
    }
}

/// Whether an order has reserved or redeemed the voucher.
fn is_of(stage: VoucherStage, order_id: OrderId) -> bool {
    stage == VoucherStage::Reserved(order_id) || stage == VoucherStage::Redeemed(order_id)
}

fn stage_of(voucher: &Voucher) -> Option<VoucherStage> {
    match voucher {
        Voucher::Unknown => None,
        Voucher::Issued { terms: _, stage } => Some(*stage),
    }
}
