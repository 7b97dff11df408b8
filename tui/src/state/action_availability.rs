//! Which actions the hint bar shows: keys that would do nothing at this moment are left out. Help and palette list them
//! all the same, and pressing one says why it does nothing.

use storefront_api::{OrderStatus, ParkedState, PaymentStatus, VoucherStatus};

use crate::keys::{Action, Context};
use crate::state::account::Part as Account;
use crate::state::lab::Side;
use crate::state::{DocumentView, Load, Model, Page, Part, Row, Screen, Shop, Waiting};

impl Model {
    /// Whether an action does something at this moment.
    pub(crate) fn is_available(&self, action: Action) -> bool {
        if let Some(paper) = &self.paper {
            return self.paper_offers(paper, action);
        }
        // Ids can be copied on most screens; the hint bar has room for it where nothing else leads on.
        let on_the_parcel = self.screen_context() == Context::Parcel;
        if action == Action::CopyId && self.screen != Screen::Account && !on_the_parcel {
            return self.screen == Screen::Checkout && self.confirmation_link().is_some();
        }
        match self.screen {
            closed if self.is_closed(closed) => true,
            Screen::Shop => match action {
                Action::Add | Action::OpenProduct => self.shop.selected().is_some(),
                Action::TakeOut => self.shop.selected().is_some_and(|product| self.basket.quantity_of(&product.id) > 0),
                Action::NextProduct => self.shop.products.total > 1,
                Action::Cards => Shop::room_for_cards(self.own_size()).is_some(),
                Action::CheckOut => !self.basket.is_empty(),
                _ => true,
            },
            Screen::Basket => match action {
                Action::Undo => !self.basket.removed.is_empty(),
                Action::CheckOut | Action::More | Action::Fewer | Action::Remove | Action::EmptyBasket => {
                    !self.basket.lines().is_empty()
                }
                // A voucher applies to what the shop has confirmed.
                Action::EnterVoucher => !self.basket.lines().is_empty() && self.basket.pending.is_empty(),
                _ => true,
            },
            Screen::Orders => action != Action::OpenOrder || self.orders.selected().is_some(),
            Screen::Order => self.order_offers(action),
            Screen::Log => match action {
                Action::Detail | Action::OnlyThisOrder => self.log.selected().is_some(),
                _ => true,
            },
            Screen::Processes => self.processes_offer(action),
            Screen::Lab => self.lab_offers(action),
            Screen::Counter => self.counter_offers(action),
            Screen::Account => self.account_offers(action),
            Screen::Checkout | Screen::Replay => true,
        }
    }

    /// Whether something is open that the key to close takes away before it quits.
    pub(crate) fn has_a_layer(&self) -> bool {
        let detail = match self.screen {
            Screen::Log => self.log.detail,
            Screen::Replay => self.order.as_ref().is_some_and(|open| open.detail),
            _ => false,
        };
        let inside = self.screen == Screen::Processes && self.processes.inside;
        let page = self.screen == Screen::Shop && self.shop.page;
        self.paper.is_some() || detail || inside || page || matches!(self.screen, Screen::Order | Screen::Checkout)
    }

    fn order_offers(&self, action: Action) -> bool {
        let order = self.order.as_ref().and_then(|open| open.order.as_ref());
        let status = order.map(|order| order.status);
        match action {
            Action::BuyAgain => order.is_some_and(|order| order.id != self.basket.order_id && !order.items.is_empty()),
            Action::CopyId => order.is_some_and(|order| order.number.is_some()),
            Action::AdoptBasket => status == Some(OrderStatus::InProgress),
            Action::CancelOrder => matches!(status, Some(OrderStatus::CheckedOut | OrderStatus::Confirmed)),
            Action::OpenPaper => order.is_some_and(|order| order.invoice.is_some()),
            Action::Detail | Action::GoToCause | Action::GoToEffect | Action::NextView | Action::Pause => {
                self.order.as_ref().is_some_and(|open| !open.events.is_empty())
            }
            _ => true,
        }
    }

    fn processes_offer(&self, action: Action) -> bool {
        let processes = &self.processes;
        match action {
            Action::Pause => processes.selected().is_some(),
            Action::NextEvent => processes.selected().is_some_and(|row| processes.is_paused(&row)),
            Action::OpenOrder if processes.inside => {
                processes.chosen_waiting().is_some_and(|waiting| waiting.order().is_some())
            }
            Action::OpenOrder => !processes.waiting().is_empty(),
            Action::RetryParked | Action::SkipParked => {
                let parked = |line: Waiting<'_>| matches!(line, Waiting::Parked(it) if it.state == ParkedState::Parked);
                processes.chosen_waiting().is_some_and(parked)
            }
            Action::Rebuild => matches!(processes.selected(), Some(Row::View(_))),
            _ => true,
        }
    }

