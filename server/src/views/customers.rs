//! The list of customers, the latest registration first, and the search by name and mail address.
//!
//! A deleted customer keeps a row without name and address, which is found by its id.

use serde::{Deserialize, Serialize};
use storefront_api::{CustomerId, CustomerListQuery, CustomerState, CustomerSummary, Page, Role, Timestamp};
use storefront_domain::customer::CustomerEvent;
use storefront_eventlog::{Position, Recorded};

use crate::store::{aggregates, streams};
use crate::views::engine::pages::{page as page_of, search_query};
use crate::views::engine::view::{Change, Rows, Terms, View, ViewError, indexed_words_of, word, words_and_parts};
use crate::views::rows::{ViewStore, ViewStoreError};

const NAME: &str = "customers";
/// The term of every customer.
const EVERY: &str = "every";

/// The view of customers: a row for each who registered, under its id.
pub(super) struct Customers;

/// A customer in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CustomerRow {
    id: CustomerId,
    state: StateRow,
    account: Option<AccountRow>,
    registered_ms: i64,
    /// The position of the registration, by which the list is sorted.
    registered: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AccountRow {
    email: String,
    name: String,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum StateRow {
    Active,
    Deactivated,
    Deleted,
}

impl View for Customers {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        1
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        customer_of(recorded).iter().map(ToString::to_string).collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        let Some(id) = customer_of(recorded) else { return Ok(Vec::new()) };
        let key = id.to_string();
        let event = aggregates::decode_shared::<CustomerEvent>(recorded)?;
        let row = match rows.get::<CustomerRow>(&key)? {
            Some(row) => Some(row.after(&event)),
            None => CustomerRow::registered(id, &event, recorded),
        };
        row.map(|row| Change::put(key, &row)).into_iter().collect()
    }

    fn terms(&self, key: &str, body: &str) -> Result<Terms, ViewError> {
        let row: CustomerRow = serde_json::from_str(body)?;
        let group = group(row.state.wire());
        let account = row.account.as_ref();
        let domain = account.and_then(|account| account.email.rsplit_once('@')).map(|(_, domain)| domain);
        let texts = account.into_iter().flat_map(|account| [account.email.as_str(), account.name.as_str()]);
        let words = texts.chain(domain).flat_map(words_and_parts).chain(indexed_words_of(key));
        let words = words.map(|text| word(&text, group)).collect::<Vec<_>>();
        let terms = [EVERY.to_owned(), group.to_owned()].into_iter().chain(words);
        Ok(terms.map(|term| (term, row.registered)).collect())
    }
}

fn customer_of(recorded: &Recorded) -> Option<CustomerId> {
    streams::id_in("customer", recorded.stream())
}

/// One page of the customers that a query wants. The cursor is the place of the last one of the page.
pub(super) async fn page(
    store: &ViewStore,
    query: &CustomerListQuery,
    before: Option<Position>,
    limit: usize,
) -> Result<Page<CustomerSummary>, ViewStoreError> {
    let group = query.state.map(group);
    let what = search_query(query.q.as_deref(), group.unwrap_or(EVERY).to_owned(), group);
    let summary = |body: &str| serde_json::from_str::<CustomerRow>(body).map(CustomerRow::summary);
    page_of(store, NAME, what, before, limit, summary).await
}

fn group(state: CustomerState) -> &'static str {
    match state {
        CustomerState::Active => "active",
        CustomerState::Deactivated => "deactivated",
        CustomerState::Deleted => "deleted",
        CustomerState::Unknown => "unknown",
    }
}

impl CustomerRow {
    /// A new customer; `None` for an event that registers none, such as the end of a guest's session.
    fn registered(id: CustomerId, event: &CustomerEvent, recorded: &Recorded) -> Option<Self> {
        let CustomerEvent::Registered { account } = event else { return None };
        let account = account.as_ref().map(|account| AccountRow {
            email: account.email.clone(),
            name: account.name.clone(),
            role: account.role,
        });
        Some(Self {
            id,
            state: StateRow::Active,
            account,
            registered_ms: recorded.time_ms,
            registered: i64::try_from(recorded.position.0).unwrap_or(i64::MAX),
        })
    }

    /// The customer after an event.
    fn after(mut self, event: &CustomerEvent) -> Self {
        match event {
            CustomerEvent::NameChanged { name } => {
                if let Some(account) = &mut self.account {
                    account.name.clone_from(name);
                }
            }
            CustomerEvent::Deactivated => self.state = StateRow::Deactivated,
            CustomerEvent::Reactivated => self.state = StateRow::Active,
            CustomerEvent::Deleted | CustomerEvent::Erased => {
                self.state = StateRow::Deleted;
                self.account = None;
            }
            CustomerEvent::Registered { .. }
            | CustomerEvent::LimitSet { .. }
            | CustomerEvent::PasswordChanged { .. }
            | CustomerEvent::PasswordReset { .. }
            | CustomerEvent::OneTimePasswordSet { .. }
            | CustomerEvent::RegistrationAttempted { .. }
            | CustomerEvent::AddressAdded(_)
            | CustomerEvent::AddressChanged(_)
            | CustomerEvent::AddressRemoved { .. }
            | CustomerEvent::DefaultAddressSet { .. }
            | CustomerEvent::SessionStarted(_)
            | CustomerEvent::SessionEnded { .. } => {}
        }
        self
    }

