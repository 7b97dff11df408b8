//! Fetches the pictures of whatever products are on the screen.

use storefront_api::ProductId;

use crate::state::{Failure, Model, Picture, PictureState, Screen, Shop};
use crate::update::{Effect, Request};

/// Maximum number of pictures that are wanted at once: fewer than are kept, so that none of them drops another.
const MAX_WANTED: usize = 150;
/// Maximum number of products before and after the chosen one whose pictures are fetched.
const MAX_AROUND: usize = 50;

pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if !model.is_live() {
        return Vec::new();
    }
    let mut effects = Vec::new();
    for id in in_sight(model).into_iter().take(MAX_WANTED) {
        if model.shop.pictures.get(&id).is_none() {
            model.shop.pictures.put(id.clone(), PictureState::Loading);
            effects.push(Effect::Request(Request::Picture { id }));
        }
    }
    effects
}

/// The products that are in sight with their pictures: of the open screen, and of the one beside it.
fn in_sight(model: &Model) -> Vec<ProductId> {
    let mut ids = of_screen(model, model.screen);
    ids.extend(model.beside(model.size.0).into_iter().flat_map(|other| of_screen(model, other)));
    ids
}

fn of_screen(model: &Model, screen: Screen) -> Vec<ProductId> {
    let basket = || model.basket.lines().into_iter().map(|line| line.product_id);
    match screen {
        // Beside another screen it is a list with one picture.
        Screen::Shop if model.screen != Screen::Shop => {
            let product = model.shop.selected().filter(|product| product.has_picture);
            product.map(|product| product.id.clone()).into_iter().collect()
        }
        Screen::Shop => {
            let shop = &model.shop;
            let cursor = shop.products.list.cursor;
            // A row more, so that the next one is there already.
            let around = shop.grid(model.own_size()).map_or(0, |grid| grid.len() + grid.columns).min(MAX_AROUND);
            let near = cursor.saturating_sub(around)..=cursor + around;
            let shown = near.filter_map(|place| shop.products.items.get(place)).filter(|product| product.has_picture);
            let mut ids: Vec<ProductId> = shown.map(|product| product.id.clone()).collect();
            if model.own_size().0 >= Shop::BASKET_MIN_WIDTH {
                ids.extend(basket());
            }
            ids
        }
        Screen::Basket | Screen::Checkout if model.checkout.watched().is_none() => basket().collect(),
        Screen::Order | Screen::Checkout => {
            let order = model.order.as_ref().and_then(|open| open.order.as_ref());
            order.iter().flat_map(|order| &order.items).map(|item| item.product_id.clone()).collect()
        }
        Screen::Basket
        | Screen::Orders
        | Screen::Log
        | Screen::Processes
        | Screen::Lab
        | Screen::Counter
        | Screen::Account
        | Screen::Replay => Vec::new(),
    }
}

pub(super) fn on_picture(model: &mut Model, id: ProductId, result: Result<Option<Picture>, Failure>) -> Vec<Effect> {
    let picture = match result {
        Ok(Some(picture)) => PictureState::Here(picture),
        Ok(None) | Err(_) => PictureState::Missing,
    };
    model.shop.pictures.put(id, picture);
    Vec::new()
}
