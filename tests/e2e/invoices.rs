//! Invoices, credit notes and partial refunds.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use storefront_api::{
    AddItem, Cancel, Currency, DocumentKind, Invoice, InvoiceListQuery, Money, MovementKind, MovementsQuery, Order,
    OrderId, OrderStatus, PaymentMethod, PaymentStatus, ProductQuery, RefundOrder, RefundState, Ship, VatRate,
};
use storefront_client::{Client, ClientError, IdempotencyKey, WriteResponse};

use crate::money::{a_customer, balance};
use crate::world::{VISA, World, checkout, eventually};

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

fn refund(amount: Option<i64>) -> RefundOrder {
    RefundOrder { amount: amount.map(|amount| Money::new(amount, Currency::EUR)), reason: "a scratch".to_owned() }
}

fn refusal(outcome: Result<WriteResponse<Order>, ClientError>) -> (u16, String) {
    let error = outcome.expect_err("it is refused");
    let problem = error.problem().expect("with a problem");
    (problem.status, problem.code.clone())
}

impl World {
    /// Buys two pieces by card, and waits for the invoice.
    async fn buy_with_invoice(&self) -> (Order, Invoice) {
        let product = self.product_with(50).await;
        let basket = self.a_basket(&product.id, 2).await;
        self.buy(&basket, VISA).await.unwrap();
        self.invoice_of(basket.id).await
    }

    async fn invoice_of(&self, id: OrderId) -> (Order, Invoice) {
        let order = eventually("the order has its invoice", || async {
            self.client.order(id).await.unwrap().filter(|order| order.invoice.is_some())
        });
        let order = order.await;
        let invoice = self.client.invoice(order.invoice.as_ref().unwrap()).await.unwrap().unwrap();
        (order, invoice)
    }

    /// The invoice once it has so many credit notes.
    async fn wait_for_invoice_credits(&self, number: &str, notes: usize) -> Invoice {
        eventually("the credit notes are written", || async {
            self.client.invoice(number).await.unwrap().filter(|invoice| invoice.credit_notes.len() == notes)
        })
        .await
    }

