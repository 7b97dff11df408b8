//! Reading over the screen: invoices, credit notes and mail, and keeping the first two.

use storefront_api::{OrderStatus, VoucherStatus};

use super::account::account_requests;
use super::world::Client;
use super::world::account::{a_mail, a_voucher};
use crate::keys::Context;
use crate::state::{Load, Mails, Page, Screen};
use crate::update::{Effect, Feed, FileKind, Msg, Request, Response};

#[test]
fn an_invoice_is_read_scrolled_leafed_through_copied_and_saved() {
    let mut client = Client::with_a_wallet();
    client.press("ll");
    client.answer_all();
    client.press("<Enter>");
    assert_eq!(client.model.context(), Context::Document);
    assert_eq!(client.model.paper.as_ref().unwrap().load, Load::Loading);
    client.answer_all();
    client.press("G");
    assert_eq!(client.model.paper.as_ref().unwrap().scroll, 32 - 20);
    client.press("l");
    client.answer_all();
    let paper = client.model.paper.as_ref().unwrap();
    assert_eq!((paper.page(), paper.scroll), (&Page::Document("2026-000001".into()), 0));
    assert!(paper.text.contains("Invoice 2026-000001"));
    assert_eq!(client.model.account.invoices.list.cursor, 1, "the list moves along");
    let copied = client.press("y");
    assert!(matches!(&copied[..], [Effect::Copy(text)] if text.contains("2026-000001")), "{copied:?}");
    client.press("s");
    assert_eq!(
        account_requests(&client),
        [Request::DocumentFile { number: "2026-000001".into(), kind: FileKind::Pdf }]
    );
    client.asked.clear();
    client.press("<Esc>S");
    assert_eq!(
        account_requests(&client),
        [Request::DocumentFile { number: "2026-000001".into(), kind: FileKind::Text }]
    );
    let news = Response::DocumentFile { number: "2026-000001".into(), kind: FileKind::Text, result: Ok(b"x".to_vec()) };
    let effects = client.take(Msg::Response(news));
    assert_eq!(effects, [Effect::Save { name: "storefront-invoice-2026-000001.txt".into(), contents: b"x".to_vec() }]);
}

#[test]
fn the_text_of_a_paper_that_was_left_is_not_shown_on_the_next_one() {
    let mut client = Client::with_a_wallet();
    client.press("ll");
    client.answer_all();
    client.press("<Enter>");
    let late = client.asked.pop().unwrap();
    client.press("l");
    let late = client.answer(late);
    client.take(late);
    assert_eq!(client.model.paper.as_ref().unwrap().load, Load::Loading);
}

#[test]
fn a_document_that_did_not_arrive_says_so_on_the_paper() {
    let mut client = Client::with_a_wallet();
    client.press("ll");
    client.answer_all();
    client.press("<Enter>");
    client.fail_all();
    assert!(matches!(client.model.paper.as_ref().unwrap().load, Load::Failed(_)));
    client.press("s");
    client.fail_all();
    assert_eq!(client.model.toasts.last().unwrap().text, "The shop is gone.");
    client.press("<Esc>");
    assert_eq!(client.model.context(), Context::Invoices);
}

#[test]
fn the_invoice_of_an_order_opens_from_the_order() {
    let mut client = Client::at_a_bought_order();
    client.press("i");
    assert!(client.model.paper.is_none() && !client.model.toasts.is_empty(), "there is none yet");
    let id = client.model.order.as_ref().unwrap().id;
    client.order_mut(id).invoice = Some("2026-000007".into());
    client.order_mut(id).status = OrderStatus::Confirmed;
    client.accounts.vouchers = vec![a_voucher("k3v9q", VoucherStatus::Issued)];
    client.head += 1;
    let events = vec![super::world::an_event(client.head, "order.invoiced", &id.to_string())];
    client.take(Msg::Feed(Feed::NewEvents { events: events.clone() }));
    client.asked.clear();
    let order = client.order_mut(id).clone();
    let (head, steps) = (client.head, Vec::new());
    let timeline = storefront_api::Timeline { events, next_after: head, head, steps, order, reset: false };
    client.take(Msg::Response(Response::Timeline { id, result: Ok(timeline) }));
    assert_eq!(account_requests(&client), [Request::OrderDocuments { order: id, invoice: Some("2026-000007".into()) }]);
    client.answer_all();
    assert!(client.model.order.as_ref().unwrap().papers.voucher.is_some());
    client.press("i");
    client.answer_all();
    assert!(client.model.paper.as_ref().unwrap().text.contains("2026-000007"));
    client.press("<Esc>");
    assert_eq!(client.model.screen, Screen::Order);
}

#[test]
fn mail_is_read_over_the_screen_and_leads_to_the_next() {
    let mut client = Client::with_a_wallet();
    client.press("lll");
    client.answer_all();
    assert_eq!(client.model.context(), Context::Mailbox);
    client.press("<Enter>");
    assert_eq!(client.model.context(), Context::Letter);
    assert!(client.model.paper.as_ref().unwrap().text.starts_with("Your order MM2X-33B3 is confirmed"));
    client.press("n");
    assert_eq!(client.model.paper.as_ref().unwrap().page(), &Page::Mail(2));
    client.press("<Esc>");
    assert_eq!(client.model.account.mails.list.cursor, 1);
}

#[test]
fn new_mail_comes_on_top_and_the_chosen_one_stays_chosen() {
    let mut client = Client::with_a_wallet();
    client.press("lll");
    client.answer_all();
    client.press("j");
    client.accounts.mails.mails.push(a_mail(4));
    client.accounts.mails.head = 4;
    client.account_news("email.sent", "x");
    client.wait_ms(100);
    assert!(matches!(&account_requests(&client)[..], [Request::Mails { after: 3, .. }]), "{:?}", client.asked);
    client.answer_all();
    let mails = &client.model.account.mails;
    assert_eq!((mails.total, mails.items.get(0).map(|mail| mail.number), mails.list.cursor), (4, Some(4), 2));
}

#[test]
fn a_mailbox_that_has_begun_anew_is_read_from_its_beginning() {
    let mut client = Client::with_a_wallet();
    client.press("lll");
    client.answer_all();
    client.accounts.mails = Mails { mails: vec![a_mail(1)], head: 1 };
    client.account_news("email.sent", "x");
    client.wait_ms(100);
    client.answer_all();
    let mails = &client.model.account.mails;
    assert_eq!((mails.total, mails.items.get(0)), (1, Some(&a_mail(1))));
}

#[test]
fn a_shop_without_a_mailbox_is_asked_for_no_mail() {
    let mut client = Client::with_a_wallet();
    client.model.mailbox_url = None;
    client.press("lll");
    assert_eq!(client.model.context(), Context::Account);
    assert!(!account_requests(&client).iter().any(|request| matches!(request, Request::Mails { .. })));
}
