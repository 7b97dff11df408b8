//! The screen Shop: products, categories, pictures and search.

use storefront_api::{CategoryList, ProductId, ProductPage, ProductQuery};

use crate::state::{Change, Failure, Line, List, Load, Model, PAGE, Pages, Picture, PictureState, SORTS, Screen, Tone};
use crate::update::{Effect, basket};

/// Delay after the last typed letter before a search.
const SEARCH_DELAY_MS: i64 = 80;
/// Delay before changed products are fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 150;
/// Delay before possibly outdated prices are fetched again.
const STALE_DELAY_MS: i64 = 5_000;

/// Fetches the list again: the page under the cursor, or the first one where that is unknown.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let shop = &model.shop;
    let here = if shop.from_top || shop.wanted.is_some() { 0 } else { shop.list.cursor / PAGE };
    fetch_around(model, here)
}

/// Fetches another list from its first page, without the page cursors of this one.
fn fetch_other_list(model: &mut Model) -> Vec<Effect> {
    model.shop.items.forget_keys();
    if model.shop_url.is_none() { Vec::new() } else { fetch_around(model, 0) }
}

fn fetch_around(model: &mut Model, here: usize) -> Vec<Effect> {
    let position = model.min_position(&["products", "stock"]);
    let order = Some(model.basket.order_id);
    let shop = &mut model.shop;
    shop.search_at = None;
    shop.refresh_at = None;
    shop.sequence += 1;
    shop.asking = true;
    let (page, cursor) = shop.items.key(here).map_or((0, None), |key| (here, key));
    let query = ProductQuery { cursor, order, ..shop.query(position) };
    vec![Effect::FetchProducts { sequence: shop.sequence, page, anew: true, query }]
}

/// Fetches missing pages near the cursor, one after another, and the picture of the selected product.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if model.screen != Screen::Shop || !model.is_live() {
        return Vec::new();
    }
    let order = Some(model.basket.order_id);
    let shop = &mut model.shop;
    let mut effects = Vec::new();
    if !shop.asking
        && !shop.items.is_empty()
        && let Some((page, cursor)) = shop.items.wanted(shop.list.cursor, shop.total)
    {
        shop.asking = true;
        let query = ProductQuery { cursor, order, ..shop.query(None) };
        effects.push(Effect::FetchProducts { sequence: shop.sequence, page, anew: false, query });
    }
    if let Some(product) = shop.items.get(shop.list.cursor)
        && product.has_picture
        && shop.pictures.get(&product.id).is_none()
    {
        let id = product.id.clone();
        shop.pictures.put(id.clone(), PictureState::Loading);
        effects.push(Effect::FetchPicture(id));
    }
    effects
}

pub(super) fn on_products(
    model: &mut Model,
    sequence: u64,
    (number, anew): (usize, bool),
    result: Result<ProductPage, Failure>,
) -> Vec<Effect> {
    let later = model.in_ms(STALE_DELAY_MS);
    let shop = &mut model.shop;
    if sequence != shop.sequence {
        return Vec::new();
    }
    shop.asking = false;
    match result {
        Ok(page) => {
            let chosen = shop.wanted.clone().or_else(|| shop.selected().map(|product| product.id.clone()));
            let chosen = chosen.filter(|_| !std::mem::take(&mut shop.from_top));
            if anew {
                shop.items.forget_lines();
            }
            if anew && number == 0 {
                shop.items = Pages::default();
            }
            shop.suggestion = page.suggestion;
            let least = number * PAGE + page.items.len();
            shop.items.put(number, page.items, page.next_cursor, shop.list.cursor);
            shop.total = usize::try_from(page.total).unwrap_or(usize::MAX).max(least);
            shop.total = shop.items.len().unwrap_or(shop.total);
            shop.load = Load::Ready;
            let place = chosen.and_then(|id| shop.items.iter().find(|(_, product)| product.id == id));
            if let Some(place) = place.map(|(place, _)| place) {
                shop.list.cursor = place;
                shop.wanted = None;
            }
            shop.list.clamp(shop.total);
            if shop.refresh_at.is_none() && shop.items.iter().any(|(_, product)| product.stale) {
                shop.refresh_at = Some(later);
            }
        }
        Err(failure) => {
            if shop.items.is_empty() {
                shop.load = Load::Failed(failure);
            }
            if model.is_live() {
                model.shop.refresh_at = Some(model.in_ms(2_000));
            }
        }
    }
    Vec::new()
}

pub(super) fn on_categories(model: &mut Model, result: Result<CategoryList, Failure>) -> Vec<Effect> {
    if let Ok(list) = result {
        model.shop.categories = list.items;
    }
    Vec::new()
}

pub(super) fn on_picture(model: &mut Model, id: ProductId, result: Result<Option<Picture>, Failure>) -> Vec<Effect> {
    let picture = match result {
        Ok(Some(picture)) => PictureState::Here(picture),
        Ok(None) | Err(_) => PictureState::Missing,
    };
    model.shop.pictures.put(id, picture);
    Vec::new()
}

/// Schedules a search for when the typing pauses.
pub(super) fn on_search_typed(model: &mut Model) {
    model.shop.search_at = Some(model.in_ms(SEARCH_DELAY_MS));
}

/// Schedules a fetch after products or stock changed.
pub(super) fn changed(model: &mut Model) {
    if model.shop.refresh_at.is_none() {
        model.shop.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let due = |at: Option<storefront_api::Timestamp>| at.is_some_and(|at| at <= now);
    if due(model.shop.search_at) {
        return fetch_from_top(model);
    }
    if due(model.shop.refresh_at) {
        let mut effects = fetch(model);
        effects.push(Effect::FetchCategories);
        return effects;
    }
    Vec::new()
}

/// Fetches another list, whose response moves the cursor to the first line. Until then the old list stays on screen.
pub(super) fn fetch_from_top(model: &mut Model) -> Vec<Effect> {
    model.shop.list = List::default();
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

pub(super) fn step_quantity(model: &mut Model, by: i32) {
    model.shop.quantity = model.shop.quantity.saturating_add_signed(by).clamp(1, basket::MAX_LINE_QUANTITY);
}

/// Adds the selected product to the basket at once; the change is sent afterwards.
pub(super) fn add(model: &mut Model) -> Vec<Effect> {
    let Some(product) = model.shop.selected() else { return Vec::new() };
    let quantity = model.shop.quantity;
    let name = product.name.clone();
    if !product.active {
        model.toast(Tone::Bad, format!("{name} is no longer sold."));
        return Vec::new();
    }
    if product.available == 0 {
        model.toast(Tone::Bad, format!("{name} is sold out."));
        return Vec::new();
    }
    let line = Line {
        product_id: product.id.clone(),
        name: name.clone(),
        unit_price: product.price,
        quantity,
        notice: None,
        pending: true,
    };
    model.shop.quantity = 1;
    model.toast(Tone::Good, format!("{quantity} × {name} in the basket"));
    basket::change(model, Change::Add { line })
}
