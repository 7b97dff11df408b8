//! What the screens look like: text against the files in `snapshots/`, and styles where they carry meaning.
//!
//! To bring the files up to date after a change that is meant: `INSTA_UPDATE=always cargo test -p storefront`, then read
//! the difference.

mod account;
mod backstage;
mod counter;
mod hints;
mod styles;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use storefront_api::{Currency, Money, OrderStatus, PaymentStatus, Problem, StepState, Timestamp};

use crate::preferences::ThemeName;
use crate::state::{Model, Replay};
use crate::update::tests::world::{Client, a_checkout, a_shelf, an_event, steps};
use crate::update::{Feed, Msg};
use crate::view::theme::{Depth, Theme};
use crate::view::view;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

/// Draws a model at the size that it has, in the dark theme.
pub(crate) fn draw(model: &Model) -> Buffer {
    draw_in(model, model.size, ThemeName::Dark, Depth::True)
}

fn draw_in(model: &Model, size: (u16, u16), theme: ThemeName, depth: Depth) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let theme = Theme::new(theme, depth);
    terminal.draw(|frame| _ = view(model, &theme, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The lines of a model's screen.
pub(crate) fn text(model: &Model) -> Vec<String> {
    lines(&draw(model))
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..buffer.area.height).map(row).collect()
}

/// Compares a scene at every size with its snapshot.
fn looks_like(name: &str, client: &Client) {
    let mut shown = String::new();
    for size in SIZES {
        shown.push_str(&format!("== {} × {}\n", size.0, size.1));
        for line in lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True)) {
            shown.push_str(&line);
            shown.push('\n');
        }
    }
    assert_unchanged(name, &shown);
}

/// Compares a text with its snapshot.
fn assert_unchanged(name: &str, shown: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, shown));
}

fn with_a_full_basket() -> Client {
    let mut client = Client::in_a_full_shop();
    client.press("aj+ajjja");
    client.answer_all();
    client.wait_ms(10_000);
    client
}

fn at_the_checkout() -> Client {
    let mut client = with_a_full_basket();
    client.press("c");
    client
}

fn watching() -> Client {
    let mut client = at_the_checkout();
    client.press("b");
    client.answer_all();
    client.news(6);
    client.answer_all();
    client
}

const CONFIRMATION_LINK: &str = "http://127.0.0.1:7071/card-gateway/authenticate/pi_1";

fn asked_by_the_bank() -> Client {
    let mut client = watching();
    let order = client.model.order.as_mut().unwrap().order.as_mut().unwrap();
    order.status = OrderStatus::CheckedOut;
    order.payment_status = PaymentStatus::AuthenticationRequired;
    order.payment_action =
        Some(storefront_api::PaymentAction { url: CONFIRMATION_LINK.into(), expires_at: Timestamp::from_unix_ms(0) });
    client
}

fn confirmed() -> Client {
    let mut client = watching();
    let id = client.model.order.as_ref().unwrap().id;
    let order = client.order_mut(id);
    order.status = OrderStatus::Confirmed;
    order.payment_status = PaymentStatus::Paid;
    order.number = Some("MM2X-33BA".into());
    order.email = Some("ada@example.com".into());
    client.news(1);
    client.answer_all();
    client.model.order.as_mut().unwrap().steps = steps([StepState::Done; 4]);
    client
}

#[test]
fn the_shop() {
    looks_like("shop", &Client::in_a_full_shop());
}

#[test]
fn how_many_others_have_a_product_in_their_basket_stands_beside_it() {
    let mut client = Client::in_a_full_shop();
    for (others, words) in [(1, "1 other has it in their basket"), (3, "3 others have it in their basket")] {
        let mut shelf = a_shelf();
        shelf[0].in_baskets = others;
        client.model.shop.products.items.put(0, shelf, None, 0);
        let shown = lines(&draw(&client.model));
        assert!(shown.iter().any(|line| line.contains(words)), "{shown:#?}");
    }
}

#[test]
fn a_checkout_that_waits_for_the_bank_shows_where_to_confirm_it() {
    let client = asked_by_the_bank();
    let shown = lines(&draw(&client.model)).join("\n");
    assert!(shown.contains("Your bank asks you to confirm") && shown.contains(CONFIRMATION_LINK), "{shown}");
    looks_like("checkout_bank", &client);
}

