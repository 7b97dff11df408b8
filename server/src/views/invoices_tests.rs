//! The list of invoices and credit notes, from events on paper.

use storefront_domain::OrderNumber;
use storefront_domain::invoice::CreditNoteNumber;
use uuid::Uuid;

use super::*;
use crate::testing::{Log, address, euro, order};

fn customer(number: u128) -> CustomerId {
    CustomerId(Uuid::from_u128(number))
}

fn number(sequence: u64) -> InvoiceNumber {
    InvoiceNumber { year: 2026, sequence }
}

/// The invoice of the order with the same number.
fn issued(sequence: u64, customer_id: Option<CustomerId>, total: i64) -> InvoiceEvent {
    InvoiceEvent::Issued(Box::new(Invoice {
        number: number(sequence),
        order_id: order(u128::from(sequence)),
        order_number: OrderNumber::from_position(sequence),
        customer_id,
        email: "ada@example.com".to_owned(),
        address: address(),
        seller: None,
        supplied_at: None,
        issued_at: Timestamp::from_unix_ms(i64::try_from(sequence).unwrap()),
        lines: Vec::new(),
        discount: euro(0),
        tax: Vec::new(),
        total: euro(total),
        payment_reference: "card pi_1".to_owned(),
    }))
}

fn credited(sequence: u64, amount: i64) -> InvoiceEvent {
    InvoiceEvent::Credited(CreditNote {
        number: CreditNoteNumber { year: 2026, sequence },
        issued_at: Timestamp::from_unix_ms(77),
        amount: euro(amount),
        tax: Vec::new(),
        refund_reference: format!("re_{sequence}"),
        cancels: None,
    })
}

/// Three invoices, of customer 1, of customer 2 and of a guest; of the first some went back, twice.
async fn filled() -> ViewStore {
    let mut log = Log::default();
    log.write(&streams::invoice(number(1)), &issued(1, Some(customer(1)), 5000));
    log.write(&streams::invoice(number(2)), &issued(2, Some(customer(2)), 6000));
    log.write(&streams::invoice(number(1)), &credited(1, 1000));
    log.write(&streams::invoice(number(3)), &issued(3, None, 7000));
    log.write(&streams::invoice(number(1)), &credited(2, 250));
    crate::views::rows::tests::filled(&Invoices, &log.events).await
}

async fn listed(store: &ViewStore, q: Option<&str>, owner: Option<CustomerId>) -> Vec<String> {
    let query = InvoiceListQuery { q: q.map(str::to_owned), ..InvoiceListQuery::default() };
    let page = page(store, &query, owner, None, 20).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64, "{q:?}");
    page.items.into_iter().map(|item| item.number).collect()
}

#[tokio::test]
async fn everybodys_documents_stand_newest_first_and_a_customer_sees_their_own() {
    let store = filled().await;
    let all = ["CN-2026-000002", "2026-000003", "CN-2026-000001", "2026-000002", "2026-000001"];
    assert_eq!(listed(&store, None, None).await, all);
    assert_eq!(listed(&store, Some("  "), None).await, all);
    let own = ["CN-2026-000002", "CN-2026-000001", "2026-000001"];
    assert_eq!(listed(&store, None, Some(customer(1))).await, own);
    assert_eq!(listed(&store, None, Some(customer(2))).await, ["2026-000002"]);
    assert!(listed(&store, None, Some(customer(9))).await.is_empty());
}

#[tokio::test]
async fn a_document_is_found_by_its_number_by_its_order_and_by_the_invoice_that_it_credits() {
    let store = filled().await;
    let of_the_first = ["CN-2026-000002", "CN-2026-000001", "2026-000001"];
    assert_eq!(listed(&store, Some("2026-000001"), None).await, of_the_first);
    assert_eq!(listed(&store, Some(&order(1).to_string()), None).await, of_the_first);
    assert_eq!(listed(&store, Some(&OrderNumber::from_position(2).to_string()), None).await, ["2026-000002"]);
    assert_eq!(listed(&store, Some("cn-2026"), None).await, ["CN-2026-000002", "CN-2026-000001"]);
    assert_eq!(listed(&store, Some("CN-2026-000001"), None).await, ["CN-2026-000001"]);
    assert!(listed(&store, Some("CN-2026-000009"), None).await.is_empty());
    assert!(listed(&store, Some("%"), None).await.is_empty(), "a sign is in no document");
    let others = listed(&store, Some("2026-000002"), Some(customer(1))).await;
    assert!(others.is_empty(), "nobody finds somebody else's: {others:?}");
    assert_eq!(listed(&store, Some("2026"), Some(customer(1))).await, of_the_first);
}

#[tokio::test]
async fn an_invoice_says_how_much_of_it_went_back_and_a_credit_note_what_it_credits() {
    let store = filled().await;
    let query = InvoiceListQuery::default();
    let all = page(&store, &query, Some(customer(1)), None, 20).await.unwrap().items;
    let [second, first, invoice] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((invoice.kind, invoice.amount, invoice.credited), (DocumentKind::Invoice, euro(5000), Some(euro(1250))));
    assert_eq!(invoice.invoice, None);
    assert_eq!((first.kind, first.amount, first.credited), (DocumentKind::CreditNote, euro(1000), None));
    assert_eq!((first.invoice.as_deref(), first.issued_at), (Some("2026-000001"), Timestamp::from_unix_ms(77)));
    assert_eq!((second.order_id, second.customer_id, second.amount), (order(1), Some(customer(1)), euro(250)));
}

#[tokio::test]
async fn pages_join_without_gap_or_repeat() {
    let store = filled().await;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = page(&store, &InvoiceListQuery::default(), None, before, 2).await.unwrap();
        assert_eq!(page.total, 5);
        found.extend(page.items.into_iter().map(|item| item.number));
        let Some(cursor) = page.next_cursor else { break };
        before = Some(Position(cursor.parse().unwrap()));
    }
    assert_eq!(found, listed(&store, None, None).await);
}
