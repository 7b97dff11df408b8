//! The catalogue over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use storefront_api::{CategoryList, Page, Problem, Product, ProductId, ProductQuery};

use super::code::Code;
use super::extract::{InPath, InQuery, SeeQuery, etags, limit, see};
use super::problem::ApiError;
use crate::shop::Shop;

/// List products
///
/// What can be bought, filtered, searched and sorted.
#[utoipa::path(
    get, path = "/v1/products", tag = "catalogue", params(ProductQuery),
    responses(
        (status = 200, description = "A page of products", body = Page<Product>),
    )
)]
pub(crate) async fn list_products(
    State(shop): State<Shop>,
    InQuery(query): InQuery<ProductQuery>,
) -> Result<Json<Page<Product>>, ApiError> {
    let limit = limit(query.limit, 100, 20)?;
    see(&shop, query.min_position).await?;
    let stale = shop.freshness.stale();
    let page = shop.views.read(|folded| folded.catalogue.page(&query, limit, &folded.stock, stale));
    page.map(Json).ok_or_else(|| ApiError::invalid("cursor", "is not one of ours"))
}

/// Read a product
///
/// Withdrawn ones too; they are not `active`.
#[utoipa::path(
    get, path = "/v1/products/{id}", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product"), SeeQuery,
           ("If-None-Match" = Option<String>, Header, description = "The ETag that the client knows")),
    responses(
        (status = 200, description = "The product", body = Product, headers(("ETag" = String, description = "Changes with it"))),
        (status = 304, description = "It is as the client knows it"),
        (status = 404, description = "`product_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_product(
    State(shop): State<Shop>,
    InPath(id): InPath<ProductId>,
    InQuery(query): InQuery<SeeQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    see(&shop, query.min_position).await?;
    let stale = shop.freshness.stale();
    let product = shop.views.read(|folded| folded.catalogue.get(&id, &folded.stock, stale));
    let product = product.ok_or_else(|| ApiError::product_not_found(&id))?;
    let json = serde_json::to_vec(&product).map_err(|_| ApiError::internal())?;
    let digest = Sha256::digest(&json);
    let etag = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    let etag = format!("\"{etag}\"");
    if etags(&headers, &IF_NONE_MATCH).any(|known| known.trim_start_matches("W/") == etag || known == "*") {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    }
    Ok(([(ETAG, etag), (CONTENT_TYPE, "application/json".to_owned())], json).into_response())
}

/// Look at a product
///
/// A small picture, as the product service has it.
#[utoipa::path(
    get, path = "/v1/products/{id}/picture", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    responses(
        (status = 200, description = "A PNG", content_type = "image/png", body = [u8]),
        (status = 404, description = "`product_not_found`; `picture_not_found`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn get_picture(State(shop): State<Shop>, InPath(id): InPath<ProductId>) -> Result<Response, ApiError> {
    see(&shop, None).await?;
    if !shop.views.read(|folded| folded.catalogue.state(&id).is_some()) {
        return Err(ApiError::product_not_found(&id));
    }
    match shop.products.picture(&id).await {
        Ok(Some(png)) => Ok(([(CONTENT_TYPE, "image/png"), (CACHE_CONTROL, "max-age=60")], png).into_response()),
        Ok(None) => Err(ApiError::new(Code::PictureNotFound, format!("{id} has no picture."))),
        Err(_) => Err(ApiError::new(
            Code::ProductServiceUnavailable,
            "The product service does not answer. Try again shortly.",
        )),
    }
}

/// List categories
///
/// Those that have something for sale, by name, each with how many products.
#[utoipa::path(
    get, path = "/v1/categories", tag = "catalogue", params(SeeQuery),
    responses((status = 200, description = "All categories, by name", body = CategoryList))
)]
pub(crate) async fn list_categories(
    State(shop): State<Shop>,
    InQuery(query): InQuery<SeeQuery>,
) -> Result<Json<CategoryList>, ApiError> {
    see(&shop, query.min_position).await?;
    Ok(Json(CategoryList { items: shop.views.read(|folded| folded.catalogue.categories()) }))
}
