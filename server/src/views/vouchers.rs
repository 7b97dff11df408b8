//! The vouchers that were issued: those of a customer, newest first.

use std::collections::{BTreeMap, HashMap};

use storefront_api::{self as api, CustomerId, Timestamp, VoucherCode, VoucherStatus};
use storefront_domain::voucher::{self, Stage, Voucher, VoucherEvent};
use storefront_eventlog::{Position, Recorded};

use crate::stored::{self, LoadError};
use crate::streams;

/// Every voucher that has an owner, by owner.
#[derive(Debug, Default)]
pub(crate) struct VouchersView {
    /// By the position of its first event.
    of_customers: HashMap<CustomerId, BTreeMap<Position, VoucherCode>>,
    records: HashMap<VoucherCode, VoucherRecord>,
}

/// A voucher, and when it was issued.
#[derive(Clone, Debug, Default)]
pub(crate) struct VoucherRecord {
    pub(crate) voucher: Voucher,
    issued_at: Timestamp,
}

impl VoucherRecord {
    /// Takes in the next recorded event of the voucher's stream.
    pub(crate) fn apply_recorded(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        let event = stored::decode::<VoucherEvent>(recorded)?;
        if matches!(event, VoucherEvent::Issued { .. }) {
            self.issued_at = Timestamp::from_unix_ms(recorded.event.time_ms);
        }
        self.voucher = voucher::evolve(std::mem::take(&mut self.voucher), &event);
        Ok(())
    }

    /// The voucher as the wire shows it; `None` for one that was never issued.
    pub(crate) fn body(&self, code: &VoucherCode) -> Option<api::Voucher> {
        let Voucher::Issued { terms, stage } = &self.voucher else { return None };
        let (status, used_by) = match stage {
            Stage::Free => (VoucherStatus::Issued, None),
            Stage::Reserved(order_id) => (VoucherStatus::Reserved, Some(*order_id)),
            Stage::Redeemed(order_id) => (VoucherStatus::Redeemed, Some(*order_id)),
            Stage::Revoked => (VoucherStatus::Revoked, None),
        };
        Some(api::Voucher {
            code: code.clone(),
            amount: terms.amount,
            status,
            customer_id: terms.customer_id,
            issued_for: terms.order_id,
            issued_at: self.issued_at,
            used_by,
        })
    }
}

impl VouchersView {
    /// Takes in an event; those of other contexts change nothing.
    pub(crate) fn apply(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        let Some(code) = streams::id_in::<VoucherCode>("voucher", &recorded.stream) else { return Ok(()) };
        let record = self.records.entry(code.clone()).or_default();
        record.apply_recorded(recorded)?;
        let owner = match &record.voucher {
            Voucher::Issued { terms, .. } => terms.customer_id,
            Voucher::Unknown => None,
        };
        if let Some(owner) = owner.filter(|_| recorded.version.0 == 1) {
            self.of_customers.entry(owner).or_default().insert(recorded.position, code);
        }
        Ok(())
    }

    /// The vouchers of a customer, newest first.
    pub(crate) fn of(&self, customer_id: CustomerId) -> Vec<api::Voucher> {
        let codes = self.of_customers.get(&customer_id).into_iter().flat_map(|codes| codes.values().rev());
        codes.filter_map(|code| self.records.get(code)?.body(code)).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::{Log, euro, order};

    #[test]
    fn a_customer_sees_their_own_vouchers_newest_first_and_what_became_of_each() {
        let (ada, bob) = (CustomerId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
        let code = |text: &str| text.parse::<VoucherCode>().unwrap();
        let issued = |customer_id| VoucherEvent::Issued { customer_id, order_id: order(9), amount: euro(500) };
        let mut log = Log::default();
        log.write(&streams::voucher(&code("aaaaa")), &issued(Some(ada)));
        log.write(&streams::voucher(&code("bbbbb")), &issued(Some(bob)));
        log.write(&streams::voucher(&code("ccccc")), &issued(None));
        log.write(&streams::voucher(&code("ddddd")), &issued(Some(ada)));
        log.write(&streams::voucher(&code("aaaaa")), &VoucherEvent::Reserved { order_id: order(1) });
        let mut view = VouchersView::default();
        for recorded in &log.events {
            view.apply(recorded).unwrap();
        }
        let of_ada = view.of(ada);
        assert_eq!(of_ada.iter().map(|voucher| voucher.code.as_str()).collect::<Vec<_>>(), ["ddddd", "aaaaa"]);
        assert_eq!((of_ada[0].status, of_ada[0].used_by), (VoucherStatus::Issued, None));
        assert_eq!((of_ada[1].status, of_ada[1].used_by), (VoucherStatus::Reserved, Some(order(1))));
        assert_eq!(of_ada[1].issued_at, Timestamp::from_unix_ms(1000));
        assert_eq!(view.of(bob).len(), 1);
        assert_eq!(view.of(CustomerId(Uuid::from_u128(3))), []);
    }
}
