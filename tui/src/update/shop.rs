//! The screen Shop: products, categories, pictures and search.

use storefront_api::{CategoryList, Page, Product, ProductPage};
use tui_input::Input;

use crate::state::{Change, Failure, Line, List, Model, PageRequest, SORTS, Screen, Shop, Tone};
use crate::update::{Effect, Request, basket};

/// Delay after the last typed letter before a search.
const SEARCH_DELAY_MS: i64 = 80;
/// Delay before changed products are fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 150;
/// Delay before a retry after a failure.
const RETRY_DELAY_MS: i64 = 2_000;
/// Delay before possibly outdated prices are fetched again.
const STALE_DELAY_MS: i64 = 5_000;

/// Fetches the page under the cursor again, or the first one where that is unknown.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let position = model.min_position(&["products", "stock"]);
    let shop = &mut model.shop;
    shop.search_at = None;
    let ask = shop.products.ask();
    let query = shop.query(ask.cursor.clone(), position, model.basket.order_id);
    vec![Effect::Request(Request::Products { ask, query })]
}

/// Fetches another list from its first page, without the page cursors of this one.
fn fetch_other_list(model: &mut Model) -> Vec<Effect> {
    model.shop.products.items.forget_keys();
    fetch(model)
}

/// Fetches missing pages near the cursor, one after another.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if !model.shows(Screen::Shop) || !model.is_live() {
        return Vec::new();
    }
    let shop = &mut model.shop;
    let Some(ask) = shop.products.ask_for_more() else { return Vec::new() };
    let query = shop.query(ask.cursor.clone(), None, model.basket.order_id);
    vec![Effect::Request(Request::Products { ask, query })]
}

pub(super) fn on_products(model: &mut Model, ask: &PageRequest, result: Result<ProductPage, Failure>) -> Vec<Effect> {
    let later = model.in_ms(STALE_DELAY_MS);
    let shop = &mut model.shop;
    if ask.sequence != shop.products.sequence {
        return Vec::new();
    }
    if let Ok(page) = &result {
        shop.suggestion.clone_from(&page.suggestion);
    }
    let chosen = shop.wanted.clone().or_else(|| shop.selected().map(|product| product.id.clone()));
    let chosen = chosen.filter(|_| result.is_err() || !std::mem::take(&mut shop.from_top));
    let lost = shop.products.put_around(ask, result.map(Page::from), |product| product.id.clone(), chosen);
    if lost {
        if model.is_live() {
            model.shop.products.refresh_at = Some(model.in_ms(RETRY_DELAY_MS));
        }
        return Vec::new();
    }
    if shop.selected().is_some_and(|product| Some(&product.id) == shop.wanted.as_ref()) {
        shop.wanted = None;
    }
    let products = &mut shop.products;
    if products.refresh_at.is_none() && products.items.iter().any(|(_, product)| product.stale) {
        products.refresh_at = Some(later);
    }
    Vec::new()
}

pub(super) fn on_categories(model: &mut Model, result: Result<CategoryList, Failure>) -> Vec<Effect> {
    if let Ok(list) = result {
        model.shop.categories = list.items;
    }
    Vec::new()
}

/// Schedules a search for when the typing pauses.
pub(super) fn on_search_typed(model: &mut Model) {
    model.shop.search_at = Some(model.in_ms(SEARCH_DELAY_MS));
}

