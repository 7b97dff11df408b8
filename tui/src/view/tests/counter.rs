//! The screen Counter and its forms.

use storefront_api::{OrderStatus, PaymentStatus, Problem};

use super::{Depth, ThemeName, assert_unchanged, draw_in, lines, looks_like};
use crate::update::tests::world::{Client, an_order, eur, two_charges};

/// The counter with something out, something low and something reserved.
fn at_the_counter() -> Client {
    let mut client = Client::in_a_full_shop();
    let mug = client.counter.stock.last_mut().unwrap();
    (mug.reserved, mug.available) = (15, mug.on_hand - 15);
    client.press("7");
    client.answer_all();
    client
}

/// The part so many steps on.
fn at_the_part(steps: &str) -> Client {
    let mut client = at_the_counter();
    for (number, status) in [(1, OrderStatus::Confirmed), (2, OrderStatus::Confirmed), (3, OrderStatus::Shipped)] {
        let shelf = client.counter.products.clone();
        let id = storefront_api::OrderId(uuid::Uuid::from_u128(number));
        let made = an_order(3, &[(&shelf[usize::try_from(number).unwrap()], 2)]);
        let order = client.order_mut(id);
        *order = storefront_api::Order { id, status, payment_status: PaymentStatus::Paid, ..made };
        order.number = Some(format!("MM2X-33B{number}"));
    }
    client.press(steps);
    client.answer_all();
    client
}

/// What a client shows at a narrow and at a comfortable size.
fn text_of(client: &Client) -> String {
    let shown =
        |size| lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True)).join("\n").trim_end().to_owned();
    [(40, 12), (80, 24)].map(|size| format!("== {} × {}\n{}\n", size.0, size.1, shown(size))).concat()
}

#[test]
fn the_stock() {
    looks_like("counter_stock", &at_the_counter());
}

#[test]
fn the_stock_before_it_has_arrived_when_it_does_not_and_when_nothing_is_low() {
    let mut client = Client::in_a_full_shop();
    client.press("7");
    let mut shown = text_of(&client);
    client.fail_all();
    shown.push_str(&text_of(&client));
    let mut client = at_the_counter();
    client.press("f");
    for item in &mut client.counter.stock {
        (item.on_hand, item.available) = (50, 50);
    }
    client.stock_news("stock.received", "apron");
    client.wait_ms(1_000);
    client.answer_all();
    shown.push_str(&text_of(&client));
    assert_unchanged("counter_stock_states", &shown);
}

#[test]
fn of_very_many_products_it_is_said_how_many_are_not_listed() {
    let mut client = at_the_counter();
    let listed = client.counter.stock.len();
    client.counter.stock_total = Some(100_000);
    client.stock_news("stock.received", "apron");
    client.wait_ms(1_000);
    client.answer_all();
    let said = format!("{listed} of 100000 products");
    assert_eq!(text_of(&client).matches(&said).count(), 2, "{said} is said in both sizes");
}

#[test]
fn an_alarm_shows_on_every_screen_behind_the_shop_until_the_stock_was_looked_at() {
    let mut client = Client::in_a_full_shop();
    client.stock_news("stock.ran_low", "apron");
    for size in [(40, 12), (80, 24), (120, 40)] {
        let header = |client: &Client| {
            lines(&draw_in(&client.model, size, ThemeName::Mono, Depth::None)).into_iter().next().unwrap()
        };
        for elsewhere in ["4", "5", "6"] {
            client.press(elsewhere);
            client.answer_all();
            assert!(header(&client).contains("7!"), "{elsewhere}: {}", header(&client));
        }
        client.press("7");
        assert!(!header(&client).contains("7!"), "who looks at the stock needs no alarm: {}", header(&client));
        client.press("4");
        assert!(!header(&client).contains("7!"), "it has been seen: {}", header(&client));
        client.press("7l");
        client.stock_news("stock.ran_low", "apron");
        assert!(header(&client).contains("7! Counter"), "another part does not show it: {}", header(&client));
        client.press("h4");
        client.stock_news("stock.ran_low", "apron");
    }
}

#[test]
fn the_products() {
    looks_like("counter_products", &at_the_part("l"));
}

#[test]
fn products_searched_and_off_the_shelf() {
    let mut client = at_the_part("l");
    client.press("jw<Enter>");
    client.answer_all();
    client.wait_ms(10_000);
    client.press("f");
    client.answer_all();
    let mut shown = text_of(&client);
    client.press("/submarine");
    client.wait_ms(100);
    client.answer_all();
    shown.push_str(&text_of(&client));
    assert_unchanged("counter_products_states", &shown);
}

#[test]
fn the_orders_to_be_sent() {
    looks_like("counter_orders", &at_the_part("ll"));
}

#[test]
fn the_sales() {
    looks_like("counter_sales", &at_the_part("lll"));
}

#[test]
fn the_sales_of_a_shop_that_has_sold_nothing() {
    let mut client = at_the_counter();
    let statistics = &mut client.counter.statistics;
    (statistics.orders, statistics.cancelled, statistics.revenue) = (0, 0, eur(0));
    statistics.days.clear();
    statistics.top_products.clear();
    client.press("h");
    let mut shown = text_of(&client);
    client.answer_all();
    shown.push_str(&text_of(&client));
    client.press("G");
    shown.push_str(&text_of(&client));
    assert_unchanged("counter_sales_states", &shown);
}

#[test]
fn a_form() {
    let mut client = at_the_counter();
    client.press("a--<Enter>");
    client.type_text("counted again");
    client.press("<Enter>");
    looks_like("form", &client);
}

#[test]
fn a_form_with_many_fields() {
    let mut client = at_the_part("l");
    client.press("jjjc<Down><Down><Down><Down>..<Down>--<Enter>");
    looks_like("form_long", &client);
}

#[test]
fn a_form_that_is_a_question() {
    let mut client = at_the_part("l");
    client.press("w");
    assert_unchanged("form_question", &text_of(&client));
}

#[test]
fn a_form_that_is_refused_and_one_that_waits_for_the_shop() {
    let mut client = at_the_counter();
    client.press("r5<Enter>");
    client.fail_all();
    let mut shown = text_of(&client);
    client.wait_ms(1_000);
    let detail = "Fewer would be on hand than are reserved: 5. Give the reservations back first, or wait.".into();
    client.refuse_with = Some(Problem { detail, code: "stock_state".into(), status: 409, ..Problem::default() });
    client.answer_all();
    shown.push_str(&text_of(&client));
    assert_unchanged("form_states", &shown);
}

#[test]
fn charges_without_an_order() {
    let mut client = at_the_part("h");
    let nothing = text_of(&client);
    client.counter.charges = two_charges();
    client.press("lh");
    client.answer_all();
    looks_like("counter_charges", &client);
    assert_unchanged("counter_charges_none", &nothing);
}

#[test]
fn the_counter_is_drawn_in_every_theme_at_every_size() {
    let themes = [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast, ThemeName::Mono];
    let depths = [Depth::True, Depth::Indexed, Depth::Basic, Depth::None];
    for keys in ["", "a", "l", "lc", "ll", "lls", "lll", "h"] {
        let client = at_the_part(keys);
        for size in [(40, 12), (59, 15), (70, 15), (80, 24), (100, 20), (200, 60)] {
            for (theme, depth) in themes.into_iter().zip(depths) {
                draw_in(&client.model, size, theme, depth);
            }
        }
    }
}
