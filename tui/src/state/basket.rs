//! The basket: the shop's last response and the shopper's pending changes. What is shown is the first with the second
//! applied, so a refused change is undone by dropping it.

use std::collections::{BTreeMap, VecDeque};

use storefront_api::{Currency, Money, Order, OrderId, ProductId, ReopenReason, Timestamp, VoucherCode};

use crate::state::{List, Load, RetryState};

/// Maximum number of pending changes.
const MAX_PENDING_CHANGES: usize = 100;
/// Maximum quantity of one line (DOMAIN, B1).
pub(crate) const MAX_LINE_QUANTITY: u32 = 99;

/// A line as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) product_id: ProductId,
    pub(crate) name: String,
    pub(crate) unit_price: Money,
    pub(crate) quantity: u32,
    pub(crate) notice: Option<String>,
    /// Whether a change of this line is pending.
    pub(crate) pending: bool,
}

impl Line {
    /// Unit price times quantity, saturating.
    pub(crate) fn total(&self) -> Money {
        self.unit_price.times(self.quantity).unwrap_or(Money::new(i64::MAX, self.unit_price.currency))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Adds a quantity of a product.
    Add {
        /// The product as the shopper saw it, with the quantity to add.
        line: Line,
    },
    /// Sets the quantity of a product.
    Set {
        product_id: ProductId,
        quantity: u32,
    },
    Remove {
        product_id: ProductId,
    },
    Empty,
    /// Applies a voucher in place of the previous one.
    UseVoucher {
        code: VoucherCode,
    },
    /// Removes the voucher.
    DropVoucher,
}

impl Change {
    fn product_id(&self) -> Option<&ProductId> {
        match self {
            Self::Add { line } => Some(&line.product_id),
            Self::Set { product_id, .. } | Self::Remove { product_id } => Some(product_id),
            Self::Empty | Self::UseVoucher { .. } | Self::DropVoucher => None,
        }
    }
}

/// A change that the shop has not confirmed, with its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingChange {
    pub(crate) key: String,
    pub(crate) change: Change,
}

/// The screen Basket.
#[derive(Debug)]
pub(crate) struct Basket {
    /// The order id of the basket; chosen by the client, known to the shop from the first item on.
    pub(crate) order_id: OrderId,
    /// The order in the shop's last response; `None` before the first item.
    pub(crate) order: Option<Order>,
    pub(crate) load: Load,
    pub(crate) pending: VecDeque<PendingChange>,
    /// Whether the first pending change has been sent without a response yet.
    pub(crate) in_flight: bool,
    /// When to retry the first pending change.
    pub(crate) retry_at: Option<Timestamp>,
    /// Retries of the first pending change.
    pub(crate) tries: RetryState,
    pub(crate) list: List,
    /// Removed lines for undo, the latest last.
    pub(crate) removed: Vec<Line>,
    /// Lines that the shop refused to sell, with the reason.
    pub(crate) refused: BTreeMap<ProductId, String>,
}

impl Basket {
    pub(crate) fn new(order_id: OrderId) -> Self {
        Self {
            order_id,
            order: None,
            load: Load::Loading,
            pending: VecDeque::new(),
            in_flight: false,
            retry_at: None,
            tries: RetryState::default(),
            list: List::default(),
            removed: Vec::new(),
            refused: BTreeMap::new(),
        }
    }

