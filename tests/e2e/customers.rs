//! Operators list and search the customers.

use storefront_api::{
    ChangeProfile, CustomerId, CustomerListQuery, CustomerState, DeleteAccount, Password, Role, SignIn,
};
use storefront_client::{Client, IdempotencyKey};

use crate::people::PASSWORD;
use crate::secured::{OPERATOR_PASSWORD, Secured, ask};

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

async fn found(operator: &Client, q: &str, state: Option<CustomerState>, position: u64) -> Vec<CustomerId> {
    let q = Some(q.to_owned()).filter(|q| !q.is_empty());
    let query = CustomerListQuery { q, state, min_position: Some(position), ..CustomerListQuery::default() };
    operator.customers(&query).await.unwrap().items.into_iter().map(|customer| customer.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_customers_by_parts_of_name_and_address_and_by_state_until_they_are_deleted() {
    let shop = Secured::open().await;
    let (ada, bob) = (shop.customer("ada@tea.example").await, shop.customer("bob.smith@mug.example").await);
    let [ada_id, bob_id] = [&ada, &bob].map(|shopper| shopper.id.parse::<CustomerId>().unwrap());
    let renamed = ada.client.change_profile(&ChangeProfile { name: "Countess Ada".to_owned() }).await.unwrap();
    let position = renamed.position.unwrap();
    for (q, expected) in [
        ("count", vec![ada_id]),
        ("lovelace", vec![bob_id]),
        ("tea.example", vec![ada_id]),
        ("SMITH mug", vec![bob_id]),
        ("nobody", vec![]),
        (&*bob.id, vec![bob_id]),
    ] {
        assert_eq!(found(&shop.operator, q, None, position).await, expected, "{q}");
    }
    let first = CustomerListQuery { limit: Some(2), min_position: Some(position), ..CustomerListQuery::default() };
    let page = shop.operator.customers(&first).await.unwrap();
    assert_eq!((page.total, page.items[0].id, page.items[1].id), (3, bob_id, ada_id), "the latest first");
    assert_eq!(page.items[1].name.as_deref(), Some("Countess Ada"));
    let second = CustomerListQuery { cursor: page.next_cursor, ..first };
    let page = shop.operator.customers(&second).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].role, page.next_cursor), (1, Some(Role::Operator), None));

    let position = shop.operator.deactivate(bob_id, &key()).await.unwrap().position.unwrap();
    let deactivated = Some(CustomerState::Deactivated);
    assert_eq!(found(&shop.operator, "", deactivated, position).await, [bob_id]);
    assert_eq!(found(&shop.operator, "bob", Some(CustomerState::Active), position).await, []);

    let delete = DeleteAccount { current_password: Password(PASSWORD.to_owned()) };
    let position = ada.client.delete_account(&delete).await.unwrap().position.unwrap();
    for q in ["countess", "tea", "ada@tea.example"] {
        assert_eq!(found(&shop.operator, q, None, position).await, [], "{q}");
    }
    assert_eq!(found(&shop.operator, &ada.id, None, position).await, [ada_id], "by the id alone");
    assert_eq!(found(&shop.operator, "", Some(CustomerState::Deleted), position).await, [ada_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_customers_is_for_operators() {
    let shop = Secured::open().await;
    let (ada, guest) = (shop.customer("ada@example.com").await, shop.guest().await);
    let answer = async |token: Option<&str>, path: &str| ask(&shop.world, token, "get", path, None).await;
    for token in [&ada.token, &guest.token] {
        assert_eq!(answer(Some(token), "/v1/customers?q=ada").await, (403, "operators_only".to_owned()));
    }
    assert_eq!(answer(None, "/v1/customers").await, (401, "session_required".to_owned()));
    let sign_in =
        SignIn { email: "operator@storefront.example".to_owned(), password: Password(OPERATOR_PASSWORD.to_owned()) };
    let operator = shop.world.client.sign_in(&sign_in, &key()).await.unwrap().value.token.0;
    assert_eq!(answer(Some(&operator), "/v1/customers?state=active&limit=1").await.0, 200);
    for path in ["?limit=0", "?limit=101", "?cursor=x", "?state=unknown", "?page=2"] {
        let answer = answer(Some(&operator), &format!("/v1/customers{path}")).await;
        assert!([400, 422].contains(&answer.0), "{path}: {answer:?}");
    }
}
