//! The account: becoming a customer, paying from the wallet, vouchers, invoices and mail.

use storefront_api::{MovementKind, OrderStatus, Page, PaymentMethod, Problem, ReopenReason, Wallet};

use super::world::account::{a_code, a_document, a_movement};
use super::world::{Client, eur};
use crate::keys::{Context, Key};
use crate::state::account::Part;
use crate::state::{Change, Failure, Field, Load, Mails, PageRequest, Phase, Screen};
use crate::update::{Effect, Feed, Msg, Request, Response, next_deadline};

pub(super) fn account_requests(client: &Client) -> Vec<Request> {
    let about_the_account = |request: &&Request| {
        matches!(
            request,
            Request::Register { .. }
                | Request::Wallet { .. }
                | Request::Movements { .. }
                | Request::Vouchers { .. }
                | Request::Invoices { .. }
                | Request::Mails { .. }
                | Request::DocumentText { .. }
                | Request::DocumentFile { .. }
                | Request::OrderDocuments { .. }
        )
    };
    client.asked.iter().filter(about_the_account).cloned().collect()
}

fn registrations(client: &Client) -> Vec<String> {
    let key = |request: Request| match request {
        Request::Register { key, .. } => Some(key),
        _ => None,
    };
    account_requests(client).into_iter().filter_map(key).collect()
}

/// A customer at the form of the checkout, with a mug and the wallet chosen.
fn paying_from_the_wallet() -> Client {
    let mut client = Client::with_a_wallet();
    client.press("1a");
    client.answer_all();
    for order in &mut client.orders {
        order.customer_id = client.model.account.customer;
    }
    client.news(1);
    client.answer_all();
    client.press("c<Esc><Down>");
    assert_eq!(client.model.checkout.payment().token, "wallet");
    client
}

#[test]
fn nobody_becomes_a_customer_without_asking_for_it() {
    let mut client = Client::at_the_account();
    client.press("llll1a");
    client.answer_all();
    client.press("cb");
    client.answer_all();
    assert_eq!(client.accounts.customer, None);
    assert_eq!(client.model.settings().customer, None);
}

#[test]
fn a_wallet_is_opened_once_however_often_enter_is_pressed_and_the_number_is_kept() {
    let mut client = Client::at_the_account();
    assert_eq!(client.model.context(), Context::NoWallet);
    client.press("<Enter><Enter><Enter>");
    assert_eq!(registrations(&client).len(), 1);
    client.answer_all();
    assert_eq!(client.model.account.balance(), Some(eur(1_000_000)));
    assert_eq!(client.model.settings().customer, client.accounts.customer);
    assert_eq!(client.model.context(), Context::Wallet);
    assert_eq!(client.model.account.movements.total, 1);
}

#[test]
fn a_registration_without_an_answer_is_repeated_under_its_key_until_there_is_one() {
    let mut client = Client::at_the_account();
    client.press("<Enter>");
    let key = registrations(&client)[0].clone();
    for _ in 0..3 {
        client.fail_all();
        client.press("<Enter>");
        assert_eq!(registrations(&client).len(), 0, "pressing again does nothing more");
        client.wait_ms(5_001);
        assert_eq!(registrations(&client), std::slice::from_ref(&key));
    }
    let to_another = Response::Registered { key: "another".into(), result: Err(Failure::Unexpected("no".into())) };
    client.take(Msg::Response(to_another));
    assert!(client.model.account.registration.is_some(), "that was about something else");
    client.answer_all();
    assert!(client.model.account.registration.is_none() && client.model.account.customer.is_some());
}

#[test]
fn a_refused_registration_leaves_a_guest_and_says_why() {
    let mut client = Client::at_the_account();
    client.refuse_with = Some(Problem { detail: "No more customers.".into(), status: 409, ..Problem::default() });
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(client.model.toasts.last().unwrap().text, "No more customers.");
    assert_eq!(client.model.context(), Context::NoWallet);
}

