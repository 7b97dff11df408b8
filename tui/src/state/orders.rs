//! State of the screen Orders.

use storefront_api::{OrderListQuery, OrderStatus, OrderSummary};

use crate::state::{PAGE, PagedList};

/// The screen Orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) list: PagedList<OrderSummary>,
    pub(crate) status: Option<OrderStatus>,
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
        self.list.selected()
    }

    /// The query of a page.
    pub(crate) fn query(&self, cursor: Option<String>, min_position: Option<u64>) -> OrderListQuery {
        OrderListQuery { status: self.status, q: None, limit: u32::try_from(PAGE).ok(), cursor, min_position }
    }

    /// Steps through: all orders, each state, all.
    pub(crate) fn next_status(&mut self) {
        let place = self.status.and_then(|status| Self::STATUSES.iter().position(|known| *known == status));
        self.status = Self::STATUSES.get(place.map_or(0, |place| place + 1)).copied();
    }
}
