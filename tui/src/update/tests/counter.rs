//! The screen Counter: what the shopkeeper sees and does.

use storefront_api::{ChangeProduct, Deliver, OrderId, OrderStatus, PaymentStatus, RefundOrder};

use super::world::{Client, eur, two_charges};
use crate::state::counter::CounterRequest;
use crate::state::{FormRequest, List, Part, Screen};
use crate::update::{Effect, Feed, Msg, Request, next_deadline};

fn at_the_counter() -> Client {
    let mut client = Client::in_a_full_shop();
    client.press("7");
    client.answer_all();
    client
}

fn shown(client: &Client) -> Vec<&str> {
    client.model.counter.stock.shown().iter().map(|item| item.product_id.as_str()).collect()
}

#[test]
fn what_is_out_comes_first_then_what_is_low() {
    let mut client = at_the_counter();
    assert_eq!(shown(&client), ["casserole", "bread-knife", "apron", "dutch-oven", "enamel-mug"]);
    client.press("f");
    assert_eq!(shown(&client), ["casserole", "bread-knife"]);
    client.press("f");
    assert_eq!(shown(&client).len(), 5);
}

#[test]
fn goods_that_come_in_move_their_line_and_the_cursor_goes_with_it() {
    let mut client = at_the_counter();
    client.press("jr");
    client.type_text("40");
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(shown(&client), ["casserole", "apron", "bread-knife", "dutch-oven", "enamel-mug"]);
    assert_eq!(client.model.counter.stock.selected().unwrap().on_hand, 43);
    assert_eq!(client.model.toasts.last().unwrap().text, "Bread knife: 43 on hand now");
}

#[test]
fn a_threshold_begins_with_what_it_is() {
    let mut client = at_the_counter();
    client.press("Gs");
    assert_eq!(client.model.form.as_ref().unwrap().text("/threshold"), "10");
    client.press("0<Enter>");
    client.answer_all();
    assert_eq!(client.model.counter.stock.selected().unwrap().threshold, 100);
    assert_eq!(shown(&client), ["casserole", "bread-knife", "enamel-mug", "apron", "dutch-oven"]);
    assert_eq!(client.model.toasts.last().unwrap().text, "Enamel mug runs low at 100");
}

#[test]
fn what_runs_low_is_remembered_until_it_was_looked_at() {
    let mut client = Client::in_a_full_shop();
    client.stock_news("stock.ran_low", "apron");
    client.stock_news("stock.ran_out", "bread-knife");
    assert_eq!(client.model.counter.stock.alarms.len(), 2);
    assert!(client.model.toasts.is_empty(), "a shopper need not know");
    client.stock_news("stock.received", "bread-knife");
    client.press("7");
    client.answer_all();
    assert_eq!(client.model.counter.stock.alarms.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["apron"]);
    client.stock_news("stock.ran_out", "enamel-mug");
    assert_eq!(client.model.toasts.last().unwrap().text, "Enamel mug is sold out.");
    client.press("1");
    assert!(client.model.counter.stock.alarms.is_empty());
}

#[test]
fn news_about_stock_are_gathered_and_asked_for_once_and_only_where_they_show() {
    let mut client = at_the_counter();
    for _ in 0..3 {
        client.stock_news("stock.reserved", "apron");
    }
    let fetches =
        |client: &Client| client.asked.iter().filter(|request| matches!(request, Request::Stock { .. })).count();
    assert_eq!(fetches(&client), 0);
    client.wait_ms(200);
    assert_eq!(fetches(&client), 1);
    client.answer_all();
    assert_eq!(next_deadline(&client.model), None, "idle again");
    client.press("1");
    client.stock_news("stock.reserved", "apron");
    client.wait_ms(200);
    assert_eq!(fetches(&client), 0);
}

#[test]
fn an_answer_that_was_overtaken_is_not_taken_in() {
    let mut client = at_the_counter();
    client.press("17");
    let late = client.asked.clone();
    client.asked.clear();
    client.press("17");
    client.counter.stock.truncate(1);
    client.answer_all();
    client.counter.stock.clear();
    client.asked = late;
    client.answer_all();
    assert_eq!(shown(&client).len(), 1);
}

#[test]
fn stock_that_does_not_arrive_is_asked_for_again() {
    let mut client = Client::in_a_full_shop();
    client.press("7");
    client.fail_all();
    assert_eq!(client.model.counter.stock.list, List::default());
    client.wait_ms(2_100);
    client.answer_all();
    assert_eq!(shown(&client).len(), 5);
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    assert_eq!(client.model.screen, Screen::Counter);
    assert_eq!(shown(&client).len(), 5, "what was last seen stays");
}

