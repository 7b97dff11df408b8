//! The product service: the demo range, changing it, and following the changes.

use std::{
    collections::{BTreeMap, HashSet},
    io::Cursor,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storefront_mocks::{MocksConfig, Product, ProductError};

use crate::support::{get, http, send, stubs, stubs_with};

const NEW_SOCKS: &str = r#"{"sku":"T-1","name":"Test socks","category":"Clothing","price":999}"#;

async fn demo_products() -> Vec<Product> {
    stubs().await.products().list()
}

#[tokio::test]
async fn the_demo_range_has_at_least_64_products_in_8_categories() {
    let products = demo_products().await;
    let mut per_category: BTreeMap<String, usize> = BTreeMap::new();
    for product in &products {
        *per_category.entry(product.category.clone()).or_default() += 1;
    }
    assert!(products.len() >= 64, "{}", products.len());
    assert_eq!(per_category.len(), 8);
    assert!(per_category.values().all(|count| *count >= 8), "{per_category:?}");
}

#[tokio::test]
async fn ids_skus_and_names_are_unique() {
    let products = demo_products().await;
    let distinct = |field: fn(&Product) -> &String| products.iter().map(field).collect::<HashSet<_>>().len();
    assert_eq!(distinct(|product| &product.id), products.len());
    assert_eq!(distinct(|product| &product.sku), products.len());
    assert_eq!(distinct(|product| &product.name), products.len());
}

#[tokio::test]
async fn every_product_is_described_priced_and_taxed() {
    for product in demo_products().await {
        let sentences = product.description.matches(['.', '?', '!']).count();
        assert!((2..=4).contains(&sentences) && product.description.len() < 320, "{}", product.id);
        assert!((150..=40_000).contains(&product.price), "{}", product.id);
        let rate = product.vat_rate_percent.as_u64();
        assert!(rate == Some(19) || rate == Some(7), "{}", product.id);
        assert_eq!(rate == Some(7), is_book_food_or_plant(&product), "{}", product.id);
        assert!((2..=4).contains(&product.attributes.len()), "{}", product.id);
        assert!(product.compare_at_price.is_none_or(|was| was > product.price), "{}", product.id);
        let (letters, digits) = product.sku.split_once('-').unwrap();
        assert!(letters.len() == 3 && digits.len() == 4, "{}", product.sku);
    }
}

fn is_book_food_or_plant(product: &Product) -> bool {
    let food_and_plants = ["espresso-beans", "earl-grey", "forest-honey", "cactus"];
    product.category == "Books" || food_and_plants.contains(&product.id.as_str())
}

#[tokio::test]
async fn between_8_and_12_products_are_on_sale() {
    let on_sale = demo_products().await.iter().filter(|product| product.compare_at_price.is_some()).count();
    assert!((8..=12).contains(&on_sale), "{on_sale}");
}

#[tokio::test]
async fn prices_allow_to_try_both_sides_of_the_voucher_threshold() {
    let prices: HashSet<i64> = demo_products().await.iter().map(|product| product.price).collect();
    for total in [10_000, 10_001] {
        assert!(prices.contains(&total), "nothing costs exactly {total}");
        assert!(prices.iter().any(|price| prices.contains(&(total - price))), "no pair sums to {total}");
    }
}

#[tokio::test]
async fn every_picture_is_32_by_32_pixels_with_many_colours_and_no_two_are_the_same() {
    let mocks = stubs().await;
    let mut seen = HashSet::new();
    for product in mocks.products().list() {
        let png = mocks.products().picture(&product.id).unwrap_or_else(|| panic!("{} has no picture", product.id));
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (32, 32), "{}", product.id);
        let colours: HashSet<&[u8]> = pixels.chunks(4).collect();
        assert!(colours.len() >= 6, "{} has only {} colours", product.id, colours.len());
        assert!(seen.insert(pixels), "{} looks like another product", product.id);
    }
}

#[tokio::test]
async fn products_are_listed_and_shown() {
    let mocks = stubs().await;
    let (status, list) = get(&format!("{}/v1/product", mocks.products_url())).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["products"].as_array().unwrap().len(), mocks.products().list().len());
    let (status, mug) = get(&format!("{}/v1/product/enamel-mug", mocks.products_url())).await;
    assert_eq!((status, &mug["price"], &mug["currency"]), (StatusCode::OK, &json!(950), &json!("EUR")));
    assert_eq!(mug["picture"], "/v1/product/enamel-mug/picture");
}