/// Schedules a fetch after products or stock changed.
pub(super) fn changed(model: &mut Model) {
    if model.shop.products.refresh_at.is_none() {
        model.shop.products.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let due = |at: Option<storefront_api::Timestamp>| at.is_some_and(|at| at <= now);
    if due(model.shop.search_at) {
        return fetch_from_top(model);
    }
    if due(model.shop.products.refresh_at) {
        let mut effects = fetch(model);
        effects.push(Effect::Request(Request::Categories));
        return effects;
    }
    Vec::new()
}

/// Fetches another list, whose response moves the cursor to the first line. Until then the old list stays on screen.
pub(super) fn fetch_from_top(model: &mut Model) -> Vec<Effect> {
    model.shop.products.list = List::default();
    model.shop.wanted = None;
    model.shop.from_top = true;
    fetch_other_list(model)
}

pub(super) fn step_category(model: &mut Model, by: isize) -> Vec<Effect> {
    model.shop.step_category(by);
    fetch_from_top(model)
}

pub(super) fn toggle_in_stock(model: &mut Model) -> Vec<Effect> {
    model.shop.in_stock = !model.shop.in_stock;
    fetch_from_top(model)
}

pub(super) fn next_sort(model: &mut Model) -> Vec<Effect> {
    model.shop.sort = (model.shop.sort + 1) % SORTS.len();
    fetch_from_top(model)
}

/// Clears search and filters; the cursor stays on its product.
pub(super) fn show_all(model: &mut Model) -> Vec<Effect> {
    model.shop.typing = false;
    if !model.shop.is_narrowed() {
        return Vec::new();
    }
    model.shop.search.reset();
    model.shop.category = None;
    model.shop.in_stock = false;
    fetch_other_list(model)
}

/// Clears the search and leaves its field; the cursor stays on its product.
pub(super) fn clear_search(model: &mut Model) -> Vec<Effect> {
    model.shop.typing = false;
    if model.shop.search.value().is_empty() {
        return Vec::new();
    }
    model.shop.search.reset();
    fetch_other_list(model)
}

/// Opens the page of a product that may not be in the list: then the list becomes a search for its name.
pub(super) fn open(model: &mut Model, product: Product) -> Vec<Effect> {
    let shop = &mut model.shop;
    shop.page = true;
    if let Some((line, _)) = shop.products.find(|known| known.id == product.id) {
        shop.products.list.cursor = line;
        return Vec::new();
    }
    shop.search = Input::new(product.name.clone());
    (shop.category, shop.in_stock) = (None, false);
    shop.wanted = Some(product.id.clone());
    shop.products.show_only(product);
    fetch_other_list(model)
}

/// Switches between cards and list, where there is room for cards.
pub(super) fn switch_cards(model: &mut Model) {
    if Shop::room_for_cards(model.own_size()).is_some() {
        model.shop.cards = !model.shop.cards;
    } else {
        model.toast(Tone::Plain, "The window is too small for cards with pictures.");
    }
}

/// Puts one of the selected product into the basket at once; the change is sent afterwards.
pub(super) fn add(model: &mut Model) -> Vec<Effect> {
    let Some(product) = model.shop.selected() else { return Vec::new() };
    let name = product.name.clone();
    if !product.active {
        model.toast(Tone::Bad, format!("{name} is no longer sold."));
        return Vec::new();
    }
    if product.available == 0
        && let Some(reason) = model.unfit.first()
    {
        let reason = format!("The shop cannot do its work: {reason}");
        model.toast(Tone::Bad, reason);
        return Vec::new();
    }
    if product.available == 0 {
        model.toast(Tone::Bad, format!("{name} is sold out."));
        return Vec::new();
    }
    let held = model.basket.quantity_of(&product.id);
    if held >= basket::MAX_LINE_QUANTITY {
        model.toast(Tone::Bad, format!("At most {} of one product.", basket::MAX_LINE_QUANTITY));
        return Vec::new();
    }
    let line = Line {
        product_id: product.id.clone(),
        name: name.clone(),
        unit_price: product.price,
        quantity: 1,
        notice: None,
        pending: true,
    };
    model.toasts.retain(|toast| toast.tone != Tone::Good);
    model.toast(Tone::Good, format!("{} × {name} in the basket", held + 1));
    basket::change(model, Change::Add { line })
}

/// Takes one of the selected product out of the basket again.
pub(super) fn take_out(model: &mut Model) -> Vec<Effect> {
    let Some(product) = model.shop.selected() else { return Vec::new() };
    let (product_id, name) = (product.id.clone(), product.name.clone());
    match model.basket.quantity_of(&product_id) {
        0 => {
            model.toast(Tone::Plain, format!("{name} is not in the basket."));
            Vec::new()
        }
        1 => {
            model.toast(Tone::Plain, format!("{name} is out of the basket"));
            basket::change(model, Change::Remove { product_id })
        }
        held => basket::change(model, Change::Set { product_id, quantity: held - 1 }),
    }
}