/// At a part of the counter, with an order that is to be sent.
fn at_the_part(steps: &str) -> Client {
    let mut client = at_the_counter();
    let id = OrderId(uuid::Uuid::from_u128(7));
    let order = client.order_mut(id);
    (order.status, order.payment_status) = (OrderStatus::Confirmed, PaymentStatus::Paid);
    order.number = Some("MM2X-33BA".into());
    client.press(steps);
    client.answer_all();
    client
}

fn request(client: &Client) -> CounterRequest {
    let found = client.asked.iter().find_map(|request| match request {
        Request::Submit { request, .. } => Some((**request).clone()),
        _ => None,
    });
    match found {
        Some(FormRequest::Counter(request)) => request,
        other => panic!("not {other:?}"),
    }
}

fn said(client: &Client) -> &str {
    &client.model.toasts.last().unwrap().text
}

fn error(client: &Client, pointer: &str) -> String {
    let form = client.model.form.as_ref().expect("the form is open");
    form.fields.iter().find(|field| field.pointer == pointer).unwrap().error.clone().unwrap_or_default()
}

#[test]
fn the_parts_follow_one_another_both_ways_and_each_asks_for_what_it_shows() {
    let mut client = at_the_counter();
    let mut seen = vec![client.model.counter.part];
    for key in ["<Right>", "l", "]", "l", "l"] {
        client.asked.clear();
        client.press(key);
        assert_eq!(client.asked.len(), 1, "{key}");
        seen.push(client.model.counter.part);
    }
    assert_eq!(seen, [Part::Stock, Part::Products, Part::Orders, Part::Sales, Part::Charges, Part::Stock]);
    client.press("<Left>");
    assert_eq!(client.model.counter.part, Part::Charges);
}

#[test]
fn a_price_is_typed_with_a_comma_or_a_point_and_anything_else_is_refused_with_a_sentence() {
    let mut client = at_the_part("l");
    client.press("r");
    client.key(crate::keys::Key::ctrl('u'));
    client.press("12,505<Tab>");
    client.type_text("too dear");
    client.press("<Enter>");
    assert_eq!(error(&client, "/price"), "an amount of EUR, such as 12.50");
    client.press("<Backspace><Tab><Enter>");
    let CounterRequest::Reprice(id, reprice) = request(&client) else { panic!() };
    assert_eq!((id.as_str(), reprice.price, reprice.reason.as_str()), ("apron", eur(1_250), "too dear"));
    client.answer_all();
    assert_eq!(said(&client), "Apron costs 12.50 € now");
    assert_eq!(client.model.counter.products.list.selected().unwrap().price, eur(1_250));
}

#[test]
fn a_product_is_taken_off_the_shelf_after_a_question_found_there_and_put_back() {
    let mut client = at_the_part("l");
    client.press("w<Esc>");
    assert!(client.asked.is_empty());
    client.press("w<Enter>");
    assert_eq!(request(&client), CounterRequest::Withdraw("apron".parse().unwrap()));
    client.answer_all();
    assert_eq!(client.model.counter.products.list.total, 4);
    client.press("f");
    client.answer_all();
    assert_eq!(client.model.counter.products.list.selected().unwrap().name, "Apron");
    client.press("w<Enter>");
    client.answer_all();
    assert_eq!(said(&client), "Apron is for sale again");
    assert_eq!(client.model.counter.products.list.total, 0);
}

#[test]
fn what_is_described_anew_says_only_what_was_changed() {
    let mut client = at_the_part("l");
    client.press("jjjc");
    client.type_text(" XL");
    client.press("<Up>");
    client.key(crate::keys::Key::ctrl('u'));
    client.press("<Enter>");
    let CounterRequest::Describe(id, change) = request(&client) else { panic!() };
    assert_eq!(id.as_str(), "dutch-oven");
    let wanted =
        ChangeProduct { name: Some("Dutch oven XL".into()), compare_at_price: Some(None), ..ChangeProduct::default() };
    assert_eq!(change, wanted, "the sale ends, everything else stays");
    client.answer_all();
    assert_eq!(said(&client), "Dutch oven XL is described anew");
}