#[test]
fn the_basket_of_a_guest_becomes_the_customers_with_everything_in_it() {
    let mut client = Client::in_a_full_shop();
    client.press("+aja");
    client.answer_all();
    let before = client.model.basket.order_id;
    client.press("2v");
    client.type_text("k3v9q");
    client.press("<Enter>");
    client.answer_all();
    let lines = |client: &Client| {
        let lines = client.model.basket.lines().into_iter();
        lines.map(|line| (line.product_id.to_string(), line.quantity)).collect::<Vec<_>>()
    };
    let had = lines(&client);
    client.press("8<Enter>");
    client.answer_all();
    assert_ne!(client.model.basket.order_id, before, "an order never changes hands");
    assert_eq!(lines(&client), had);
    assert_eq!(client.basket_order().unwrap().voucher, Some(a_code("k3v9q")));
    assert!(client.order_mut(before).items.is_empty(), "what was begun as a guest is empty");
}

#[test]
fn what_is_on_its_way_while_the_wallet_opens_is_handed_over_when_it_has_arrived() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.press("8<Enter>");
    let before = client.model.basket.order_id;
    let register = client.asked.iter().position(|asked| matches!(asked, Request::Register { .. }));
    let register = client.asked.remove(register.unwrap());
    let registered = client.answer(register);
    client.take(registered);
    assert_eq!(client.model.basket.order_id, before, "not while the change is on its way");
    client.answer_all();
    assert_ne!(client.model.basket.order_id, before);
    assert_eq!(client.model.basket.pieces(), 1);
}

#[test]
fn a_shop_that_does_not_know_the_customer_any_more_makes_a_guest_of_it() {
    let mut client = Client::with_a_wallet();
    client.accounts.customer = None;
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.answer_all();
    assert_eq!(client.model.settings().customer, None);
    assert!(client.model.toasts.iter().any(|toast| toast.text.contains("guest again")));
    assert_eq!(client.model.context(), Context::NoWallet);
}

#[test]
fn without_an_answer_about_the_wallet_the_customer_stays_one() {
    let mut client = Client::with_a_wallet();
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    client.take(Msg::Feed(Feed::Online));
    client.fail_all();
    assert!(client.model.account.customer.is_some());
    assert_eq!(client.model.account.balance(), Some(eur(1_005_000)));
}

#[test]
fn the_wallet_pays() {
    let mut client = paying_from_the_wallet();
    client.press("<Enter>b");
    let paid = client.asked.iter().find_map(|request| match request {
        Request::CheckOut { request, .. } => Some(request.payment.clone()),
        _ => None,
    });
    assert_eq!(paid, Some(PaymentMethod::Wallet));
}

#[test]
fn a_wallet_with_too_little_in_it_says_so_and_nothing_is_sent() {
    let mut client = paying_from_the_wallet();
    client.model.account.wallet.as_mut().unwrap().balance = eur(4_449);
    client.press("<Enter>");
    assert!(client.model.checkout.submission.is_none());
    let (field, error) = &client.model.checkout.errors[0];
    assert_eq!((*field, error.as_str()), (Field::Payment, "too little for 44.50 €"));
    client.model.account.wallet.as_mut().unwrap().balance = eur(4_450);
    client.press("<Enter>b");
    assert!(client.model.checkout.submission.is_some(), "just enough is enough");
}

#[test]
fn a_wallet_that_is_declined_all_the_same_leads_back_to_the_payment_with_the_reason_and_the_basket() {
    let mut client = paying_from_the_wallet();
    let id = client.model.basket.order_id;
    client.press("<Enter>b");
    client.answer_all();
    let order = client.order_mut(id);
    order.status = OrderStatus::InProgress;
    order.version += 1;
    let message = "The wallet has 1.00 EUR, and 44.50 EUR is to be paid.";
    order.reopened_because =
        Some(ReopenReason::PaymentDeclined { reason: "insufficient_funds".into(), message: message.into() });
    client.news(1);
    client.answer_all();
    assert_eq!((client.model.basket.order_id, client.model.basket.pieces()), (id, 1));
    assert_eq!((client.model.checkout.phase, client.model.checkout.focus), (Phase::Form, Field::Payment));
    assert!(client.model.checkout.notice.as_ref().unwrap().contains("The wallet has 1.00 EUR"));
}

