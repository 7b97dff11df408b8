//! The vouchers that were issued: those of a customer, newest first.

use serde::{Deserialize, Serialize};
use storefront_api::{self as api, CustomerId, Money, OrderId, Timestamp, VoucherCode, VoucherStatus};
use storefront_domain::voucher::{self, Voucher, VoucherEvent, VoucherStage, VoucherTerms};
use storefront_eventlog::Recorded;

use crate::store::aggregates;
use crate::store::aggregates::LoadError;
use crate::store::streams;
use crate::views::engine::view::{Change, Rows, Terms, View, ViewError};
use crate::views::rows::{ViewStore, ViewStoreError, What};

const NAME: &str = "vouchers";
/// How many vouchers are looked up at once.
const PAGE: usize = 500;

/// The view of vouchers: a row for each, under its code.
pub(super) struct Vouchers;

/// A voucher in the list.
#[derive(Debug, Serialize, Deserialize)]
struct VoucherRow {
    code: VoucherCode,
    customer_id: Option<CustomerId>,
    issued_for: OrderId,
    amount: Money,
    stage: StageRow,
    issued_ms: i64,
    /// The position of its first event, by which the list is sorted.
    issued: i64,
}

#[derive(Debug, Serialize, Deserialize)]
enum StageRow {
    Free,
    Reserved(OrderId),
    Redeemed(OrderId),
    Revoked,
}

impl View for Vouchers {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        1
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        streams::id_in::<VoucherCode>("voucher", recorded.stream()).iter().map(ToString::to_string).collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        let Some(code) = streams::id_in::<VoucherCode>("voucher", recorded.stream()) else { return Ok(Vec::new()) };
        let row = rows.get::<VoucherRow>(code.as_str())?;
        let issued = row.as_ref().map_or(i64::try_from(recorded.position.0).unwrap_or(i64::MAX), |row| row.issued);
        let mut record = row.map(VoucherRow::record).unwrap_or_default();
        record.apply_recorded(recorded)?;
        VoucherRow::new(&code, record, issued).iter().map(|row| Change::put(code.as_str(), row)).collect()
    }

    fn terms(&self, _key: &str, body: &str) -> Result<Terms, ViewError> {
        let row: VoucherRow = serde_json::from_str(body)?;
        Ok(row.customer_id.iter().map(|owner| (owned_by(*owner), row.issued)).collect())
    }
}

/// The vouchers of a customer, newest first.
pub(crate) async fn of_customer(
    store: &ViewStore,
    customer_id: CustomerId,
) -> Result<Vec<api::Voucher>, ViewStoreError> {
    let what = What::Term(owned_by(customer_id));
    let (mut vouchers, mut before) = (Vec::new(), None);
    loop {
        let found = store.find(NAME, &what, before, PAGE).await?;
        for (_, body) in &found.rows {
            let row: VoucherRow =
                serde_json::from_str(body).map_err(|source| ViewStoreError::Row { view: NAME, source })?;
            let code = row.code.clone();
            vouchers.extend(row.record().body(&code));
        }
        match found.rows.last() {
            Some((rank, _)) => before = Some(*rank),
            None => return Ok(vouchers),
        }
    }
}

impl VoucherRow {
    /// `None` for a voucher that was never issued.
    fn new(code: &VoucherCode, record: VoucherRecord, issued: i64) -> Option<Self> {
        let Voucher::Issued { terms, stage } = record.voucher else { return None };
        let stage = match stage {
            VoucherStage::Free => StageRow::Free,
            VoucherStage::Reserved(order_id) => StageRow::Reserved(order_id),
            VoucherStage::Redeemed(order_id) => StageRow::Redeemed(order_id),
            VoucherStage::Revoked => StageRow::Revoked,
        };
        Some(Self {
            code: code.clone(),
            customer_id: terms.customer_id,
            issued_for: terms.order_id,
            amount: terms.amount,
            stage,
            issued_ms: record.issued_at.unix_ms(),
            issued,
        })
    }

    fn record(self) -> VoucherRecord {
        let stage = match self.stage {
            StageRow::Free => VoucherStage::Free,
            StageRow::Reserved(order_id) => VoucherStage::Reserved(order_id),
            StageRow::Redeemed(order_id) => VoucherStage::Redeemed(order_id),
            StageRow::Revoked => VoucherStage::Revoked,
        };
        let terms = VoucherTerms { customer_id: self.customer_id, order_id: self.issued_for, amount: self.amount };
        VoucherRecord { voucher: Voucher::Issued { terms, stage }, issued_at: Timestamp::from_unix_ms(self.issued_ms) }
    }
}

fn owned_by(customer_id: CustomerId) -> String {
    format!("of:{customer_id}")
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
        let event = aggregates::decode_shared::<VoucherEvent>(recorded)?;
        if matches!(*event, VoucherEvent::Issued { .. }) {
            self.issued_at = Timestamp::from_unix_ms(recorded.time_ms);
        }
        self.voucher = voucher::evolve(std::mem::take(&mut self.voucher), &event);
        Ok(())
    }

    /// The voucher as the wire shows it; `None` for one that was never issued.
    pub(crate) fn body(&self, code: &VoucherCode) -> Option<api::Voucher> {
        let Voucher::Issued { terms, stage } = &self.voucher else { return None };
        let (status, used_by) = match stage {
            VoucherStage::Free => (VoucherStatus::Issued, None),
            VoucherStage::Reserved(order_id) => (VoucherStatus::Reserved, Some(*order_id)),
            VoucherStage::Redeemed(order_id) => (VoucherStatus::Redeemed, Some(*order_id)),
            VoucherStage::Revoked => (VoucherStatus::Revoked, None),
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::{Log, euro, order};

    #[tokio::test]
    async fn a_customer_sees_their_own_vouchers_newest_first_and_what_became_of_each() {
        let (ada, bob) = (CustomerId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
        let code = |text: &str| text.parse::<VoucherCode>().unwrap();
        let issued = |customer_id| VoucherEvent::Issued { customer_id, order_id: order(9), amount: euro(500) };
        let mut log = Log::default();
        log.write(&streams::voucher(&code("aaaaa")), &issued(Some(ada)));
        log.write(&streams::voucher(&code("bbbbb")), &issued(Some(bob)));
        log.write(&streams::voucher(&code("ccccc")), &issued(None));
        log.write(&streams::voucher(&code("ddddd")), &issued(Some(ada)));
        log.write(&streams::voucher(&code("aaaaa")), &VoucherEvent::Reserved { order_id: order(1) });
        let store = crate::views::rows::tests::filled(&Vouchers, &log.events).await;
        let of_ada = of_customer(&store, ada).await.unwrap();
        assert_eq!(of_ada.iter().map(|voucher| voucher.code.as_str()).collect::<Vec<_>>(), ["ddddd", "aaaaa"]);
        assert_eq!((of_ada[0].status, of_ada[0].used_by), (VoucherStatus::Issued, None));
        assert_eq!((of_ada[1].status, of_ada[1].used_by), (VoucherStatus::Reserved, Some(order(1))));
        assert_eq!(of_ada[1].issued_at, Timestamp::from_unix_ms(1000));
        assert_eq!(of_customer(&store, bob).await.unwrap().len(), 1);
        assert_eq!(of_customer(&store, CustomerId(Uuid::from_u128(3))).await.unwrap(), []);
    }
}
