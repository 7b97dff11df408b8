//! Products and categories over HTTP. Lists are read from the views; one product from its streams, which need no view.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use storefront_api::{
    CategoryList, CustomerId, OneProductQuery, Problem, Product, ProductId, ProductPage, ProductQuery,
};

use crate::http::error::ApiError;
use crate::http::extract::{PathParams, QueryParams, page_limit, versioned_etag};
use crate::http::identity::{Caller, spending_limit};
use crate::http::representation::{REVALIDATED, Representation};
use crate::http::routes::products::read_product;
use crate::http::state::Shop;
use crate::http::wait_for_views::{MinPosition, wait_for_position};

/// Maximum length of a search text.
const MAX_SEARCH_CHARS: usize = 200;

/// List products
///
/// The products that can be bought, or with `withdrawn` those that were withdrawn; filtered, searched and sorted.
/// Products above the spending limit of the customer are left out.
#[utoipa::path(
    get, path = "/v1/products", tag = "catalogue",
    params(ProductQuery, ("Storefront-Customer" = Option<CustomerId>, Header, description = "The customer; without it, a guest")),
    responses(
        (status = 200, description = "A page of products", body = ProductPage),
        (status = 404, description = "`customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn list_products(
    State(shop): State<Shop>,
    QueryParams(mut query): QueryParams<ProductQuery>,
    caller: Caller,
) -> Result<Json<ProductPage>, ApiError> {
    let limit = page_limit(query.limit, 100, 20)?;
    if query.q.as_ref().is_some_and(|words| words.chars().count() > MAX_SEARCH_CHARS) {
        return Err(ApiError::invalid("q", format!("must be at most {MAX_SEARCH_CHARS} characters")));
    }
    wait_for_position(&shop, query.min_position, &["products", "stock"]).await?;
    if let Some(most) = spending_limit(&shop, caller).await? {
        query.price_max = Some(query.price_max.map_or(most.amount, |asked| asked.min(most.amount)));
    }
    let stale = shop.freshness.is_stale();
    let page = shop.views.read(|folded| folded.catalogue.page(&query, limit, &folded.stock, stale));
    let mut page = page.ok_or_else(|| ApiError::invalid("cursor", "is not one of ours"))?;
    let ids: Vec<&ProductId> = page.items.iter().map(|product| &product.id).collect();
    let in_baskets = shop.views.in_baskets(&ids, query.order).await?;
    for (product, count) in page.items.iter_mut().zip(in_baskets) {
        product.in_baskets = count;
    }
    Ok(Json(page))
}

/// Read a product
///
/// Also a withdrawn one, which is not `active`.
#[utoipa::path(
    get, path = "/v1/products/{id}", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product"), OneProductQuery,
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")),
    responses(
        (status = 200, description = "The product", body = Product, headers(("ETag" = String, description = "Changes with the product; as `If-Match` of a change it refuses the change of another state"))),
        (status = 304, description = "Not modified"),
        (status = 404, description = "`product_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_product(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    QueryParams(query): QueryParams<OneProductQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if query.min_position.is_some() {
        wait_for_position(&shop, query.min_position, &["orders"]).await?;
    }
    let (mut product, version) = read_product(&shop, &id).await?;
    // While the view is being built, the baskets that it has read so far count.
    product.in_baskets = shop.views.in_baskets(&[&id], query.order).await?.into_iter().sum();
    let json = serde_json::to_vec(&product).map_err(|_| ApiError::internal())?;
    let etag = versioned_etag(version, &json);
    Ok(Representation::new("application/json", REVALIDATED, json).with_etag(etag).respond(&headers))
}

/// List categories
///
/// Sorted by name, each with the number of its products that can be bought.
#[utoipa::path(
    get, path = "/v1/categories", tag = "catalogue", params(MinPosition),
    responses((status = 200, description = "All categories, by name", body = CategoryList))
)]
pub(crate) async fn list_categories(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<MinPosition>,
) -> Result<Json<CategoryList>, ApiError> {
    wait_for_position(&shop, query.min_position, &["categories"]).await?;
    Ok(Json(CategoryList { items: shop.views.read(|folded| folded.catalogue.categories()) }))
}
