//! What is behind the screen Account in the small shop of the tests: one customer with a wallet, and a mailbox.

use storefront_api::{
    AddressId, Customer, CustomerId, DocumentKind, DocumentSummary, Movement, MovementKind, OrderId, Page, Role,
    SavedAddress, Session, SessionId, SessionKind, SessionsEnded, SignedIn, Timestamp, Token, Voucher, VoucherCode,
    VoucherStatus, Wallet,
};
use uuid::Uuid;

use super::{Client, START, an_event, eur};
use crate::state::session::{AccountAccepted, AccountRequest};
use crate::state::{Failure, Mail, Mails};
use crate::update::{Feed, FileKind, Msg, Request, Response};

/// What customers have.
#[derive(Default)]
pub(crate) struct Accounts {
    /// The one customer whom the shop knows.
    pub(crate) customer: Option<CustomerId>,
    pub(crate) movements: Vec<Movement>,
    pub(crate) vouchers: Vec<Voucher>,
    pub(crate) documents: Vec<DocumentSummary>,
    pub(crate) mails: Mails,
    /// Whether the shop has ended every session.
    pub(crate) sessions_ended: bool,
    /// The address book of whoever is signed in, in the order in which it was written.
    pub(crate) addresses: Vec<SavedAddress>,
    /// Number of tokens given.
    pub(crate) tokens: u64,
    /// The name of the account.
    pub(crate) name: String,
}

/// Who has an account in the shop.
pub(crate) const ADA: CustomerId = CustomerId(Uuid::from_u128(0xada));

/// A session with the token of a number, an hour long from the start of the tests on.
pub(crate) fn a_session(token: u64) -> SignedIn {
    SignedIn {
        token: Token(format!("st1.token-{token}")),
        expires_at: Timestamp::from_unix_ms(START + 3_600_000),
        session_id: SessionId(Uuid::from_u128(0x5e5)),
        session_expires_at: Timestamp::from_unix_ms(START + 30 * 86_400_000),
        customer_id: ADA,
        kind: SessionKind::Account,
        role: Role::Customer,
        must_change_password: false,
    }
}

/// The session of a guest.
pub(crate) fn a_guest() -> SignedIn {
    SignedIn {
        token: Token("st1.guest".to_owned()),
        customer_id: CustomerId(Uuid::from_u128(0x9e57)),
        kind: SessionKind::Guest,
        ..a_session(0)
    }
}

fn a_listed_session(number: u128, program: &str, current: bool) -> Session {
    let started_at = Timestamp::from_unix_ms(START - i64::try_from(number % 16).unwrap() * 60_000);
    Session {
        id: SessionId(Uuid::from_u128(number)),
        started_at,
        expires_at: Timestamp::from_unix_ms(START + 30 * 86_400_000),
        user_agent: Some(program.to_owned()),
        current,
    }
}

/// What the shop says to a token of a session that has ended.
pub(crate) fn session_over() -> Failure {
    let problem = storefront_api::Problem {
        status: 401,
        code: "session_invalid".into(),
        detail: "The session has ended.".into(),
        ..storefront_api::Problem::default()
    };
    Failure::Refused(Box::new(problem))
}