#[test]
fn a_refund_that_is_not_simply_back_and_a_dispute_stand_with_the_papers_of_an_order() {
    let mut client = confirmed();
    let refund = |state, amount| storefront_api::Refund {
        id: storefront_api::RefundId::numbered(1),
        amount: Money::new(amount, Currency::EUR),
        state,
        reference: None,
        reason: None,
        detail: None,
        made_at_gateway: false,
    };
    let dispute = storefront_api::Dispute {
        reference: "dp_1".into(),
        amount: Money::new(700, Currency::EUR),
        reason: "fraudulent".into(),
        state: storefront_api::DisputeState::Withdrawn,
    };
    let order = client.model.order.as_mut().unwrap().order.as_mut().unwrap();
    order.refunds = vec![
        refund(storefront_api::RefundState::Pending, 100),
        refund(storefront_api::RefundState::Failed, 200),
        refund(storefront_api::RefundState::Done, 300),
    ];
    order.disputes = vec![dispute];
    order.payment_status = PaymentStatus::Disputed;
    client.press("<Enter>");
    let shown = lines(&draw(&client.model)).iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    for words in [
        "disputed at the bank",
        "refund of 1.00 € pending at the bank",
        "refund of 2.00 € failed",
        "7.00 € disputed, held by the bank",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("refund of 3.00 €"), "its credit note says so: {shown}");
}

#[test]
fn the_shop_before_anything_has_arrived() {
    looks_like("shop_opening", &Client::new());
}

#[test]
fn a_search_that_finds_nothing() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("submarine");
    client.wait_ms(100);
    client.answer_all();
    looks_like("shop_nothing_found", &client);
}

#[test]
fn the_basket() {
    let mut client = with_a_full_basket();
    client.press("2j");
    client.model.basket.refused.insert("bread-knife".parse().unwrap(), "only 1 is left".into());
    looks_like("basket", &client);
}

#[test]
fn the_empty_basket() {
    let mut client = Client::in_a_full_shop();
    client.press("2");
    looks_like("basket_empty", &client);
}

#[test]
fn the_checkout() {
    let mut client = at_the_checkout();
    client.press("<Esc><Esc>");
    client.key(crate::keys::Key::ctrl('u'));
    client.press("<Shift-Tab><Enter><Enter><Enter><Enter><Enter><Enter><Enter><Enter>");
    looks_like("checkout", &client);
}

#[test]
fn how_to_pay() {
    let mut client = at_the_checkout();
    client.press("<Esc><Down><Down><Down>");
    looks_like("checkout_how", &client);
}

#[test]
fn the_review_before_anything_is_bought() {
    looks_like("checkout_review", &at_the_checkout());
}

#[test]
fn the_page_of_an_order_and_one_that_is_on_its_way() {
    let mut client = confirmed();
    client.press("<Enter>");
    looks_like("parcel", &client);
    let order = client.model.order.as_mut().unwrap().order.as_mut().unwrap();
    order.status = OrderStatus::Shipped;
    order.shipment = Some(storefront_api::Shipment {
        carrier: "Snail Mail".into(),
        tracking_number: "00340".into(),
        estimated_delivery: None,
        shipped_at: client.model.now,
        delivered_at: None,
        recipient: None,
    });
    looks_like("parcel_on_its_way", &client);
}

#[test]
fn the_log_beside_the_shop_and_the_shop_beside_the_log() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Resize { width: 120, height: 40 });
    let events = (1..30).map(|at| an_event(at, "order.item_added", "7f")).collect();
    client.take(Msg::Feed(Feed::NewEvents { events }));
    client.wait_ms(10_000);
    client.press("\\");
    looks_like("panes", &client);
    client.press("<Enter>");
    looks_like("split_shop", &client);
    client.press("4");
    looks_like("split_log", &client);
    client.press("\\\\");
    assert_eq!(client.model.beside(120), None);
}

#[test]
fn the_page_of_a_product() {
    let mut client = Client::in_a_full_shop();
    client.press("j+<Enter>");
    looks_like("product", &client);
}

#[test]
fn an_order_on_its_way() {
    looks_like("checkout_progress", &watching());
}

#[test]
fn the_orders() {
    let mut client = confirmed();
    client.press("<Esc>a3");
    client.answer_all();
    client.wait_ms(10_000);
    looks_like("orders", &client);
}

#[test]
fn an_order() {
    let mut client = confirmed();
    client.press("<Enter><Tab>kk<Enter>");
    client.answer_all();
    client.news(2);
    client.answer_all();
    client.model.order.as_mut().unwrap().steps =
        steps([StepState::Undone, StepState::Failed, StepState::Pending, StepState::Pending]);
    looks_like("order", &client);
}

#[test]
fn a_checkout_that_goes_back() {
    let mut client = watching();
    let mut steps = steps([StepState::Undone, StepState::Failed, StepState::Pending, StepState::Pending]);
    steps[0].detail = Some("given back".into());
    (steps[1].attempt, steps[1].detail) = (3, Some("Your card was declined.".into()));
    client.model.order.as_mut().unwrap().steps = steps;
    looks_like("checkout_going_back", &client);
}