#[test]
fn a_new_product_needs_a_price_and_a_rate_of_vat_with_or_without_decimals() {
    let mut client = at_the_part("l");
    client.press("nLamp<Tab>LIG-1<Tab><Tab><Tab>%<Tab><Tab><Enter>");
    assert_eq!(error(&client, "/price"), "an amount of EUR, such as 12.50");
    assert_eq!(error(&client, "/vat_rate_percent"), "0 to 100 percent, such as 19 or 5.5");
    client.press("49<Tab><Backspace>,5<Tab><Tab><Enter>");
    let CounterRequest::Create(new) = request(&client) else { panic!() };
    assert_eq!((new.name.as_str(), new.category.as_str(), new.price), ("Lamp", "Kitchen", eur(4_900)));
    assert_eq!((new.vat_rate_percent.to_string().as_str(), new.compare_at_price), ("19.5", None));
    client.answer_all();
    assert_eq!(said(&client), "Lamp is in the range");
    assert_eq!(client.model.counter.products.list.total, 6);
}

#[test]
fn a_search_is_asked_for_when_the_typing_pauses_and_taken_off_again() {
    let mut client = at_the_part("l");
    client.press("/mug");
    assert!(client.asked.is_empty());
    client.wait_ms(100);
    client.answer_all();
    assert_eq!(client.model.counter.products.list.total, 1);
    client.press("<Enter>r");
    assert!(client.model.form.as_ref().unwrap().about.starts_with("Enamel mug"));
    client.press("<Esc>/<Esc>");
    client.wait_ms(100);
    client.answer_all();
    assert_eq!(client.model.counter.products.list.total, 5);
}

#[test]
fn an_order_is_sent_arrives_and_is_paid_back_from_the_counter() {
    let mut client = at_the_part("ll");
    let id = OrderId(uuid::Uuid::from_u128(7));
    client.press("a");
    assert_eq!(said(&client), "Only an order that was shipped can arrive.");
    client.press("sDHL<Tab>00340<Tab>tomorrow<Enter>");
    assert_eq!(error(&client, "/estimated_delivery"), "a day such as 2027-03-01, or nothing");
    client.key(crate::keys::Key::ctrl('u'));
    client.press("2026-03-04<Enter>");
    let CounterRequest::Ship(_, ship) = request(&client) else { panic!() };
    assert_eq!((ship.carrier.as_str(), ship.tracking_number.as_str()), ("DHL", "00340"));
    assert_eq!(ship.estimated_delivery.unwrap().to_string(), "2026-03-04T12:00:00.000Z");
    client.answer_all();
    assert_eq!((said(&client), client.model.counter.orders.list.total), ("MM2X-33BA is on its way", 0));
    client.press("f");
    client.answer_all();
    client.press("s");
    assert_eq!(said(&client), "MM2X-33BA is on its way already.");
    client.press("aAda<Enter>");
    assert_eq!(request(&client), CounterRequest::Deliver(id, Deliver { recipient: "Ada".into() }));
    client.answer_all();
    client.press("f");
    client.answer_all();
    client.press("r<Tab>broken<Enter>");
    let all = RefundOrder { amount: None, reason: "broken".into() };
    assert_eq!(request(&client), CounterRequest::Refund(id, all), "in full unless said otherwise");
    client.answer_all();
    client.press("r5,5<Tab>scratched<Enter>");
    let some = RefundOrder { amount: Some(eur(550)), reason: "scratched".into() };
    assert_eq!(request(&client), CounterRequest::Refund(id, some));
    client.answer_all();
    assert_eq!(said(&client), "Money of MM2X-33BA is on its way back");
}

#[test]
fn an_order_that_was_opened_from_the_counter_leads_back_there_and_can_be_sent_from_its_own_screen() {
    let mut client = at_the_part("ll");
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(client.model.screen, Screen::Order);
    client.press("sDHL<Tab>1<Tab><Enter>");
    client.answer_all();
    assert_eq!(client.model.order.as_ref().unwrap().order.as_ref().unwrap().status, OrderStatus::Shipped);
    client.press("<Esc>");
    assert_eq!(client.model.screen, Screen::Counter);
    client.press("3");
    client.answer_all();
    client.press("<Enter><Esc>");
    assert_eq!(client.model.screen, Screen::Orders, "and one of the list to the list");
}