pub(crate) fn an_id(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

pub(crate) fn a_code(text: &str) -> VoucherCode {
    text.parse().unwrap()
}

pub(crate) fn a_movement(version: u64, kind: MovementKind, amount: i64, balance: i64) -> Movement {
    let order = matches!(kind, MovementKind::Charged | MovementKind::Credited);
    Movement {
        version,
        kind,
        amount: eur(amount),
        balance: eur(balance),
        time: Timestamp::from_unix_ms(START + i64::try_from(version).unwrap() * 60_000),
        order_id: order.then(|| an_id(1)),
        payment_id: None,
        reason: (kind == MovementKind::ToppedUp).then(|| "a gift".to_owned()),
    }
}

pub(crate) fn a_voucher(code: &str, status: VoucherStatus) -> Voucher {
    Voucher {
        code: a_code(code),
        amount: eur(500),
        status,
        customer_id: None,
        issued_for: an_id(1),
        issued_at: Timestamp::from_unix_ms(START),
        used_by: (status == VoucherStatus::Redeemed).then(|| an_id(2)),
    }
}

pub(crate) fn a_document(number: &str, amount: i64) -> DocumentSummary {
    let back = number.starts_with("CN");
    DocumentSummary {
        number: number.to_owned(),
        kind: if back { DocumentKind::CreditNote } else { DocumentKind::Invoice },
        order_id: an_id(1),
        order_number: "MM2X-33BA".into(),
        customer_id: None,
        issued_at: Timestamp::from_unix_ms(START),
        amount: eur(amount),
        credited: None,
        invoice: back.then(|| "2026-000001".to_owned()),
    }
}

pub(crate) fn a_mail(number: u64) -> Mail {
    let line = format!("{:<46}{:>18}", "1 × Enamel mug", "9.50 EUR");
    Mail {
        number,
        from: "shop@storefront.example".into(),
        to: "ada@example.com".into(),
        subject: format!("Your order MM2X-33B{number} is confirmed"),
        text: format!(
            "Hello Ada Example,\n\nThank you! Your order MM2X-33B{number} is confirmed, and we are packing it now.\n\n{line}\n"
        ),
        received_at: Timestamp::from_unix_ms(START + i64::try_from(number).unwrap() * 1_000),
    }
}

/// A document as long as real ones.
pub(crate) fn a_text(number: &str) -> String {
    let mut text = format!("{:<50}{:>28}\n{}\n", "Storefront", format!("Invoice {number}"), "=".repeat(78));
    for line in 1..=30 {
        text.push_str(&format!("{:<60}{:>18}\n", format!("{line} × Enamel mug"), "9.50"));
    }
    text
}

impl Accounts {
    fn wallet(&self, customer: CustomerId) -> Option<Wallet> {
        self.customer.filter(|known| *known == customer)?;
        let balance = self.movements.first().map_or(eur(0), |movement| movement.balance);
        Some(Wallet { customer_id: customer, balance, version: self.movements.len() as u64 })
    }

    fn me(&self) -> Customer {
        Customer {
            id: ADA,
            spending_limit: eur(1_000_000),
            email: Some("ada@example.com".into()),
            name: Some(if self.name.is_empty() { "Ada Lovelace".into() } else { self.name.clone() }),
            role: Some(Role::Customer),
            deactivated: false,
            version: 1,
        }
    }

    fn token(&mut self) -> SignedIn {
        self.tokens += 1;
        a_session(self.tokens)
    }

    /// Does what a form asks for.
    pub(super) fn agree(&mut self, request: AccountRequest) -> AccountAccepted {
        match request {
            AccountRequest::SignIn(_) | AccountRequest::Register { .. } => {
                (self.customer, self.sessions_ended) = (Some(ADA), false);
                self.movements = vec![a_movement(1, MovementKind::Opened, 1_000_000, 1_000_000)];
                AccountAccepted::SignedIn(Box::new(self.token()))
            }
            AccountRequest::Password(_) => AccountAccepted::SignedIn(Box::new(self.token())),
            AccountRequest::Name(change) => {
                self.name = change.name;
                AccountAccepted::Profile(Box::new(self.me()))
            }
            AccountRequest::AddAddress(new) => {
                let id = AddressId(Uuid::from_u128(self.addresses.len() as u128 + 1));
                let saved = SavedAddress { id, label: new.label, address: new.address, default: false };
                self.addresses.push(saved.clone());
                AccountAccepted::Address(Box::new(saved))
            }
            AccountRequest::ChangeAddress(id, new) => {
                let saved = self.addresses.iter_mut().find(|saved| saved.id == id).unwrap();
                (saved.label, saved.address) = (new.label, new.address);
                AccountAccepted::Address(Box::new(saved.clone()))
            }
            AccountRequest::RemoveAddress(id) => {
                let at = self.addresses.iter().position(|saved| saved.id == id).unwrap();
                AccountAccepted::Address(Box::new(self.addresses.remove(at)))
            }
            AccountRequest::DefaultAddress(id) => {
                for saved in &mut self.addresses {
                    saved.default = saved.id == id;
                }
                let saved = self.addresses.iter().find(|saved| saved.id == id).unwrap();
                AccountAccepted::Address(Box::new(saved.clone()))
            }
            AccountRequest::EndSession(_)
            | AccountRequest::EndOtherSessions
            | AccountRequest::SignOut
            | AccountRequest::Delete(_) => AccountAccepted::Ended(SessionsEnded { ended: 1 }),
        }
    }

    pub(super) fn answer(&mut self, request: Request) -> Response {
        match request {
            Request::Register { customer, key } => {
                self.customer = Some(customer);
                self.movements = vec![a_movement(1, MovementKind::Opened, 1_000_000, 1_000_000)];
                let customer = Customer {
                    id: customer,
                    spending_limit: eur(1_000_000),
                    email: None,
                    name: None,
                    role: None,
                    deactivated: false,
                    version: 1,
                };
                Response::Registered { key, result: Ok(customer) }
            }
            Request::Renew { key } if self.sessions_ended => Response::Renewed { key, result: Err(session_over()) },
            Request::Renew { key } => Response::Renewed { key, result: Ok(self.token()) },
            Request::Me { customer } if self.sessions_ended => Response::Me { customer, result: Err(session_over()) },
            Request::Me { customer } => Response::Me { customer, result: Ok(self.me()) },
            Request::Sessions { ask } => {
                let sessions = [
                    a_listed_session(0x5e5, "storefront-client/0.1.0", true),
                    a_listed_session(0x5e7, "curl/8.5", false),
                ];
                Response::Sessions { ask, result: Ok(page(&sessions)) }
            }
            Request::Addresses { ask } => Response::Addresses { ask, result: Ok(page(&self.addresses)) },
            Request::Wallet { customer } => Response::Wallet { customer, result: Ok(self.wallet(customer)) },
            Request::Movements { ask, .. } => Response::Movements { ask, result: Ok(page(&self.movements)) },
            Request::Vouchers { ask, .. } => Response::Vouchers { ask, result: Ok(page(&self.vouchers)) },
            Request::Invoices { ask, .. } => Response::Invoices { ask, result: Ok(page(&self.documents)) },
            Request::Mails { ask, after, .. } => {
                let Mails { mails, head } = self.mails.clone();
                let mails = mails.into_iter().filter(|mail| mail.number > after).collect();
                Response::Mails { ask, result: Ok(Mails { mails, head }) }
            }
            Request::DocumentText { number } => Response::DocumentText { result: Ok(a_text(&number)), number },
            Request::DocumentFile { number, kind } => {
                let contents = match kind {
                    FileKind::Pdf => b"%PDF".to_vec(),
                    FileKind::Text => a_text(&number).into_bytes(),
                };
                Response::DocumentFile { number, kind, result: Ok(contents) }
            }
            Request::OrderDocuments { order, .. } => {
                Response::OrderDocuments { order, result: Ok((None, self.vouchers.first().cloned())) }
            }
            other => panic!("{other:?} is not about an account"),
        }
    }
}

fn page<T: Clone>(items: &[T]) -> Page<T> {
    Page { items: items.to_vec(), next_cursor: None, total: items.len() as u64 }
}

impl Client {
    /// A guest on the screen Account, in a shop with a mailbox.
    pub(crate) fn at_the_account() -> Self {
        let mut client = Self::in_a_full_shop();
        client.model.mailbox_url = Some("http://127.0.0.1:7071/mail".into());
        client.press("8");
        client.answer_all();
        client
    }

    /// A customer on the screen Account who has some of everything.
    pub(crate) fn with_a_wallet() -> Self {
        let mut client = Self::at_the_account();
        client.press("<Enter>");
        client.answer_all();
        let accounts = &mut client.accounts;
        accounts.movements = vec![
            a_movement(4, MovementKind::Credited, 14_050, 1_005_000),
            a_movement(3, MovementKind::Charged, -14_050, 990_950),
            a_movement(2, MovementKind::ToppedUp, 5_000, 1_005_000),
            a_movement(1, MovementKind::Opened, 1_000_000, 1_000_000),
        ];
        accounts.vouchers = vec![
            a_voucher("k3v9q", VoucherStatus::Issued),
            a_voucher("a0b1c", VoucherStatus::Reserved),
            a_voucher("zz9aa", VoucherStatus::Redeemed),
            a_voucher("q0q0q", VoucherStatus::Revoked),
        ];
        accounts.documents = vec![a_document("CN-2026-000001", 950), a_document("2026-000001", 14_050)];
        accounts.mails = Mails { mails: vec![a_mail(1), a_mail(2), a_mail(3)], head: 3 };
        let customer = client.model.account.customer.unwrap();
        client.account_news("wallet.charged", &customer.to_string());
        client.wait_ms(10_000);
        client.answer_all();
        client
    }

    /// Something happens to what customers have: `voucher.issued` about `k3v9q`.
    pub(crate) fn account_news(&mut self, kind: &str, about: &str) {
        self.head += 1;
        let events = vec![an_event(self.head, kind, about)];
        self.take(Msg::Feed(Feed::NewEvents { events }));
    }
}
