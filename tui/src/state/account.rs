//! State of the screen Account: the customer, their session, and their wallet, vouchers, invoices and mail.

use std::collections::BTreeMap;

use storefront_api::{
    Customer, CustomerId, DocumentSummary, Money, Movement, Page, Role, SavedAddress, Session, SessionKind, SignedIn,
    Timestamp, Voucher, Wallet,
};

use crate::keys::Context;
use crate::settings::Settings;
use crate::state::session::Renewal;
use crate::state::{PageRequest, PagedList, RetryState};

/// A part of the screen Account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    #[default]
    Wallet,
    Vouchers,
    Invoices,
    Mailbox,
    Profile,
    Sessions,
    Addresses,
}

impl Part {
    /// All parts, in the order of the screen.
    pub(crate) const ALL: [Self; 7] =
        [Self::Wallet, Self::Vouchers, Self::Invoices, Self::Mailbox, Self::Profile, Self::Sessions, Self::Addresses];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "Wallet",
            Self::Vouchers => "Vouchers",
            Self::Invoices => "Invoices",
            Self::Mailbox => "Mailbox",
            Self::Profile => "Profile",
            Self::Sessions => "Sessions",
            Self::Addresses => "Addresses",
        }
    }

    /// The part `by` places further, wrapping around.
    pub(crate) fn step(self, by: isize) -> Self {
        Self::ALL[(self as usize + Self::ALL.len()).saturating_add_signed(by) % Self::ALL.len()]
    }
}

/// A registration that is being sent. Its key stays the same until there is a definite response.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) customer: CustomerId,
    pub(crate) key: String,
    pub(crate) in_flight: bool,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) tries: RetryState,
}

/// A mail of the demo's mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Its number in the mailbox: 1, 2, 3, …
    pub(crate) number: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) received_at: Timestamp,
}

/// A page of mails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mails {
    /// Oldest first.
    pub(crate) mails: Vec<Mail>,
    /// The number of the latest mail, also of one that was deleted.
    pub(crate) head: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The customer id in this shop: who is signed in, otherwise the number of this computer; `None` for a guest.
    pub(crate) customer: Option<CustomerId>,
    /// The session of who is signed in, or of the guest in a shop where everybody needs one.
    pub(crate) session: Option<SignedIn>,
    /// Whether a guest's session is being asked for.
    pub(crate) beginning: bool,
    /// The number of this computer while somebody is signed in, who has another.
    number: Option<CustomerId>,
    /// Who is signed in, once it is known.
    pub(crate) me: Option<Customer>,
    pub(crate) renewal: Renewal,
    pub(crate) registration: Option<Registration>,
    /// The guest's basket is transferred to the customer as soon as none of its changes is being sent.
    pub(crate) hand_over: bool,
    pub(crate) part: Part,
    pub(crate) wallet: Option<Wallet>,
    pub(crate) movements: PagedList<Movement>,
    pub(crate) vouchers: PagedList<Voucher>,
    pub(crate) invoices: PagedList<DocumentSummary>,
    pub(crate) mails: PagedList<Mail>,
    pub(crate) sessions: PagedList<Session>,
    pub(crate) addresses: PagedList<SavedAddress>,
}

impl Account {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { customer: settings.customer, ..Self::default() }
    }

    /// The customer number of this computer, which is used without signing in.
    pub(crate) fn number(&self) -> Option<CustomerId> {
        if self.session.is_some() { self.number } else { self.customer }
    }

    /// Whether somebody is signed in to an account.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.kind == SessionKind::Account)
    }

    /// Whether an operator is signed in.
    pub(crate) fn is_operator(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.role == Role::Operator)
    }

    /// The customer who may have a wallet; `None` for a guest.
    pub(crate) fn registered(&self) -> Option<CustomerId> {
        self.customer.filter(|_| self.session.as_ref().is_none_or(|session| session.kind == SessionKind::Account))
    }

    /// Takes the session of the last run, whose token is renewed first of all.
    pub(crate) fn resume(&mut self, session: SignedIn, now: Timestamp) {
        self.take_session(session, now);
        self.renewal = Renewal::due(now);
    }

    /// Takes a token: of a new session, or another one of the same.
    pub(crate) fn take_session(&mut self, session: SignedIn, now: Timestamp) {
        if self.session.is_none() {
            self.number = self.customer;
        }
        if self.customer != Some(session.customer_id) {
            (self.customer, self.me) = (Some(session.customer_id), None);
            self.forget_lists();
        }
        self.renewal = Renewal::of(&session, now);
        self.session = Some(session);
    }

    /// Forgets who was signed in.
    pub(crate) fn drop_session(&mut self) {
        self.customer = self.number();
        (self.session, self.number, self.me) = (None, None, None);
        self.renewal = Renewal::default();
        self.forget_lists();
    }

    /// The balance of the wallet, once it is known.
    pub(crate) fn balance(&self) -> Option<Money> {
        self.wallet.as_ref().map(|wallet| wallet.balance)
    }

    /// The key context of the screen.
    pub(crate) fn context(&self, has_mailbox: bool) -> Context {
        match self.part {
            Part::Wallet | Part::Vouchers if self.registration.is_some() => Context::Account,
            Part::Wallet | Part::Vouchers if self.registered().is_none() => Context::NoWallet,
            Part::Wallet => Context::Wallet,
            Part::Vouchers => Context::Vouchers,
            Part::Invoices => Context::Invoices,
            Part::Mailbox if has_mailbox => Context::Mailbox,
            Part::Mailbox => Context::Account,
            Part::Profile if self.is_signed_in() => Context::SignedIn,
            Part::Sessions if self.is_signed_in() => Context::Sessions,
            Part::Addresses if self.is_signed_in() => Context::Addresses,
            Part::Profile | Part::Sessions | Part::Addresses => Context::Profile,
        }
    }

    /// Clears every list and the balance: another shop may run at the same address.
    pub(crate) fn forget_lists(&mut self) {
        self.wallet = None;
        self.movements.forget();
        self.vouchers.forget();
        self.invoices.forget();
        self.mails.forget();
        self.sessions.forget();
        self.addresses.forget();
    }

    /// The number of the newest loaded mail.
    pub(crate) fn last_mail(&self) -> u64 {
        self.mails.items.get(0).map_or(0, |mail| mail.number)
    }

    /// Adds mails that arrived after the loaded ones.
    pub(crate) fn take_mails(&mut self, ask: &PageRequest, news: Mails) {
        const MAX_MAILS: usize = 200;
        let known = self.mails.items.iter().map(|(_, mail)| mail.clone());
        let all: BTreeMap<u64, Mail> = known.chain(news.mails).map(|mail| (mail.number, mail)).collect();
        let items: Vec<Mail> = all.into_values().rev().take(MAX_MAILS).collect();
        let total = items.len() as u64;
        self.mails.put(ask, Ok(Page { items, next_cursor: None, total }), |mail| mail.number);
    }
}