#[test]
fn what_cannot_be_done_with_an_order_is_said_and_nothing_opens() {
    for (status, payment, key, sentence) in [
        (OrderStatus::CheckedOut, PaymentStatus::Pending, "s", "Only a confirmed order can be shipped."),
        (OrderStatus::Cancelled, PaymentStatus::Refunded, "r", "All of MM2X-33BA went back already."),
        (OrderStatus::InProgress, PaymentStatus::None, "r", "Nothing was paid for this order: nothing to give back."),
        (OrderStatus::Delivered, PaymentStatus::Paid, "s", "MM2X-33BA has arrived already."),
        (OrderStatus::Delivered, PaymentStatus::Paid, "a", "MM2X-33BA has arrived already."),
    ] {
        let mut client = at_the_part("llfff");
        let order = client.order_mut(OrderId(uuid::Uuid::from_u128(7)));
        (order.status, order.payment_status) = (status, payment);
        client.press("hl");
        client.answer_all();
        client.press(key);
        assert_eq!((said(&client), client.model.form.is_none()), (sentence, true));
    }
}

#[test]
fn the_chart_has_every_day_up_to_today() {
    let client = at_the_part("lll");
    let today: jiff::civil::Date = "2026-03-02".parse().unwrap();
    let amounts: Vec<i64> = client.model.counter.sales.bars(6, today).iter().map(|bar| bar.revenue.amount).collect();
    assert_eq!(amounts, [0, 25_800, -4_450, 0, 40_000, 0], "28 February has none");
    let earlier: jiff::civil::Date = "2026-01-01".parse().unwrap();
    assert_eq!(client.model.counter.sales.bars(1, earlier)[0].revenue, eur(40_000), "a clock that is behind");
}

fn is_about_the_counter(request: &Request) -> bool {
    matches!(
        request,
        Request::Stock { .. }
            | Request::CounterProducts { .. }
            | Request::CounterOrders { .. }
            | Request::Sales { .. }
            | Request::Charges { .. }
    )
}

#[test]
fn sales_are_asked_for_again_a_second_after_the_news() {
    let mut client = at_the_part("lll");
    client.news(2);
    client.wait_ms(900);
    assert!(!client.asked.iter().any(is_about_the_counter));
    client.wait_ms(200);
    assert!(client.asked.iter().any(|request| matches!(request, Request::Sales { .. })));
    client.answer_all();
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn the_id_of_what_is_chosen_is_copied() {
    for (steps, id) in [("", "casserole"), ("l", "apron"), ("ll", "00000000-0000-0000-0000-000000000007")] {
        let mut client = at_the_part(steps);
        assert_eq!(client.press("y"), [Effect::Copy(id.into())]);
    }
    assert_eq!(at_the_part("lll").press("y"), []);
}

#[test]
fn when_most_of_the_range_is_missing_the_counter_says_so_and_a_form_confirms_it() {
    let mut client = at_the_part("l");
    client.press("W");
    assert_eq!(said(&client), "Nothing of the range is missing.");
    client.counter.service = Some(storefront_api::ProductServiceState {
        state: "live".to_owned(),
        unreadable: Vec::new(),
        without_vat_rate: Vec::new(),
        default_vat_rate: None,
        held_withdrawals: Some(storefront_api::HeldWithdrawals { missing: 4, sold: 5 }),
    });
    client.stock_news("withdrawals.held", "missing");
    client.wait_ms(200);
    client.answer_all();
    assert!(client.model.counter.products.held_withdrawals().is_some());
    client.press("W");
    assert!(client.model.form.as_ref().unwrap().about.contains("4 of 5 products"));
    client.press("<Enter>");
    assert_eq!(request(&client), CounterRequest::ConfirmWithdrawals);
    client.answer_all();
    assert_eq!(said(&client), "4 products are off the shelf");
    assert!(client.model.counter.products.held_withdrawals().is_none());
}

#[test]
fn charges_without_an_order_are_listed_and_a_form_gives_one_back_and_lists_the_rest() {
    let mut client = at_the_counter();
    client.press("h");
    client.answer_all();
    client.press("<Enter>");
    assert!(client.model.form.is_none(), "there is nothing to give back");
    client.counter.charges = two_charges();
    client.press("hl");
    client.answer_all();
    assert_eq!(client.press("jy"), [Effect::Copy("pi_2".into())]);
    client.press("<Enter>");
    assert!(client.model.form.as_ref().unwrap().about.contains("20.00 € of the charge pi_2"));
    client.press("<Enter>");
    assert_eq!(request(&client), CounterRequest::RefundCharge("pi_2".into()));
    client.answer_all();
    assert_eq!(said(&client), "20.00 € are on their way back");
    let listed: Vec<&str> = client.model.counter.charges.items.iter().map(|charge| charge.reference.as_str()).collect();
    assert_eq!((listed, client.model.counter.charges.list.cursor), (vec!["pi_1"], 0));
}
