//! State of the screen Orders.

use storefront_api::{OrderListQuery, OrderStatus, OrderSummary};
use tui_input::Input;

use crate::state::{PAGE, PagedList};

/// What an order is called: its first two things, and how many more there are.
pub(crate) fn order_title(first: Option<&str>, second: Option<&str>, lines: usize) -> String {
    let names: Vec<&str> = [first, second].into_iter().flatten().collect();
    match (names.len(), lines.saturating_sub(names.len())) {
        (0, _) => "An empty basket".to_owned(),
        (_, 0) => names.join(", "),
        (_, more) => format!("{} +{more}", names.join(", ")),
    }
}

/// The title of an order in a list.
pub(crate) fn summary_title(order: &OrderSummary) -> String {
    let lines = usize::try_from(order.lines).unwrap_or(usize::MAX);
    order_title(order.first_item.as_deref(), order.second_item.as_deref(), lines)
}

/// The screen Orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) list: PagedList<OrderSummary>,
    pub(crate) status: Option<OrderStatus>,
    /// Words of the number, the address or the products.
    pub(crate) search: Input,
    pub(crate) typing: bool,
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
        let q = Some(self.search.value().trim().to_owned()).filter(|words| !words.is_empty());
        OrderListQuery { customer: None, status: self.status, q, limit: u32::try_from(PAGE).ok(), cursor, min_position }
    }

    /// Steps through: all orders, each state, all.
    pub(crate) fn next_status(&mut self) {
        let place = self.status.and_then(|status| Self::STATUSES.iter().position(|known| *known == status));
        self.status = Self::STATUSES.get(place.map_or(0, |place| place + 1)).copied();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_called_by_its_first_two_things() {
        assert_eq!(order_title(None, None, 0), "An empty basket");
        assert_eq!(order_title(Some("Earl Grey"), None, 1), "Earl Grey");
        assert_eq!(order_title(Some("Earl Grey"), Some("Teapot"), 2), "Earl Grey, Teapot");
        assert_eq!(order_title(Some("Earl Grey"), Some("Teapot"), 3), "Earl Grey, Teapot +1");
        // A server of another version does not tell the number of lines.
        assert_eq!(order_title(Some("Earl Grey"), None, 0), "Earl Grey");
    }
}
