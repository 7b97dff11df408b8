//! State of the screen Orders.

use storefront_api::{OrderListQuery, OrderStatus, OrderSummary, Timestamp};

use crate::state::{List, Load};

/// Number of orders per page.
const PAGE: u32 = 50;

/// The screen Orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) items: Vec<OrderSummary>,
    pub(crate) total: usize,
    pub(crate) next_cursor: Option<String>,
    pub(crate) load: Load,
    pub(crate) asking: bool,
    pub(crate) sequence: u64,
    pub(crate) list: List,
    pub(crate) status: Option<OrderStatus>,
    /// When to fetch again after a change.
    pub(crate) refresh_at: Option<Timestamp>,
}

impl Orders {
    const STATUSES: [OrderStatus; 7] = [
        OrderStatus::InProgress,
        OrderStatus::CheckedOut,
        OrderStatus::Confirmed,
        OrderStatus::Shipped,
        OrderStatus::Delivered,
        OrderStatus::Cancelled,
        OrderStatus::Expired,
    ];

    pub(crate) fn selected(&self) -> Option<&OrderSummary> {
        self.items.get(self.list.cursor)
    }

    /// The query of the first page.
    pub(crate) fn query(&self, min_position: Option<u64>) -> OrderListQuery {
        OrderListQuery { status: self.status, limit: Some(PAGE), min_position, ..OrderListQuery::default() }
    }

    /// Steps through: all orders, each state, all.
    pub(crate) fn next_status(&mut self) {
        let place = self.status.and_then(|status| Self::STATUSES.iter().position(|known| *known == status));
        self.status = Self::STATUSES.get(place.map_or(0, |place| place + 1)).copied();
    }
}
