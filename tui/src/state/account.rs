//! State of the screen Account: the customer and their wallet, vouchers, invoices and mail.

use std::collections::BTreeMap;

use storefront_api::{CustomerId, DocumentSummary, Money, Movement, Page, Timestamp, Voucher, Wallet};

use crate::keys::Context;
use crate::settings::Settings;
use crate::state::{Failure, List, Load, RetryState};

/// A part of the screen Account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    #[default]
    Wallet,
    Vouchers,
    Invoices,
    Mailbox,
    Profile,
}

impl Part {
    /// All parts, in the order of the screen.
    pub(crate) const ALL: [Self; 5] = [Self::Wallet, Self::Vouchers, Self::Invoices, Self::Mailbox, Self::Profile];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "Wallet",
            Self::Vouchers => "Vouchers",
            Self::Invoices => "Invoices",
            Self::Mailbox => "Mailbox",
            Self::Profile => "Profile",
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

/// A paged list, newest first.
#[derive(Debug)]
pub(crate) struct AccountList<T> {
    pub(crate) items: Vec<T>,
    /// Total number of items in the shop.
    pub(crate) total: usize,
    pub(crate) next_cursor: Option<String>,
    pub(crate) load: Load,
    /// Whether a request is running.
    pub(crate) asking: bool,
    /// Number of the latest request; responses to earlier ones are dropped.
    pub(crate) sequence: u64,
    pub(crate) list: List,
    /// When to fetch again, after a change or a failure.
    pub(crate) refresh_at: Option<Timestamp>,
    /// Number of consecutive failures.
    pub(crate) retries: u32,
}

impl<T> Default for AccountList<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            total: 0,
            next_cursor: None,
            load: Load::Loading,
            asking: false,
            sequence: 0,
            list: List::default(),
            refresh_at: None,
            retries: 0,
        }
    }
}

impl<T> AccountList<T> {
    pub(crate) fn selected(&self) -> Option<&T> {
        self.items.get(self.list.cursor)
    }

    /// Starts a request for the first page; returns its number.
    pub(crate) fn ask(&mut self) -> u64 {
        self.refresh_at = None;
        self.asking = true;
        self.sequence += 1;
        self.sequence
    }

    /// Returns the cursor of the next page when the selection comes near the end, and starts the request.
    pub(crate) fn ask_for_more(&mut self) -> Option<String> {
        const PREFETCH_MARGIN: usize = 10;
        if self.asking || self.list.cursor + PREFETCH_MARGIN < self.items.len() {
            return None;
        }
        let cursor = self.next_cursor.clone()?;
        self.asking = true;
        Some(cursor)
    }

    /// Stores a page. The selection stays on the item with the same name, unless it is the first.
    pub(crate) fn take<K: PartialEq>(&mut self, more: bool, page: Page<T>, name: impl Fn(&T) -> K) {
        let chosen = self.selected().map(&name).filter(|_| self.list.cursor > 0);
        if !more {
            self.items.clear();
        }
        self.items.extend(page.items);
        self.total = usize::try_from(page.total).unwrap_or(usize::MAX).max(self.items.len());
        self.next_cursor = page.next_cursor;
        (self.load, self.asking, self.retries) = (Load::Ready, false, 0);
        if let Some(place) = chosen.and_then(|chosen| self.items.iter().position(|item| name(item) == chosen)) {
            self.list.cursor = place;
        }
        self.list.clamp(self.items.len());
    }

    /// Records a failure; the items stay.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.asking = false;
        self.retries = self.retries.saturating_add(1);
        if self.load != Load::Ready {
            self.load = Load::Failed(failure);
        }
    }

    /// Clears the list but keeps the request number, so that old responses are dropped.
    pub(crate) fn forget(&mut self) {
        *self = Self { sequence: self.sequence + 1, ..Self::default() };
    }
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The customer id in this shop; `None` for a guest.
    pub(crate) customer: Option<CustomerId>,
    pub(crate) registration: Option<Registration>,
    /// The guest's basket is transferred to the customer as soon as none of its changes is being sent.
    pub(crate) hand_over: bool,
    pub(crate) part: Part,
    pub(crate) wallet: Option<Wallet>,
    pub(crate) movements: AccountList<Movement>,
    pub(crate) vouchers: AccountList<Voucher>,
    pub(crate) invoices: AccountList<DocumentSummary>,
    pub(crate) mails: AccountList<Mail>,
}

impl Account {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { customer: settings.customer, ..Self::default() }
    }

    /// The balance of the wallet, once it is known.
    pub(crate) fn balance(&self) -> Option<Money> {
        self.wallet.as_ref().map(|wallet| wallet.balance)
    }

    /// The key context of the screen.
    pub(crate) fn context(&self, has_mailbox: bool) -> Context {
        match self.part {
            Part::Wallet | Part::Vouchers if self.registration.is_some() => Context::Account,
            Part::Wallet | Part::Vouchers if self.customer.is_none() => Context::NoWallet,
            Part::Wallet => Context::Wallet,
            Part::Vouchers => Context::Vouchers,
            Part::Invoices => Context::Invoices,
            Part::Mailbox if has_mailbox => Context::Mailbox,
            Part::Profile if self.customer.is_some() => Context::Profile,
            Part::Mailbox | Part::Profile => Context::Account,
        }
    }

    /// Clears every list and the balance: another shop may run at the same address.
    pub(crate) fn forget_lists(&mut self) {
        self.wallet = None;
        self.movements.forget();
        self.vouchers.forget();
        self.invoices.forget();
        self.mails.forget();
    }

    /// The number of the newest loaded mail.
    pub(crate) fn last_mail(&self) -> u64 {
        self.mails.items.first().map_or(0, |mail| mail.number)
    }

    /// Adds mails that arrived after the loaded ones.
    pub(crate) fn take_mails(&mut self, news: Mails) {
        const MAX_MAILS: usize = 200;
        let known = self.mails.items.iter().cloned();
        let all: BTreeMap<u64, Mail> = known.chain(news.mails).map(|mail| (mail.number, mail)).collect();
        let items: Vec<Mail> = all.into_values().rev().take(MAX_MAILS).collect();
        let total = items.len() as u64;
        self.mails.take(false, Page { items, next_cursor: None, total }, |mail| mail.number);
    }
}