#[tokio::test]
async fn pictures_are_served_as_png() {
    let mocks = stubs().await;
    let url = format!("{}/v1/product/desk-duck/picture", mocks.products_url());
    let response = http().get(url).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/png");
    assert_eq!(response.bytes().await.unwrap().to_vec(), mocks.products().picture("desk-duck").unwrap());
}

#[tokio::test]
async fn what_is_not_there_is_404_with_a_sentence() {
    let mocks = stubs().await;
    for path in ["/v1/product/nobody", "/v1/product/nobody/picture", "/v1/nowhere"] {
        let (status, body) = get(&format!("{}{path}", mocks.products_url())).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(body["detail"].as_str().unwrap().starts_with("There is no"), "{body}");
    }
    let (status, _) = get(&format!("http://{}/elsewhere", mocks.http_addr())).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_method_is_405() {
    let mocks = stubs().await;
    let (status, body) = send(Method::DELETE, &format!("{}/v1/product", mocks.products_url()), "").await;
    assert_eq!((status, &body["error"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed")));
}

#[tokio::test]
async fn a_product_is_created_with_defaults_and_appears_in_the_feed() {
    let mocks = stubs().await;
    let head = mocks.products().head();
    let (status, product) = send(Method::POST, &format!("{}/v1/product", mocks.products_url()), NEW_SOCKS).await;
    assert_eq!((status, &product["id"]), (StatusCode::CREATED, &json!("test-socks")));
    assert_eq!(product["vat_rate_percent"], 19);
    assert_eq!(product["active"], true);
    let (_, feed) = get(&format!("{}/v1/changes?after={head}", mocks.products_url())).await;
    assert_eq!(feed["changes"][0]["kind"], "created");
    assert_eq!(feed["changes"][0]["product"], product);
}

#[tokio::test]
async fn an_id_sku_or_name_can_be_used_only_once() {
    let mocks = stubs().await;
    let url = format!("{}/v1/product", mocks.products_url());
    assert_eq!(send(Method::POST, &url, NEW_SOCKS).await.0, StatusCode::CREATED);
    for taken in [
        r#"{"id":"enamel-mug","sku":"T-2","name":"Other","category":"Clothing","price":1}"#,
        r#"{"sku":"T-1","name":"Other","category":"Clothing","price":1}"#,
        r#"{"id":"x","sku":"T-2","name":"TEST SOCKS","category":"Clothing","price":1}"#,
        r#"{"id":"x","sku":"t-1","name":"Other","category":"Clothing","price":1}"#,
        r#"{"id":"x","sku":"ｔ－１","name":"Other","category":"Clothing","price":1}"#,
    ] {
        let (status, body) = send(Method::POST, &url, taken).await;
        assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &json!("taken")), "{taken}");
    }
    let patch = r#"{"sku":"KIT-0002"}"#;
    let (status, _) = send(Method::PATCH, &format!("{url}/enamel-mug"), patch).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn values_that_make_no_sense_are_422_and_change_nothing() {
    let mocks = stubs().await;
    let head = mocks.products().head();
    let url = format!("{}/v1/product/enamel-mug", mocks.products_url());
    for patch in [
        r#"{"price":0}"#,
        r#"{"price":-5}"#,
        r#"{"price":9.5}"#,
        r#"{"price":"950"}"#,
        r#"{"name":" "}"#,
        r#"{"compare_at_price":100}"#,
        r#"{"currency":"euro"}"#,
        r#"{"vat_rate_percent":101}"#,
        r#"{"vat_rate_percent":-0.5}"#,
        r#"{"vat_rate_percent":5.5555}"#,
        r#"{"colour":"red"}"#,
    ] {
        let (status, body) = send(Method::PATCH, &url, patch).await;
        assert_eq!((status, &body["error"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")), "{patch}");
    }
    assert_eq!(send(Method::PATCH, &url, "{").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(send(Method::POST, &url.replace("/enamel-mug", ""), "{}").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(mocks.products().head(), head);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let mocks = stubs().await;
    let body = " ".repeat(300 * 1024);
    let (status, _) = send(Method::POST, &format!("{}/v1/product", mocks.products_url()), &body).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_event_of_repricing_has_the_old_price_and_the_reason() {
    let mocks = stubs().await;
    let head = mocks.products().head();
    let url = format!("{}/v1/product/enamel-mug", mocks.products_url());
    let (status, mug) = send(Method::PATCH, &url, r#"{"price":1050,"reason":"Enamel is dear."}"#).await;
    assert_eq!((status, &mug["price"]), (StatusCode::OK, &json!(1050)));
    let [change] = mocks.products().changes_after(head, 10).try_into().unwrap();
    assert_eq!(
        serde_json::to_value(&change).unwrap(),
        json!({
            "sequence": head + 1, "product_id": "enamel-mug", "kind": "repriced", "product": mug,
            "reason": "Enamel is dear.", "old_price": 950,
        })
    );
}

#[tokio::test]
async fn each_kind_of_change_has_its_own_event_and_no_change_has_none() {
    let mocks = stubs().await;
    let (products, head) = (mocks.products(), mocks.products().head());
    let url = format!("{}/v1/product/kite", mocks.products_url());
    let all_at_once = r#"{"name":"Big kite","price":2099,"active":false}"#;
    assert_eq!(send(Method::PATCH, &url, all_at_once).await.0, StatusCode::OK);
    assert_eq!(send(Method::PATCH, &url, all_at_once).await.0, StatusCode::OK);
    products.relist("kite").unwrap();
    let kinds: Vec<Value> = products.changes_after(head, 10).iter().map(|change| json!(change.kind)).collect();
    assert_eq!(kinds, ["changed", "repriced", "withdrawn", "relisted"]);
}

#[tokio::test]
async fn a_price_at_the_compare_at_price_ends_the_sale() {
    let mocks = stubs().await;
    let kite = mocks.products().get("kite").unwrap();
    let after = mocks.products().reprice("kite", kite.compare_at_price.unwrap(), "The sale is over").unwrap();
    assert_eq!(after.compare_at_price, None);
    let url = format!("{}/v1/product/torch", mocks.products_url());
    let (_, torch) = send(Method::PATCH, &url, r#"{"compare_at_price":null}"#).await;
    assert_eq!(torch.get("compare_at_price"), None);
}

#[tokio::test]
async fn in_process_an_unknown_product_is_an_error_too() {
    let mocks = stubs().await;
    let error = mocks.products().withdraw("nobody", "gone").unwrap_err();
    assert_eq!(error, ProductError::Unknown("There is no product `nobody`.".to_owned()));
}

#[tokio::test]
async fn a_picture_can_be_replaced_and_removed() {
    let mocks = stubs().await;
    let (products, head) = (mocks.products(), mocks.products().head());
    let url = format!("{}/v1/product/kite/picture", mocks.products_url());
    let duck = products.picture("desk-duck").unwrap();
    let put = http().put(&url).body(duck.clone()).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::NO_CONTENT);
    assert_eq!(products.picture("kite"), Some(duck));
    assert_eq!(send(Method::DELETE, &url, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(get(&url).await.0, StatusCode::NOT_FOUND);
    assert_eq!(products.get("kite").unwrap().picture, None);
    let kinds: Vec<Value> = products.changes_after(head, 10).iter().map(|change| json!(change.kind)).collect();
    assert_eq!(kinds, ["picture_changed", "picture_changed"]);
}

#[tokio::test]
async fn only_png_pictures_are_taken() {
    let mocks = stubs().await;
    let url = format!("{}/v1/product/kite/picture", mocks.products_url());
    let (status, body) = send(Method::PUT, &url, "not a picture").await;
    assert_eq!((status, &body["error"]), (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("not_a_png")));
}

#[tokio::test]
async fn the_feed_returns_everything_in_order_in_batches() {
    let mocks = stubs().await;
    let (_, feed) = get(&format!("{}/v1/changes?after=0&wait=30", mocks.products_url())).await;
    let sequences: Vec<u64> =
        feed["changes"].as_array().unwrap().iter().map(|change| change["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=mocks.products().head()).collect::<Vec<u64>>());
    assert_eq!(feed["next_after"], feed["head"]);
    assert_eq!(mocks.products().changes_after(0, 5).len(), 5);
}

#[tokio::test]
async fn without_news_and_without_waiting_the_feed_is_empty() {
    let mocks = stubs().await;
    let head = mocks.products().head();
    let (status, feed) = get(&format!("{}/v1/changes?after={head}", mocks.products_url())).await;
    assert_eq!((status, feed), (StatusCode::OK, json!({ "changes": [], "next_after": head, "head": head })));
}

#[tokio::test]
async fn a_reader_who_waits_is_woken_by_the_next_change() {
    let mocks = stubs().await;
    let head = mocks.products().head();
    let url = format!("{}/v1/changes?after={head}&wait=30", mocks.products_url());
    let reader = tokio::spawn(async move { get(&url).await });
    mocks.products().withdraw("kite", "No wind").unwrap();
    let (_, feed) = reader.await.unwrap();
    assert_eq!(feed["changes"][0]["kind"], "withdrawn");
    assert_eq!(feed["next_after"], head + 1);
}

#[tokio::test]
async fn a_reader_who_remembers_more_than_the_service_starts_again() {
    let mocks = stubs().await;
    let (_, feed) = get(&format!("{}/v1/changes?after=99999&wait=30", mocks.products_url())).await;
    assert_eq!(feed["changes"][0]["sequence"], 1);
    assert_eq!(feed["next_after"], mocks.products().head());
}

#[tokio::test]
async fn a_cursor_that_is_no_number_is_400() {
    let mocks = stubs().await;
    let (status, body) = get(&format!("{}/v1/changes?after=yesterday", mocks.products_url())).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("bad_query")));
}

#[tokio::test]
async fn without_the_demo_range_the_service_is_empty() {
    let mocks = stubs_with(MocksConfig { demo_products: false, ..MocksConfig::default() }).await;
    assert_eq!((mocks.products().list().len(), mocks.products().head()), (0, 0));
}

#[tokio::test]
async fn categories_are_listed_and_created_and_a_product_needs_one() {
    let mocks = stubs().await;
    let url = |path: &str| format!("{}{path}", mocks.products_url());
    let (_, list) = get(&url("/v1/categories")).await;
    assert_eq!(list["categories"].as_array().unwrap().len(), 8);
    let lamp = r#"{"sku":"L-1","name":"Test lamp","category":"Lighting","price":999}"#;
    let (status, body) = send(Method::POST, &url("/v1/product"), lamp).await;
    assert_eq!((status, &body["error"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("unknown_category")));
    let (status, _) = send(Method::PATCH, &url("/v1/product/kite"), r#"{"category":"Lighting"}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    let (status, body) = send(Method::POST, &url("/v1/categories"), r#"{"name":"Lighting"}"#).await;
    assert_eq!((status, body), (StatusCode::CREATED, json!({ "name": "Lighting" })));
    assert_eq!(send(Method::POST, &url("/v1/product"), lamp).await.0, StatusCode::CREATED);
    for (name, status) in [("LIGHTING", 409), ("books", 409), (" ", 422), (&*"x".repeat(51), 422)] {
        let body = json!({ "name": name }).to_string();
        assert_eq!(send(Method::POST, &url("/v1/categories"), &body).await.0, status, "{name}");
    }
}

#[tokio::test]
async fn what_is_created_twice_under_one_key_is_there_once_and_answered_the_same() {
    let mocks = stubs().await;
    let post = async |path: &str, key: &str, body: &str| {
        let url = format!("{}{path}", mocks.products_url());
        let response = http().post(url).header("idempotency-key", key).body(body.to_owned()).send().await.unwrap();
        let replayed = response.headers().contains_key("idempotent-replayed");
        (response.status().as_u16(), replayed, response.json::<Value>().await.unwrap())
    };
    for (path, body) in [("/v1/product", NEW_SOCKS), ("/v1/categories", r#"{"name":"Lighting"}"#)] {
        let (status, replayed, first) = post(path, path, body).await;
        assert_eq!((status, replayed), (201, false), "{path}");
        assert_eq!(post(path, path, body).await, (201, true, first), "{path}");
        assert_eq!(post(path, path, r#"{"name":"Other"}"#).await.0, 422, "{path}: another body under the key");
        assert_eq!(post(path, "another key", body).await.0, 409, "{path}: taken");
    }
    assert_eq!(post("/v1/product", &"k".repeat(301), NEW_SOCKS).await.0, 400);
}

#[tokio::test]
async fn a_picture_that_is_known_is_not_sent_again_and_another_one_has_another_address() {
    let mocks = stubs().await;
    let url = format!("{}/v1/product/kite/picture", mocks.products_url());
    let first = http().get(&url).send().await.unwrap();
    let etag = first.headers()["etag"].clone();
    let again = http().get(&url).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &etag));
    let before = mocks.products().get("kite").unwrap().picture;
    mocks.products().set_picture("kite", mocks.products().picture("desk-duck").unwrap()).unwrap();
    assert_eq!(http().get(&url).header("if-none-match", &etag).send().await.unwrap().status(), StatusCode::OK);
    assert_ne!(mocks.products().get("kite").unwrap().picture, before);
}