    fn summary(self) -> CustomerSummary {
        let (email, name, role) = match self.account {
            Some(AccountRow { email, name, role }) => (Some(email), Some(name), Some(role)),
            None => (None, None, None),
        };
        CustomerSummary {
            id: self.id,
            state: self.state.wire(),
            email,
            name,
            role,
            registered_at: Timestamp::from_unix_ms(self.registered_ms),
        }
    }
}

impl StateRow {
    fn wire(self) -> CustomerState {
        match self {
            Self::Active => CustomerState::Active,
            Self::Deactivated => CustomerState::Deactivated,
            Self::Deleted => CustomerState::Deleted,
        }
    }
}

#[cfg(test)]
mod tests {
    use storefront_api::SessionId;
    use storefront_domain::customer::{Account, PasswordHash};
    use uuid::Uuid;

    use super::*;
    use crate::testing::Log;

    fn customer(number: u128) -> CustomerId {
        CustomerId(Uuid::from_u128(number))
    }

    fn registered(email: &str, name: &str) -> CustomerEvent {
        let account = Account {
            email: email.to_owned(),
            name: name.to_owned(),
            password: PasswordHash("hash".to_owned()),
            must_change: false,
            role: Role::Customer,
        };
        CustomerEvent::Registered { account: Some(account) }
    }

    async fn ids(store: &ViewStore, q: &str, state: Option<CustomerState>) -> Vec<CustomerId> {
        let q = Some(q.to_owned()).filter(|q| !q.is_empty());
        let query = CustomerListQuery { q, state, ..CustomerListQuery::default() };
        let page = page(store, &query, None, 10).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|item| item.id).collect()
    }

    #[tokio::test]
    async fn customers_are_found_by_what_is_known_of_them_now_and_deleted_ones_by_their_id() {
        let [ada, bob, nobody, guest] = [1, 2, 3, 4].map(customer);
        let mut log = Log::default();
        let mut write = |id, event: &CustomerEvent| drop(log.write(&streams::customer(id), event));
        write(ada, &registered("ada@tea.example", "Ada Łucja Lovelace"));
        write(bob, &registered("bob.smith@mug.example", "Bob"));
        write(nobody, &CustomerEvent::Registered { account: None });
        write(guest, &CustomerEvent::SessionEnded { session_id: SessionId(Uuid::from_u128(9)) });
        write(guest, &CustomerEvent::Deleted);
        write(bob, &CustomerEvent::NameChanged { name: "Robert".to_owned() });
        write(bob, &CustomerEvent::Deactivated);
        let store = crate::views::rows::tests::filled(&Customers, &log.events).await;
        assert_eq!(ids(&store, "", None).await, [nobody, bob, ada], "the latest first; a guest is none");
        for (q, found) in [
            ("love", vec![ada]),
            ("lucja ad", vec![ada]),
            ("ada@tea", vec![ada]),
            ("mug.ex", vec![bob]),
            ("smith", vec![bob]),
            ("robert", vec![bob]),
            ("bob ada", vec![]),
            (&ada.to_string(), vec![ada]),
        ] {
            assert_eq!(ids(&store, q, None).await, found, "{q}");
        }
        assert_eq!(ids(&store, "robert", Some(CustomerState::Deactivated)).await, [bob]);
        assert_eq!(ids(&store, "robert", Some(CustomerState::Active)).await, []);
        assert_eq!(ids(&store, "", Some(CustomerState::Active)).await, [nobody, ada]);

        let mut write = |event: &CustomerEvent| drop(log.write(&streams::customer(bob), event));
        write(&CustomerEvent::Deleted);
        write(&CustomerEvent::Erased);
        let store = crate::views::rows::tests::filled(&Customers, &log.events).await;
        for q in ["robert", "bob", "mug", "smith", "erased"] {
            assert_eq!(ids(&store, q, None).await, [], "{q}");
        }
        assert_eq!(ids(&store, &bob.to_string(), None).await, [bob]);
        assert_eq!(ids(&store, "", Some(CustomerState::Deleted)).await, [bob]);
        let body = store.get(NAME, &bob.to_string()).await.unwrap().unwrap();
        assert!(!body.contains("Robert") && !body.contains("mug.example"), "{body}");
    }
}