#[test]
fn a_timeline_as_lanes() {
    let mut client = Client::at_a_bought_order();
    client.press("vkkk");
    looks_like("timeline_lanes", &client);
}

#[test]
fn a_timeline_as_a_tree() {
    let mut client = Client::at_a_bought_order();
    client.press("vvkkk");
    looks_like("timeline_tree", &client);
}

#[test]
fn a_timeline_an_event_at_a_time() {
    let mut client = Client::at_a_bought_order();
    client.press("vvvkkk");
    client.answer_all();
    looks_like("timeline_scrubber", &client);
}

#[test]
fn an_event_beside_its_lanes() {
    let mut client = Client::at_a_bought_order();
    client.press("v<Enter>");
    looks_like("timeline_detail", &client);
}

#[test]
fn the_palette() {
    let mut client = Client::at_a_bought_order();
    client.press(":time");
    looks_like("palette", &client);
}

#[test]
fn the_palette_with_products_and_orders() {
    let mut client = Client::at_a_bought_order();
    client.press("1:");
    client.answer_all();
    client.type_text("apron");
    client.wait_ms(100);
    client.answer_all();
    looks_like("palette_found", &client);
}

#[test]
fn a_replay() {
    let mut client = Client::new();
    let events = a_checkout("7f");
    client.take(Msg::Replay(Replay::new("order.jsonl".into(), events, 2_000)));
    client.press("v<Right><Right><Right><Right><Right><Right><Right>");
    looks_like("replay", &client);
}

#[test]
fn the_log() {
    let mut client = Client::in_a_full_shop();
    let kinds = ["order.started", "order.item_added", "stock.reserved", "payment.requested", "email.sent"];
    let events = (1..60).map(|at| an_event(at, kinds[usize::try_from(at).unwrap() % kinds.len()], "7f")).collect();
    client.take(Msg::Feed(Feed::NewEvents { events }));
    client.press("4kk<Enter>");
    client.take(Msg::Feed(Feed::NewEvents { events: vec![an_event(60, "order.started", "80")] }));
    looks_like("log", &client);
}

#[test]
fn the_help() {
    let mut client = Client::in_a_full_shop();
    client.press("?");
    looks_like("help", &client);
}

#[test]
fn the_settings() {
    let mut client = Client::in_a_full_shop();
    client.model.config_file = Some("/home/ada/.config/storefront/config.toml".into());
    client.press(",jj");
    looks_like("settings", &client);
}

#[test]
fn a_question() {
    let mut client = Client::at_a_bought_order();
    client.press("x");
    looks_like("question", &client);
}

#[test]
fn being_cut_off_and_refused() {
    let mut client = with_a_full_basket();
    client.refuse_with = Some(Problem { detail: "Only 3 are left.".into(), ..Problem::default() });
    client.press("ka");
    client.answer_all();
    client.take(Msg::Feed(Feed::Offline(
        "The shop at http://127.0.0.1:7070 cannot be reached: connection refused.".into(),
    )));
    client.wait_ms(5_400);
    looks_like("offline", &client);
}

#[test]
fn the_cursor_stands_in_the_field_that_is_typed_in() {
    let mut client = Client::in_a_full_shop();
    client.press("/");
    client.type_text("mug");
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let theme = Theme::new(ThemeName::Dark, Depth::True);
    terminal.draw(|frame| _ = view(&client.model, &theme, frame)).unwrap();
    terminal.backend_mut().assert_cursor_position((7, 3));
}

#[test]
fn a_window_that_is_too_small_says_so() {
    let client = Client::in_a_full_shop();
    for size in [(39, 12), (40, 11), (10, 3), (1, 1)] {
        let text = lines(&draw_in(&client.model, size, ThemeName::Dark, Depth::True)).join(" ");
        assert!(size.0 < 39 || text.contains("Please make the window larger"), "{text}");
    }
}

#[test]
fn every_screen_is_drawn_in_every_theme_at_every_size() {
    let themes = [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast, ThemeName::Mono];
    let depths = [Depth::True, Depth::Indexed, Depth::Basic, Depth::None];
    for mut client in [with_a_full_basket(), at_the_checkout(), watching(), confirmed(), backstage::in_the_lab()] {
        for keys in ["", "1", "2", "3", "4", "5", "<Enter>", "6", "8", "l", "l", "l", "l", "?"] {
            client.press(keys);
            client.answer_all();
            for size in [(40, 12), (59, 15), (80, 24), (100, 20), (200, 60)] {
                for (theme, depth) in themes.into_iter().zip(depths) {
                    draw_in(&client.model, size, theme, depth);
                }
            }
        }
    }
}