    async fn document(&self, number: &str, accept: &str) -> (StatusCode, String, Vec<u8>) {
        let url = format!("{}/v1/invoices/{number}", self.server.url());
        let answer = reqwest::Client::new().get(url).header(ACCEPT, accept).send().await.unwrap();
        let kind = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        (answer.status(), kind, answer.bytes().await.unwrap().to_vec())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_gets_one_invoice_as_json_as_text_and_as_pdf() {
    let world = World::open().await;
    let (order, invoice) = world.buy_with_invoice().await;
    assert_eq!(order.status, OrderStatus::Confirmed);
    assert_eq!((invoice.order_id, invoice.total), (order.id, order.total));
    assert_eq!(Some(invoice.order_number), order.number);
    assert_eq!(invoice.lines.iter().map(|line| line.total).collect::<Vec<_>>(), [order.items[0].line_total]);
    let vat: Vec<_> = invoice.tax.iter().map(|tax| (tax.rate_percent, tax.amount)).collect();
    assert_eq!(vat, order.tax.iter().map(|tax| (tax.rate_percent, tax.amount)).collect::<Vec<_>>());
    assert_eq!(invoice.tax.iter().map(|tax| tax.gross.amount).sum::<i64>(), order.total.amount);
    assert!(invoice.payment_reference.starts_with("card "), "{}", invoice.payment_reference);

    let (status, kind, text) = world.document(&invoice.number, "text/plain").await;
    let text = String::from_utf8(text).unwrap();
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; charset=utf-8"));
    let total = order.total.to_string();
    assert!(text.contains(&invoice.number) && text.contains(total.split(' ').next().unwrap()), "{text}");
    let (status, kind, pdf) = world.document(&invoice.number, "application/pdf").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/pdf"));
    assert!(pdf.starts_with(b"%PDF"));
    let (status, kind, _) = world.document(&invoice.number, "image/png").await;
    assert_eq!((status, kind.as_str()), (StatusCode::NOT_ACCEPTABLE, "application/problem+json"));
    for unknown in ["2026-999999", "CN-2026-999999", "no-number"] {
        assert_eq!(world.document(unknown, "*/*").await.0, StatusCode::NOT_FOUND, "{unknown}");
    }
    let history = world.event_types(order.id).await;
    assert_eq!(history.iter().filter(|kind| *kind == "invoice.issued").count(), 1, "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_confirmations_at_once_take_numbers_without_gap_or_repeat() {
    let world = World::open().await;
    let product = world.product_with(50).await;
    let mut orders = Vec::new();
    for _ in 0..12 {
        orders.push(world.a_basket(&product.id, 1).await);
    }
    let mut buying = tokio::task::JoinSet::new();
    for basket in &orders {
        let (client, id, body) = (world.client.clone(), basket.id, checkout(basket, PaymentMethod::None));
        buying.spawn(async move { client.checkout(id, &body, &key()).await.unwrap() });
    }
    buying.join_all().await;
    let mut numbers = Vec::new();
    for basket in &orders {
        numbers.push(world.invoice_of(basket.id).await.1.number);
    }
    numbers.sort();
    let year = &numbers[0][..4];
    assert_eq!(numbers, (1..=12).map(|number| format!("{year}-{number:06}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_in_part_never_exceed_what_was_paid_and_each_brings_a_credit_note() {
    let world = World::open().await;
    let (order, before) = world.buy_with_invoice().await;
    let paid = order.total.amount;
    let payment_id = order.payment_id.unwrap();

    let once = key();
    let first = world.client.refund(order.id, &refund(Some(100)), &once).await.unwrap();
    assert_eq!(first.value.payment_status, PaymentStatus::Refunding);
    let again = world.client.refund(order.id, &refund(Some(100)), &once).await.unwrap();
    assert!(again.replayed);
    let too_much = world.client.refund(order.id, &refund(Some(paid - 99)), &key()).await;
    assert_eq!(refusal(too_much), (409, "refund_too_large".to_owned()));
    let nothing = world.client.refund(order.id, &refund(Some(0)), &key()).await;
    assert_eq!(refusal(nothing), (422, "invalid_values".to_owned()));
    world.wait_for_invoice_credits(&before.number, 1).await;

    let cancel = Cancel { reason: "changed my mind".to_owned() };
    world.client.cancel(order.id, &cancel, &key()).await.unwrap();
    let after = world.wait_for_invoice_credits(&before.number, 2).await;
    let amounts: Vec<_> = after.credit_notes.iter().map(|note| note.amount.amount).collect();
    assert_eq!(amounts, [100, paid - 100], "cancelling gives back the rest only");
    assert_eq!(Invoice { credit_notes: vec![], ..after.clone() }, before, "the invoice itself never changes");
    let payment = world.client.payment(payment_id).await.unwrap().unwrap();
    let refunds: Vec<_> = payment.refunds.iter().map(|refund| (refund.amount.amount, refund.state)).collect();
    assert_eq!(refunds, [(100, RefundState::Done), (paid - 100, RefundState::Done)]);
    assert_eq!((payment.status, payment.left.unwrap().amount), (PaymentStatus::Refunded, 0));
    let more = world.client.refund(order.id, &refund(None), &key()).await;
    assert_eq!(refusal(more), (409, "nothing_to_refund".to_owned()));
    let (status, _, text) = world.document(&after.credit_notes[0].number, "text/plain").await;
    let text = String::from_utf8(text).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("Credit note") && text.contains(&before.number), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_never_confirmed_is_not_refunded() {
    let world = World::open().await;
    let product = world.product_with(50).await;
    let basket = world.a_basket(&product.id, 1).await;
    let refused = world.client.refund(basket.id, &refund(None), &key()).await;
    assert_eq!(refusal(refused), (409, "order_state".to_owned()));
    let refused = world.client.refund(crate::world::an_order(), &refund(None), &key()).await;
    assert_eq!(refusal(refused), (404, "order_not_found".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_and_credit_notes_are_listed_newest_first_everybodys_or_a_customers_own() {
    let world = World::open().await;
    let (ada, ada_id) = a_customer(&world.client, 0).await;
    let product = world.product_with(50).await;
    let mut bought = Vec::new();
    for client in [&world.client, &ada] {
        let add = AddItem { product_id: product.id.clone(), quantity: 1 };
        let basket = client.add_item(crate::world::an_order(), &add, &key()).await.unwrap().value;
        client.checkout(basket.id, &checkout(&basket, PaymentMethod::None), &key()).await.unwrap();
        bought.push(world.invoice_of(basket.id).await.1);
    }
    let [guests, adas] = bought.as_slice() else { panic!("{bought:?}") };
    world.client.refund(adas.order_id, &refund(Some(100)), &key()).await.unwrap();
    let credit = world.wait_for_invoice_credits(&adas.number, 1).await.credit_notes.remove(0);
    let head = Some(world.head().await);
    let listed = async |client: &Client, query: InvoiceListQuery| {
        let page = client.invoices(&InvoiceListQuery { min_position: head, ..query }).await.unwrap();
        let numbers: Vec<String> = page.items.iter().map(|item| item.number.clone()).collect();
        (numbers, page)
    };
    let all = InvoiceListQuery::default();
    let (numbers, _) = listed(&world.client, all.clone()).await;
    assert_eq!(numbers, [&credit.number, &adas.number, &guests.number].map(String::clone));
    let (own, page) = listed(&ada, all.clone()).await;
    assert_eq!(own, [&credit.number, &adas.number].map(String::clone));
    let [note, invoice] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(
        (note.kind, note.amount, note.invoice.as_ref()),
        (DocumentKind::CreditNote, credit.amount, Some(&adas.number))
    );
    assert_eq!(
        (invoice.kind, invoice.amount, invoice.credited),
        (DocumentKind::Invoice, adas.total, Some(credit.amount))
    );
    assert_eq!((invoice.order_id, invoice.customer_id, page.total), (adas.order_id, Some(ada_id), 2));

    let found = async |client: &Client, q: &str| {
        listed(client, InvoiceListQuery { q: Some(q.to_owned()), ..all.clone() }).await.0
    };
    assert_eq!(found(&world.client, &guests.number).await, std::slice::from_ref(&guests.number));
    assert_eq!(found(&world.client, &adas.order_id.to_string()).await, own);
    assert!(found(&ada, &guests.order_id.to_string()).await.is_empty(), "somebody else's");
    let first = listed(&world.client, InvoiceListQuery { limit: Some(2), ..all.clone() }).await.1;
    assert_eq!((first.items.len(), first.total), (2, 3));
    let rest = listed(&world.client, InvoiceListQuery { cursor: first.next_cursor, ..all.clone() }).await;
    assert_eq!((rest.0, rest.1.next_cursor), (vec![guests.number.clone()], None));
    for (query, status, code) in [
        (InvoiceListQuery { limit: Some(0), ..all.clone() }, 422, "invalid_values"),
        (InvoiceListQuery { cursor: Some("x".to_owned()), ..all.clone() }, 422, "invalid_values"),
    ] {
        let error = world.client.invoices(&query).await.expect_err("it is refused");
        let problem = error.problem().expect("with a problem");
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{query:?}");
    }
}

/// Half up, as the law has it: the VAT that is in a gross amount.
fn vat_in(gross: i64, rate: VatRate) -> i64 {
    let rate = i64::from(rate.thousandths_of_a_percent());
    let whole = 100_000 + rate;
    (2 * gross * rate + whole) / (2 * whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_with_a_voucher_has_the_vat_of_what_is_left_at_each_rate_to_the_cent() {
    let world = World::open().await;
    let large = world.a_basket(&world.product_at(10_001).await.id, 1).await;
    world.client.checkout(large.id, &checkout(&large, PaymentMethod::None), &key()).await.unwrap();
    world.wait_for_status(large.id, OrderStatus::Confirmed).await;
    let ship = Ship { carrier: "Snail".to_owned(), tracking_number: "1".to_owned(), estimated_delivery: None };
    world.client.ship(large.id, &ship, &key()).await.unwrap();
    let voucher =
        eventually("the voucher is issued", || async { world.client.voucher_issued(large.id).await.unwrap() });
    let voucher = voucher.await;

    let query = ProductQuery { limit: Some(100), ..ProductQuery::default() };
    let products = world.client.products(&query).await.unwrap().items;
    let mut rates: Vec<VatRate> = products.iter().map(|product| product.vat_rate_percent).collect();
    rates.sort_unstable();
    rates.dedup();
    assert!(rates.len() >= 2, "the demo range has several rates");
    let id = crate::world::an_order();
    for rate in &rates {
        let product = products.iter().find(|product| product.vat_rate_percent == *rate).unwrap();
        world.receive_stock(&product.id, 3).await;
        world.add(id, &product.id, 3).await.unwrap();
    }
    let basket = world.client.apply_voucher(id, &voucher.code).await.unwrap().value;
    assert_eq!(basket.total.amount, basket.subtotal.amount - 500);
    world.client.checkout(id, &checkout(&basket, PaymentMethod::None), &key()).await.unwrap();
    let (order, invoice) = world.invoice_of(id).await;
    assert_eq!((invoice.total, invoice.discount), (basket.total, order.discount));
    assert_eq!(invoice.tax.iter().map(|tax| tax.rate_percent).collect::<Vec<_>>(), rates);
    assert_eq!(invoice.tax.iter().map(|tax| tax.gross.amount).sum::<i64>(), basket.total.amount);
    for tax in &invoice.tax {
        let of_rate = invoice.lines.iter().filter(|line| line.vat_rate_percent == tax.rate_percent);
        let before: i64 = of_rate.map(|line| line.total.amount).sum();
        let share = 500.0 * before as f64 / basket.subtotal.amount as f64;
        let borne = (before - tax.gross.amount) as f64;
        assert!(
            (borne - share).abs() < 1.0,
            "{} % bears {borne} of the discount where {share} is its part",
            tax.rate_percent
        );
        assert_eq!(tax.amount.amount, vat_in(tax.gross.amount, tax.rate_percent), "{} %", tax.rate_percent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_gets_some_of_its_money_back_and_then_only_the_rest() {
    let world = World::open().await;
    let (ada, _) = a_customer(&world.client, 10_000).await;
    let add = AddItem { product_id: world.product_at(10_000).await.id, quantity: 1 };
    let basket = ada.add_item(crate::world::an_order(), &add, &key()).await.unwrap().value;
    ada.checkout(basket.id, &checkout(&basket, PaymentMethod::Wallet), &key()).await.unwrap();
    let (order, invoice) = world.invoice_of(basket.id).await;
    assert_eq!((balance(&ada).await, invoice.payment_reference.as_str()), (0, "wallet"));
    let once = key();
    for _ in 0..3 {
        ada.refund(order.id, &refund(Some(2_500)), &once).await.unwrap();
    }
    world.wait_for_invoice_credits(&invoice.number, 1).await;
    assert_eq!(balance(&ada).await, 2_500);
    let too_much = ada.refund(order.id, &refund(Some(7_501)), &key()).await;
    assert_eq!(refusal(too_much), (409, "refund_too_large".to_owned()));
    ada.refund(order.id, &refund(None), &key()).await.unwrap();
    let credits = world.wait_for_invoice_credits(&invoice.number, 2).await.credit_notes;
    assert_eq!(credits.iter().map(|note| note.amount.amount).collect::<Vec<_>>(), [2_500, 7_500]);
    let told = ada.movements(&MovementsQuery::default()).await.unwrap();
    let told: Vec<_> = told.items.iter().map(|item| (item.kind, item.amount.amount, item.balance.amount)).collect();
    assert_eq!(told[..2], [(MovementKind::Credited, 7_500, 10_000), (MovementKind::Credited, 2_500, 2_500)]);
    assert_eq!(refusal(ada.refund(order.id, &refund(Some(1)), &key()).await), (409, "nothing_to_refund".to_owned()));
}
