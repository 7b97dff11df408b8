//! What the account, its papers and what it changes elsewhere look like.

use storefront_api::VoucherStatus;

use super::{assert_unchanged, draw_in, lines, looks_like, with_a_full_basket};
use crate::preferences::ThemeName;
use crate::update::tests::session::{at_the_addresses, save_address, signed_in};
use crate::update::tests::world::account::a_voucher;
use crate::update::tests::world::{Client, eur};
use crate::update::{Feed, Msg};
use crate::view::theme::Depth;

/// A customer on a part of the account.
pub(super) fn at_the_part(place: usize) -> Client {
    let mut client = Client::with_a_wallet();
    for _ in 0..place {
        client.press("l");
        client.answer_all();
    }
    client.wait_ms(10_000);
    client
}

#[test]
fn the_parts_of_the_account() {
    for (place, name) in ["wallet", "vouchers", "invoices", "mailbox", "profile", "no_sessions"].into_iter().enumerate()
    {
        looks_like(&format!("account_{name}"), &at_the_part(place));
    }
}

#[test]
fn the_profile_and_the_sessions_of_who_is_signed_in() {
    let mut client = signed_in();
    client.wait_ms(10_000);
    looks_like("account_signed_in", &client);
    client.press("l");
    client.answer_all();
    looks_like("account_sessions", &client);
    client.press("j<Enter>");
    looks_like("form_end_session", &client);
}

#[test]
fn the_forms_of_an_account_show_dots_for_a_password() {
    let mut client = Client::at_the_account();
    client.press("i<Tab>");
    client.type_text("tea at five");
    looks_like("form_sign_in", &client);
    client.press("<Esc>n");
    looks_like("form_register", &client);
    let mut client = signed_in();
    client.wait_ms(10_000);
    client.press("D");
    client.type_text("tea");
    looks_like("form_delete_account", &client);
}

#[test]
fn the_account_of_a_guest() {
    looks_like("account_guest", &Client::at_the_account());
}

#[test]
fn an_account_on_its_way_empty_failed_and_cut_off() {
    let mut opening = Client::at_the_account();
    opening.press("<Enter>");
    opening.fail_all();
    let mut loading = Client::at_the_account();
    loading.press("ll");
    let mut failed = Client::at_the_account();
    failed.press("lll");
    failed.fail_all();
    let mut empty = Client::at_the_account();
    empty.press("<Enter>");
    empty.answer_all();
    empty.press("l");
    empty.answer_all();
    empty.wait_ms(10_000);
    let mut nowhere = Client::at_the_account();
    nowhere.model.mailbox_url = None;
    nowhere.press("lll");
    let mut stale = at_the_part(0);
    stale.take(Msg::Feed(Feed::Offline("The shop cannot be reached: connection refused.".into())));
    stale.wait_ms(5_400);
    let mut shown = String::new();
    for client in [&opening, &loading, &failed, &empty, &nowhere, &stale] {
        for size in [(40, 12), (80, 24)] {
            shown.push_str(&format!("== {} × {}\n", size.0, size.1));
            for line in lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True)) {
                shown.push_str(&line);
                shown.push('\n');
            }
        }
    }
    assert_unchanged("account_states", &shown);
}

#[test]
fn an_invoice_over_the_screen() {
    let mut client = at_the_part(2);
    client.press("<Enter>");
    client.answer_all();
    client.press("jjj");
    looks_like("paper_invoice", &client);
}

#[test]
fn a_mail_over_the_screen() {
    let mut client = at_the_part(3);
    client.press("<Enter>");
    looks_like("paper_mail", &client);
}

#[test]
fn a_basket_with_a_voucher() {
    let mut client = with_a_full_basket();
    client.press("2v");
    client.type_text("k3v9q");
    client.press("<Enter>");
    client.answer_all();
    client.wait_ms(10_000);
    looks_like("basket_voucher", &client);
}

#[test]
fn a_checkout_from_a_wallet_with_too_little_in_it() {
    let mut client = at_the_part(0);
    client.press("1aj+ajjja");
    client.answer_all();
    let customer = client.model.account.customer;
    let id = client.model.basket.order_id;
    client.order_mut(id).customer_id = customer;
    client.news(1);
    client.answer_all();
    client.press("2v");
    client.type_text("k3v9q");
    client.press("<Enter>");
    client.answer_all();
    client.model.account.wallet.as_mut().unwrap().balance.amount = 4_449;
    client.wait_ms(10_000);
    client.press("c<Esc><Down>");
    looks_like("checkout_wallet", &client);
}

#[test]
fn an_order_with_its_papers() {
    let mut client = Client::at_a_bought_order();
    let open = client.model.order.as_mut().unwrap();
    let order = open.order.as_mut().unwrap();
    (order.invoice, order.voucher) = (Some("2026-000007".into()), Some("k3v9q".parse().unwrap()));
    order.discount = eur(500);
    open.papers.voucher = Some(a_voucher("zz9aa", VoucherStatus::Issued));
    looks_like("order_papers", &client);
}

#[test]
fn the_address_book_full_empty_on_its_way_and_failed() {
    let mut client = at_the_addresses();
    looks_like("account_no_addresses", &client);
    save_address(&mut client, "Home");
    save_address(&mut client, "Work");
    client.press("d<Enter>");
    client.answer_all();
    client.wait_ms(10_000);
    looks_like("account_addresses", &client);
    client.press("e");
    looks_like("form_address", &client);
    let mut loading = signed_in();
    loading.press("ll");
    looks_like("account_addresses_loading", &loading);
    loading.fail_all();
    looks_like("account_addresses_failed", &loading);
}
