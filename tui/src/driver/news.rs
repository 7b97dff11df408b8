//! What somebody who looks elsewhere wants to know at once: how the order that they bought is doing, and what went wrong.

use storefront_api::OrderStatus;

use crate::money;
use crate::plain;
use crate::state::{Model, Tone};

/// The latest of it, in one line; `None` while there is nothing.
pub(super) fn latest(model: &Model) -> Option<String> {
    let wrong = model.toasts.iter().rev().find(|toast| toast.tone == Tone::Bad).map(|toast| toast.text.clone());
    wrong.or_else(|| bought(model)).map(|text| plain::line(&text))
}

/// How the order that was just bought is doing, once it is more than on its way.
fn bought(model: &Model) -> Option<String> {
    let watched = model.checkout.watched()?;
    let order = model.order.as_ref()?.order.as_ref().filter(|order| order.id == watched)?;
    match order.status {
        OrderStatus::CheckedOut if order.payment_action.is_some() => {
            Some(format!("Your bank asks you to confirm {}.", money::shown(order.total)))
        }
        OrderStatus::InProgress => Some("Your order is open again; nothing was charged.".to_owned()),
        OrderStatus::CheckedOut | OrderStatus::Expired | OrderStatus::Unknown => None,
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => {
            Some(format!("{} is confirmed.", order.number.as_deref().unwrap_or("Your order")))
        }
        OrderStatus::Cancelled => Some("Your order is cancelled.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::tests::world::Client;

    #[test]
    fn what_went_wrong_is_news_and_what_went_right_by_itself_is_none() {
        let mut client = Client::in_a_full_shop();
        assert_eq!(latest(&client.model), None);
        client.model.toast(Tone::Good, "Saved");
        assert_eq!(latest(&client.model), None);
        client.model.toast(Tone::Bad, "Only 3 are left.\u{1b}[31m");
        assert_eq!(latest(&client.model).as_deref(), Some("Only 3 are left. [31m"));
    }

    #[test]
    fn the_end_of_an_order_that_was_bought_is_news() {
        let mut client = Client::in_a_full_shop();
        client.press("a");
        client.answer_all();
        client.press("cb");
        client.answer_all();
        let id = client.model.checkout.watched().expect("it is bought");
        client.order_mut(id).status = OrderStatus::Confirmed;
        client.order_mut(id).number = Some("MJVS-JTAY".to_owned());
        client.news(1);
        client.answer_all();
        if let Some(order) = client.model.order.as_mut().and_then(|open| open.order.as_mut()) {
            order.status = OrderStatus::Confirmed;
            order.number = Some("MJVS-JTAY".to_owned());
        }
        assert_eq!(latest(&client.model).as_deref(), Some("MJVS-JTAY is confirmed."));
    }
}
