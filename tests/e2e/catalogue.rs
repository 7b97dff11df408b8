//! The catalogue, with and without a reachable product service.

use std::time::Duration;

use storefront_api::{Money, Product, ProductQuery, ProductSort};
use storefront_mocks::Stub;

use crate::world::{VISA, World, an_order, eventually};

fn search(words: &str) -> ProductQuery {
    ProductQuery { q: Some(words.to_owned()), limit: Some(100), ..ProductQuery::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_range_has_sixty_products_in_eight_categories_with_pictures() {
    let world = World::open().await;
    let all = world.client.products(&ProductQuery { limit: Some(100), ..ProductQuery::default() }).await.unwrap();
    assert!(all.total >= 60, "{}", all.total);
    assert_eq!(all.items.len() as u64, all.total.min(100));
    let categories = world.client.categories().await.unwrap().items;
    assert_eq!(categories.len(), 8);
    assert_eq!(categories.iter().map(|category| u64::from(category.products)).sum::<u64>(), all.total);
    let png = world.client.picture(&all.items[0].id).await.unwrap().expect("it has a picture");
    assert!(png.starts_with(b"\x89PNG"));
}

#[tokio::test(flavor = "multi_thread")]
async fn products_are_searched_filtered_sorted_and_paged() {
    let world = World::open().await;
    let all = world.client.products(&ProductQuery { limit: Some(100), ..ProductQuery::default() }).await.unwrap().items;
    let some = &all[7];
    let first_word = some.name.split_whitespace().next().unwrap();
    let prefix: String = first_word.chars().take(4).collect();
    let found = world.client.products(&search(&prefix.to_lowercase())).await.unwrap();
    assert!(found.items.iter().any(|product| product.id == some.id), "{prefix} finds {}", some.name);
    assert_eq!(world.client.products(&search("zzqqxx")).await.unwrap().items, []);

    let query = ProductQuery {
        category: Some(some.category.clone()),
        price_min: Some(some.price.amount),
        sort: Some(ProductSort::Price),
        limit: Some(100),
        ..ProductQuery::default()
    };
    let filtered = world.client.products(&query).await.unwrap().items;
    assert!(filtered.iter().any(|product| product.id == some.id));
    assert!(
        filtered.iter().all(|product| product.category == some.category && product.price.amount >= some.price.amount)
    );
    assert!(filtered.is_sorted_by_key(|product| product.price.amount));
    let on_sale =
        world.client.products(&ProductQuery { on_sale: Some(true), ..ProductQuery::default() }).await.unwrap();
    assert!(on_sale.total > 0 && on_sale.items.iter().all(|product| product.compare_at_price.is_some()));

    let mut paged = Vec::new();
    let mut cursor = None;
    loop {
        let page =
            world.client.products(&ProductQuery { limit: Some(9), cursor, ..ProductQuery::default() }).await.unwrap();
        paged.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_looks_into_name_description_sku_and_category_ranks_forgives_a_typo_and_finds_as_one_types() {
    let world = World::open().await;
    let found = async |words: &str| {
        let page = world.client.products(&search(words)).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64, "{words}");
        page.items.into_iter().map(|product| product.id.to_string()).collect::<Vec<_>>()
    };
    for words in ["enamel mug", "ENAMEL", "enam", "enamal", "eanmel", "mug enamel"] {
        assert_eq!(found(words).await[0], "enamel-mug", "{words}");
    }
    let mug = world.client.product(&"enamel-mug".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found(&mug.sku).await, ["enamel-mug"]);
    let last_word = mug.description.trim_end_matches('.').rsplit(' ').next().unwrap();
    assert!(found(last_word).await.contains(&"enamel-mug".to_owned()), "{last_word}");
    assert!(found(&mug.category).await.len() > 4);
    assert_eq!(found("enamel zzqqxx").await, [""; 0]);
    let too_long = world.client.products(&search(&"x".repeat(201))).await.unwrap_err();
    assert_eq!(too_long.problem().unwrap().code, "invalid_values");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_while_products_come_go_and_change_their_price() {
    let world = World::open().await;
    let products = world.mocks.products();
    let by_price =
        |cursor| ProductQuery { sort: Some(ProductSort::Price), limit: Some(10), cursor, ..ProductQuery::default() };
    let whole = world.client.products(&ProductQuery { limit: Some(100), ..by_price(None) }).await.unwrap().items;
    let mut shown = Vec::new();
    let mut touched = Vec::new();
    let mut cursor = None;
    loop {
        let page = world.client.products(&by_price(cursor)).await.unwrap();
        // The last of each page goes or becomes the cheapest, so that all places behind it move.
        let last = page.items.last().unwrap().id.clone();
        shown.extend(page.items.into_iter().map(|product| product.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        if touched.len() % 2 == 0 {
            products.withdraw(last.as_str(), "gone").unwrap();
        } else {
            products.reprice(last.as_str(), 1, "cheap").unwrap();
        }
        eventually("the catalogue has heard of it", || async {
            let product = world.client.product(&last).await.unwrap().unwrap();
            (!product.active || product.price.amount == 1).then_some(())
        })
        .await;
        touched.push(last);
    }
    assert!(touched.len() >= 5);
    assert_eq!(shown, whole.into_iter().map(|product| product.id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_product_service_the_last_known_data_is_served_and_sold() {
    let world = World::open().await;
    world.product_with(3).await;
    world.set_outage(Stub::Products, true);
    let product = eventually("the catalogue is marked stale", || async {
        let page =
            world.client.products(&ProductQuery { in_stock: Some(true), ..ProductQuery::default() }).await.unwrap();
        page.items.into_iter().find(|product| product.stale)
    })
    .await;
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, storefront_api::OrderStatus::Confirmed).await;

    world.set_outage(Stub::Products, false);
    eventually("the catalogue is live again", || async {
        (!world.client.product(&product.id).await.unwrap().unwrap().stale).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_are_too_old_are_not_sold_at() {
    let world = World::open_with(|config| config.quote_life = Duration::ZERO).await;
    let product = world.product_with(1).await;
    let basket = world.a_basket(&product.id, 1).await;
    world.set_outage(Stub::Products, true);
    eventually("the catalogue is marked stale", || async {
        world.client.product(&product.id).await.unwrap().unwrap().stale.then_some(())
    })
    .await;
    for refusal in
        [world.add(an_order(), &product.id, 1).await.unwrap_err(), world.buy(&basket, VISA).await.unwrap_err()]
    {
        let problem = refusal.problem().unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (503, "product_service_unavailable"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_started_without_its_product_service_serves_what_it_knew() {
    let world = World::open().await;
    let known = world.client.products(&ProductQuery::default()).await.unwrap().total;
    world.set_outage(Stub::Products, true);
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = storefront_server::Server::start(crate::world::config(&mocks, &folder)).await.unwrap();
    let client = storefront_client::Client::new(&server.url()).unwrap();
    let first_answer = client.products(&ProductQuery::default()).await.unwrap();
    assert_eq!(first_answer.total, known, "nobody is shown a shop that is still being put together");
    assert_eq!(client.readiness().await.unwrap().product_service, "stale");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repricing_reaches_the_catalogue_and_open_baskets() {
    let world = World::open().await;
    let product = world.product_with(2).await;
    let basket = world.a_basket(&product.id, 2).await;
    let new_price = Money::new(product.price.amount + 50, product.price.currency);
    world.mocks.products().reprice(product.id.as_str(), new_price.amount, "the clay got dearer").unwrap();
    let basket_now = eventually("the basket knows the new price", || async {
        let order = world.client.order(basket.id).await.unwrap().unwrap();
        (order.total == new_price.times(2).unwrap()).then_some(order)
    })
    .await;
    assert!(basket_now.items[0].notice.is_some(), "{basket_now:?}");
    assert_eq!(world.client.product(&product.id).await.unwrap().unwrap().price, new_price);
    let refusal = world.buy(&basket, VISA).await.unwrap_err();
    assert_eq!(refusal.problem().unwrap().new_total, Some(basket_now.total));
    world.buy(&basket_now, VISA).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_product_blocks_the_checkout_until_it_is_removed() {
    let world = World::open().await;
    let product = world.product_with(2).await;
    let basket = world.a_basket(&product.id, 1).await;
    world.mocks.products().withdraw(product.id.as_str(), "broken mould").unwrap();
    eventually("the basket knows", || async {
        world.client.order(basket.id).await.unwrap().unwrap().items[0].notice.clone()
    })
    .await;
    let refusal = world.buy(&basket, VISA).await.unwrap_err();
    assert_eq!(refusal.problem().unwrap().product_ids, std::slice::from_ref(&product.id));
    let emptied = world.client.remove_item(basket.id, &product.id).await.unwrap().value;
    assert_eq!(emptied.items, []);
    let refusal = world.add(an_order(), &product.id, 1).await.unwrap_err();
    assert_eq!(refusal.problem().unwrap().code, "product_withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_with_a_compare_at_price_is_on_sale_and_found_as_such() {
    let world = World::open().await;
    let all = ProductQuery { limit: Some(100), ..ProductQuery::default() };
    let on_sale = ProductQuery { on_sale: Some(true), ..all.clone() };
    let found = world.client.products(&on_sale).await.unwrap();
    assert!(!found.items.is_empty());
    let cheaper =
        |product: &Product| product.compare_at_price.is_some_and(|before| before.amount > product.price.amount);
    assert!(found.items.iter().all(cheaper), "{:?}", found.items);
    let everything = world.client.products(&all).await.unwrap().items;
    assert_eq!(everything.iter().filter(|product| cheaper(product)).count() as u64, found.total, "and none is missing");
}

/// The ETag of what is at an address.
async fn etag(http: &reqwest::Client, url: &str) -> String {
    let answer = http.get(url).send().await.unwrap();
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_etag_of_a_product_makes_every_change_of_it_depend_on_what_was_read() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let (http, url) = (reqwest::Client::new(), format!("{}/v1/products/{}", world.server.url(), product.id));
    let amount = product.price.amount + 1;
    let price = serde_json::json!({ "price": { "amount": amount, "currency": "EUR" }, "reason": "a new one" });
    let png = world.mocks.products().picture("kite").unwrap();
    let kinds = ["PATCH", "reprice", "withdraw", "relist", "PUT picture", "DELETE picture"];
    let send = |kind: &str, etag: &str| {
        let at = |path: &str| format!("{url}/{path}");
        let request = match kind {
            "PATCH" => http.patch(&url).json(&serde_json::json!({ "description": format!("Now {etag}") })),
            "reprice" => http.post(at(kind)).json(&price),
            "PUT picture" => http.put(at("picture")).header("content-type", "image/png").body(png.clone()),
            "DELETE picture" => http.delete(at("picture")),
            other => http.post(at(other)),
        };
        request.header("if-match", etag).send()
    };
    for kind in kinds {
        let read = etag(&http, &url).await;
        // Stock and baskets are shown beside it, and change its ETag, but not what it depends on.
        world.receive_stock(&product.id, 1).await;
        assert_ne!(etag(&http, &url).await, read, "what is shown has changed");
        let answer = send(kind, &read).await.unwrap();
        assert_eq!(answer.status(), 200, "{kind} of what was read: {:?}", answer.text().await);
        assert_ne!(etag(&http, &url).await, read);
        for kind in kinds {
            let lost = send(kind, &read).await.unwrap();
            assert_eq!(lost.status(), 412, "{kind} of what has changed since");
            let problem: storefront_api::Problem = lost.json().await.unwrap();
            assert_eq!((problem.code.as_str(), problem.current_version.is_some()), ("version_mismatch", true));
        }
    }
    let known = etag(&http, &url).await;
    let unchanged = http.get(&url).header("if-none-match", &known).send().await.unwrap();
    assert_eq!(unchanged.status(), 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_of_what_was_read_at_the_same_time_one_is_made() {
    let world = World::open().await;
    let id = world.product_with(1).await.id;
    let (http, url) = (reqwest::Client::new(), format!("{}/v1/products/{id}", world.server.url()));
    let read = etag(&http, &url).await;
    let changes = (0..8).map(|number| {
        let change = serde_json::json!({ "description": format!("Description {number}") });
        tokio::spawn(http.patch(&url).header("if-match", &read).json(&change).send())
    });
    let mut made = 0;
    for change in changes.collect::<Vec<_>>() {
        let status = change.await.unwrap().unwrap().status();
        assert!(status == 200 || status == 412, "{status}");
        made += u32::from(status == 200);
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_etag_of_stock_makes_a_change_of_it_depend_on_what_was_read() {
    let world = World::open().await;
    let id = world.product_with(1).await.id;
    let (http, url) = (reqwest::Client::new(), format!("{}/v1/stock/{id}", world.server.url()));
    let read = etag(&http, &url).await;
    let receive = || {
        let request = http.post(format!("{url}/receive")).header("if-match", &read);
        request.json(&serde_json::json!({ "quantity": 1 })).send()
    };
    assert_eq!(receive().await.unwrap().status(), 200);
    assert_eq!(receive().await.unwrap().status(), 412);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_finds_nothing_offers_what_was_meant_and_signs_alone_find_nothing() {
    let world = World::open().await;
    let page = world.client.products(&search("enxmxl")).await.unwrap();
    assert_eq!((page.total, page.suggestion.as_deref()), (0, Some("enamel")));
    let offered = world.client.products(&search("enamel")).await.unwrap();
    assert!(offered.total > 0 && offered.suggestion.is_none());
    for words in ["😀", "%", "_", "…"] {
        let page = world.client.products(&search(words)).await.unwrap();
        assert_eq!((page.total, page.suggestion), (0, None), "{words}");
    }
}