    fn lab_offers(&self, action: Action) -> bool {
        let lab = &self.lab;
        let stories = lab.side == Side::Scenarios;
        match action {
            Action::Play if stories => lab.selected().is_some() && lab.running().is_none() && lab.starting.is_none(),
            Action::Play | Action::More => {
                let chosen = lab.rows().get(lab.switches.cursor).copied();
                !stories && chosen.is_some_and(|(_, switch)| switch.is_number())
            }
            Action::OpenOrder => stories && lab.run().is_some_and(|run| !run.orders.is_empty()),
            Action::OtherSide => lab.disabled.is_none() && lab.load == Load::Ready,
            Action::Toggle => !stories && !lab.rows().is_empty(),
            Action::MendAll => !lab.broken().is_empty(),
            _ => true,
        }
    }

    fn counter_offers(&self, action: Action) -> bool {
        let counter = &self.counter;
        let order = counter.orders.list.selected();
        match action {
            Action::Receive | Action::Adjust | Action::Count | Action::Threshold => counter.stock.selected().is_some(),
            Action::Reprice | Action::Describe | Action::WithdrawOrRelist => counter.products.list.selected().is_some(),
            Action::OpenOrder if counter.part == Part::Orders => order.is_some(),
            Action::Ship => order.is_some_and(|order| order.status == OrderStatus::Confirmed),
            Action::Deliver => order.is_some_and(|order| order.status == OrderStatus::Shipped),
            Action::Refund if counter.part == Part::Charges => counter.charges.selected().is_some(),
            Action::Refund => order
                .is_some_and(|order| matches!(order.payment_status, PaymentStatus::Paid | PaymentStatus::Refunding)),
            _ => true,
        }
    }

    fn account_offers(&self, action: Action) -> bool {
        let account = &self.account;
        match action {
            Action::OpenWallet => account.registration.is_none() && !self.secured,
            Action::OpenOrder => account.movements.selected().is_some_and(|movement| movement.order_id.is_some()),
            Action::UseVoucher => {
                let voucher = account.vouchers.selected();
                voucher.is_some_and(|voucher| voucher.status == VoucherStatus::Issued) && !self.basket.is_empty()
            }
            Action::OpenPaper if account.part == Account::Invoices => account.invoices.selected().is_some(),
            Action::OpenPaper => account.mails.selected().is_some(),
            Action::ChangeAddress | Action::RemoveAddress => account.addresses.selected().is_some(),
            Action::UseAsDefault => account.addresses.selected().is_some_and(|address| !address.default),
            Action::EndSession => account.sessions.selected().is_some(),
            Action::EndOtherSessions => account.sessions.total > 1,
            Action::CopyId => account.part == Account::Profile && account.customer.is_some(),
            _ => true,
        }
    }

    /// The hint of a toggle in its other state; `None` where the usual hint applies.
    pub(crate) fn toggled_hint(&self, action: Action) -> Option<&'static str> {
        let counter = &self.counter;
        let (turned, word) = match action {
            Action::Pause => (self.is_held(), "go on"),
            Action::WithdrawOrRelist => {
                (counter.products.list.selected().is_some_and(|product| !product.active), "put back")
            }
            Action::OnlyWithdrawn => (counter.products.withdrawn, "in the range"),
            Action::OnlyLow => (counter.stock.only_low, "all"),
            Action::Close => (self.has_a_layer(), "close"),
            Action::TurnOver => (self.order.as_ref().is_some_and(|open| open.turned), "parcel"),
            Action::Cards => (!self.shop.cards, "cards"),
            Action::CopyId => (self.screen == Screen::Checkout, "copy link"),
            Action::Play => (self.lab.side == Side::Switches, "set"),
            _ => return None,
        };
        turned.then_some(word)
    }

    /// Whether the list of the screen is paused.
    fn is_held(&self) -> bool {
        match self.screen {
            Screen::Log => self.log.paused,
            Screen::Order | Screen::Checkout => self.order.as_ref().is_some_and(|open| !open.following),
            Screen::Replay => self.replay.as_ref().is_some_and(|replay| !replay.playing),
            Screen::Processes => self.processes.selected().is_some_and(|row| self.processes.is_paused(&row)),
            Screen::Shop | Screen::Basket | Screen::Orders | Screen::Lab | Screen::Counter | Screen::Account => false,
        }
    }

    fn paper_offers(&self, paper: &DocumentView, action: Action) -> bool {
        match action {
            Action::Down => paper.lines(self.size).len() > usize::from(DocumentView::room(self.size).1),
            Action::NextPaper => paper.place().1 > 1,
            Action::SavePdf | Action::SaveText => matches!(paper.page(), Page::Document(_)),
            Action::CopyId => paper.load == Load::Ready,
            _ => true,
        }
    }
}