#[test]
fn another_shop_behind_the_address_leaves_no_list_of_the_old_one() {
    let mut client = Client::with_a_wallet();
    client.press("lll");
    client.answer_all();
    client.press("l");
    client.accounts.mails = Mails { mails: Vec::new(), head: 5 };
    client.take(Msg::Feed(Feed::Loaded { events: Vec::new() }));
    client.answer_all();
    client.press("h");
    client.answer_all();
    assert_eq!(client.model.account.mails.total, 0);
}

#[test]
fn a_guest_who_chooses_the_wallet_learns_where_one_is_opened() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.answer_all();
    client.press("c<Esc><Down><Enter>");
    assert!(client.model.checkout.submission.is_none());
    assert!(client.model.checkout.errors[0].1.contains("8 leads to the account"), "{:?}", client.model.checkout.errors);
}

#[test]
fn the_balance_follows_the_log_on_every_screen() {
    let mut client = Client::with_a_wallet();
    client.press("1");
    client.accounts.movements.insert(0, a_movement(9, MovementKind::Charged, -950, 900_000));
    let customer = client.model.account.customer.unwrap();
    client.account_news("wallet.charged", &customer.to_string());
    client.answer_all();
    assert_eq!(client.model.account.balance(), Some(eur(900_000)));
    // An answer from before that, which comes late, changes nothing.
    let old = Wallet { customer_id: customer, balance: eur(1_000_000), version: 1 };
    client.take(Msg::Response(Response::Wallet { customer, result: Ok(Some(old)) }));
    assert_eq!(client.model.account.balance(), Some(eur(900_000)));
    client.account_news("wallet.charged", "somebody-else");
    assert_eq!(account_requests(&client), []);
}

#[test]
fn a_list_that_shows_is_asked_for_again_when_an_event_says_that_it_changed_and_only_then() {
    let mut client = Client::with_a_wallet();
    for (part, kind) in [("l", "voucher.issued"), ("l", "invoice.issued"), ("l", "email.sent")] {
        client.press(part);
        client.answer_all();
        assert_eq!(next_deadline(&client.model), None, "{kind}");
        client.account_news("order.item_added", "x");
        client.wait_ms(1_000);
        client.answer_all();
        client.account_news(kind, "x");
        client.account_news(kind, "y");
        client.wait_ms(100);
        assert_eq!(account_requests(&client).len(), 1, "{kind}");
        client.answer_all();
    }
}

#[test]
fn an_answer_that_was_overtaken_does_not_take_the_place_of_a_list() {
    let mut client = Client::with_a_wallet();
    client.press("ll");
    client.answer_all();
    let invoices = &client.model.account.invoices;
    let (shown, sequence) = (invoices.total, invoices.sequence - 1);
    let ask = PageRequest { sequence, page: 0, anew: true, cursor: None };
    assert!(shown > 0);
    let result = Ok(Page { items: Vec::new(), next_cursor: None, total: 0 });
    client.take(Msg::Response(Response::Invoices { ask, result }));
    assert_eq!(client.model.account.invoices.total, shown);
}

#[test]
fn the_parts_follow_one_another_and_the_cursor_stays_within_each() {
    let mut client = Client::with_a_wallet();
    let mut seen = Vec::new();
    for _ in Part::ALL {
        client.press("G");
        client.answer_all();
        seen.push(client.model.account.part);
        client.press("l");
        client.answer_all();
    }
    assert_eq!(seen, Part::ALL);
    assert_eq!(client.model.account.part, Part::Wallet);
    client.press("h");
    assert_eq!(client.model.account.part, Part::Addresses);
}

#[test]
fn a_list_that_did_not_arrive_says_so_and_is_asked_for_again() {
    let mut client = Client::at_the_account();
    client.press("ll");
    client.fail_all();
    assert!(matches!(&client.model.account.invoices.load, Load::Failed(Failure::Unreachable(_))));
    client.accounts.documents = vec![a_document("2026-000001", 950)];
    client.wait_ms(2_000);
    client.answer_all();
    assert_eq!(client.model.account.invoices.total, 1);
    client.press("1");
    client.press("8");
    client.fail_all();
    assert_eq!(client.model.account.invoices.load, Load::Ready, "what is known stays");
}