    /// The shop's lines with every pending change applied.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let items = self.order.iter().flat_map(|order| &order.items);
        let mut lines: Vec<Line> = items
            .map(|item| Line {
                product_id: item.product_id.clone(),
                name: item.name.clone(),
                unit_price: item.unit_price,
                quantity: item.quantity,
                notice: self.refused.get(&item.product_id).cloned().or_else(|| item.notice.clone()),
                pending: false,
            })
            .collect();
        for pending in &self.pending {
            apply(&mut lines, &pending.change);
        }
        lines
    }

    /// Total number of pieces.
    pub(crate) fn pieces(&self) -> u32 {
        self.lines().iter().fold(0, |sum, line| sum.saturating_add(line.quantity))
    }

    /// Quantity of a product.
    pub(crate) fn quantity_of(&self, id: &ProductId) -> u32 {
        self.lines().iter().find(|line| line.product_id == *id).map_or(0, |line| line.quantity)
    }

    /// The total to pay: the shop's, or the sum of the lines while changes are pending.
    pub(crate) fn total(&self) -> Money {
        match &self.order {
            Some(order) if self.pending.is_empty() => order.total,
            order => {
                let lines = self.lines();
                let currency = lines.first().map(|line| line.unit_price.currency);
                let currency = currency.or(order.as_ref().map(|order| order.currency)).unwrap_or(Currency::EUR);
                let sum = lines.iter().try_fold(Money::zero(currency), |sum, line| sum.plus(line.total()));
                sum.unwrap_or(Money::new(i64::MAX, currency))
            }
        }
    }

    /// The voucher with pending changes applied, and whether it is still unconfirmed.
    pub(crate) fn voucher(&self) -> Option<(&VoucherCode, bool)> {
        let wanted = self.pending.iter().rev().find_map(|pending| match &pending.change {
            Change::UseVoucher { code } => Some(Some((code, true))),
            Change::DropVoucher => Some(None),
            Change::Add { .. } | Change::Set { .. } | Change::Remove { .. } | Change::Empty => None,
        });
        wanted.unwrap_or_else(|| self.order.as_ref()?.voucher.as_ref().map(|code| (code, false)))
    }

    /// The voucher and its discount; `None` while changes are pending.
    pub(crate) fn discount(&self) -> Option<(&VoucherCode, Money)> {
        let order = self.order.as_ref().filter(|order| self.pending.is_empty() && order.discount.amount != 0)?;
        Some((order.voucher.as_ref()?, order.discount))
    }

    /// Whether it has no lines and no pending changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines().is_empty() && self.pending.is_empty()
    }

    /// Why the last checkout of this order failed.
    pub(crate) fn reopened_because(&self) -> Option<&ReopenReason> {
        self.order.as_ref().and_then(|order| order.reopened_because.as_ref())
    }

    /// Queues a change, or merges it into a queued one that has not been sent where the result is the same. Returns
    /// whether it was accepted.
    pub(crate) fn push(&mut self, key: String, change: Change) -> bool {
        let sent = usize::from(self.in_flight || self.tries.again > 0);
        if self.pending.len() > sent
            && let Some(last) = self.pending.back_mut()
            && last.change.product_id().is_some()
            && last.change.product_id() == change.product_id()
            && merge(&mut last.change, &change)
        {
            return true;
        }
        if self.pending.len() >= MAX_PENDING_CHANGES {
            return false;
        }
        self.pending.push_back(PendingChange { key, change });
        true
    }
}

fn merge(earlier: &mut Change, later: &Change) -> bool {
    match (earlier, later) {
        (Change::Add { line }, Change::Add { line: more }) if line.quantity + more.quantity <= MAX_LINE_QUANTITY => {
            line.quantity += more.quantity;
            true
        }
        (Change::Set { quantity, .. }, Change::Set { quantity: later, .. }) => {
            *quantity = *later;
            true
        }
        _ => false,
    }
}

fn apply(lines: &mut Vec<Line>, change: &Change) {
    match change {
        Change::Add { line } => match lines.iter_mut().find(|here| here.product_id == line.product_id) {
            Some(here) => {
                here.quantity = here.quantity.saturating_add(line.quantity);
                here.pending = true;
            }
            None => lines.push(Line { pending: true, ..line.clone() }),
        },
        Change::Set { product_id, quantity } => {
            if let Some(here) = lines.iter_mut().find(|here| here.product_id == *product_id) {
                here.quantity = *quantity;
                here.pending = true;
            }
        }
        Change::Remove { product_id } => lines.retain(|line| line.product_id != *product_id),
        Change::Empty => lines.clear(),
        Change::UseVoucher { .. } | Change::DropVoucher => {}
    }
}