#[test]
fn an_order_opens_from_the_movement_that_paid_it() {
    let mut client = Client::with_a_wallet();
    client.press("G<Enter>");
    assert_eq!(client.model.screen, Screen::Account, "no order stands behind the opening");
    client.press("gj<Enter>");
    assert_eq!(client.model.screen, Screen::Order);
}

#[test]
fn a_voucher_goes_from_the_account_into_the_basket_and_off_again() {
    let mut client = Client::with_a_wallet();
    client.press("l");
    client.answer_all();
    client.press("<Enter>");
    assert!(client.model.basket.pending.is_empty(), "an empty basket takes none");
    client.press("1a8");
    client.answer_all();
    client.press("j<Enter>j<Enter>j<Enter>");
    assert!(client.model.basket.pending.is_empty(), "only one that is ready can be used");
    client.press("g<Enter>");
    assert_eq!(client.model.basket.voucher(), Some((&a_code("k3v9q"), true)));
    client.answer_all();
    assert_eq!(client.model.basket.voucher(), Some((&a_code("k3v9q"), false)));
    client.press("2V");
    assert_eq!(client.model.basket.voucher(), None);
    client.answer_all();
    assert_eq!(client.basket_order().unwrap().voucher, None);
    client.press("V");
    assert!(client.model.basket.pending.is_empty(), "there is none to take off");
}

#[test]
fn a_refused_voucher_is_taken_back_with_the_reason() {
    let mut client = Client::with_a_wallet();
    client.press("1a8l");
    client.answer_all();
    client.refuse_with = Some(Problem { detail: "This voucher was used.".into(), status: 409, ..Problem::default() });
    client.press("<Enter>");
    client.answer_all();
    assert_eq!(client.model.basket.voucher(), None);
    assert_eq!(client.model.toasts.last().unwrap().text, "This voucher was used.");
}

#[test]
fn a_code_is_typed_into_a_form_and_a_refusal_stands_there_with_the_text_kept() {
    let mut client = Client::in_a_full_shop();
    client.press("2v");
    assert_eq!(client.model.context(), Context::Basket, "an empty basket takes none");
    client.press("1a");
    client.answer_all();
    client.press("2v");
    client.type_text("k3");
    client.press("<Enter>");
    assert!(client.model.form.as_ref().unwrap().fields[0].error.is_some(), "too short, and not sent");
    client.type_text("V9Q");
    client.refuse_with =
        Some(Problem { detail: "There is no such voucher.".into(), status: 404, ..Problem::default() });
    client.press("<Enter>");
    client.answer_all();
    let form = client.model.form.as_ref().unwrap();
    assert_eq!(form.refusal.as_deref(), Some("There is no such voucher."));
    assert_eq!(form.text("/code"), "k3V9Q");
    client.press("<Enter>");
    client.answer_all();
    assert!(client.model.form.is_none());
    assert_eq!(client.model.basket.voucher(), Some((&a_code("k3v9q"), false)));
    assert_eq!(client.model.basket.total(), eur(3_950));
}

#[test]
fn what_is_chosen_can_be_copied_in_every_part() {
    let mut client = Client::with_a_wallet();
    let mut copied = Vec::new();
    for _ in Part::ALL {
        for effect in client.press("y") {
            if let Effect::Copy(text) = effect {
                copied.push(text);
            }
        }
        client.press("l");
        client.answer_all();
    }
    let customer = client.model.account.customer.unwrap().to_string();
    assert_eq!(copied[1..], ["k3v9q", "CN-2026-000001", "Your order MM2X-33B3 is confirmed", &customer]);
}

#[test]
fn a_change_of_the_voucher_is_never_merged_with_another() {
    let mut client = Client::with_a_wallet();
    client.press("1a8l");
    client.answer_all();
    client.press("<Enter>");
    client.key(Key::char('2'));
    client.press("V");
    let changes: Vec<Change> = client.model.basket.pending.iter().map(|intent| intent.change.clone()).collect();
    assert_eq!(changes, [Change::UseVoucher { code: a_code("k3v9q") }, Change::DropVoucher]);
}
