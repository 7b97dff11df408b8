//! Refunds and disputes of the simulated card gateway.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Money, RefundId};
use storefront_domain::payment::{DisputeOutcome, DisputeState, RefundProgress};

use super::coverage::Coverage;
use super::gateway::{Disputed, Refunded};
use super::intents::Charged;
use super::rng_clock;
use super::script::{EXTERNAL_DELAY, Moment};
use super::world::World;
use crate::integrations::card_refunds::{Refund, RefundOutcome};
use crate::processes::ask_about_pending_refunds::POLL_INTERVAL;

/// How long the gateway or a bank takes its time. Days would look the same as hours, which are long enough for the shop to
/// have asked by itself.
fn some_time() -> Duration {
    let hours = if rng_clock::one_of(16) == 0 { 5 * 3600 } else { 600 };
    Duration::from_secs(rng_clock::between(1..hours))
}

impl World {
    pub(super) fn refunds(self: &Arc<Self>, refund: &Refund) -> RefundOutcome {
        let known = {
            let bank = self.bank();
            bank.refund_keys.get(&refund.key).map(|known| bank.refunds[*known].clone())
        };
        if let Some(known) = known {
            return known.outcome();
        }
        let refund_id = refund.ids.map(|(_, refund_id)| refund_id);
        let made = self.gives_back(&refund.reference, refund.amount, refund_id, Some(refund.reason.clone()));
        let Some((index, made)) = made else {
            return RefundOutcome::Refused { detail: "there is not so much to give back".to_owned() };
        };
        self.bank().refund_keys.insert(refund.key.clone(), index);
        made.outcome()
    }

    /// Gives money back, whoever asked for it; `None` where there is not so much. What becomes of it is drawn: most refunds
    /// succeed at once, others pend for days, fail at once, or fail long after they succeeded.
    fn gives_back(
        self: &Arc<Self>,
        charge: &str,
        amount: Money,
        refund_id: Option<RefundId>,
        reason: Option<String>,
    ) -> Option<(usize, Refunded)> {
        let (first, last) = self.course_of_refund(refund_id.is_some());
        let mut bank = self.bank();
        let charged = bank.charges.iter().find(|charged| charged.reference == charge).cloned()?;
        if bank.kept(&charged) < amount.amount {
            return None;
        }
        let index = bank.refunds.len();
        let (reference, charge) = (format!("re_new_{index}"), charge.to_owned());
        let progress = first.clone();
        let made = Refunded { reference, charge, amount, refund_id, reason, first: first.clone(), progress };
        bank.refunds.push(made.clone());
        drop(bank);
        rng_clock::changes();
        rng_clock::tell(|| {
            format!("the gateway gives back {amount} of {} as {}: {first:?}", made.charge, made.reference)
        });
        // The shop's own refunds name its payment; others name the gateway's alone.
        self.tells_after_payment(&charged, refund_id.is_some());
        if first != last {
            rng_clock::mark(if first == RefundProgress::Pending {
                Coverage::RefundPends
            } else {
                Coverage::RefundFailsLater
            });
            tokio::spawn(self.clone().settles_refund(index, charged, last));
        }
        Some((index, made))
    }

    /// What a new refund is when it is made, and what becomes of it.
    fn course_of_refund(&self, has_id: bool) -> (RefundProgress, RefundProgress) {
        let failed = || RefundProgress::Failed { detail: "the account is closed".to_owned() };
        if let Some(script) = &self.script {
            let is_first = self.bank().refunds.is_empty();
            let succeeds = || (RefundProgress::Succeeded, RefundProgress::Succeeded);
            return if is_first { script.first_refund.clone() } else { succeeds() };
        }
        match rng_clock::one_of(20) {
            0 | 1 => (RefundProgress::Pending, RefundProgress::Succeeded),
            2 => (RefundProgress::Pending, failed()),
            3 => (RefundProgress::Succeeded, failed()),
            4 if has_id => (failed(), failed()),
            _ => (RefundProgress::Succeeded, RefundProgress::Succeeded),
        }
    }

    async fn settles_refund(self: Arc<Self>, index: usize, charged: Charged, last: RefundProgress) {
        self.begins_something();
        rng_clock::pass(if self.script.is_some() { EXTERNAL_DELAY } else { some_time() }).await;
        let was_pending = {
            let mut bank = self.bank();
            std::mem::replace(&mut bank.refunds[index].progress, last) == RefundProgress::Pending
        };
        rng_clock::changes();
        rng_clock::tell(|| format!("refund {index} of {} has come to its end", charged.reference));
        let is_untold = match &self.script {
            Some(script) => script.moment == Moment::Never,
            None => was_pending && rng_clock::one_of(6) == 0,
        };
        if is_untold {
            // No word of it comes: the shop asks by itself each hour, by a clock that may be set meanwhile.
            rng_clock::mark(Coverage::RefundEndsUntold);
            rng_clock::pass(if self.script.is_some() { POLL_INTERVAL * 5 / 4 } else { POLL_INTERVAL * 3 }).await;
        } else {
            self.tells_after_payment(&charged, rng_clock::one_of(2) == 0);
        }
        self.ends_something();
    }

    /// Somebody at the gateway itself gives money back, or a cardholder disputes a payment.
    pub(super) async fn meddles(self: Arc<Self>) {
        for _ in 0..rng_clock::between(0..4) {
            rng_clock::pass(Duration::from_millis(rng_clock::between(0..60_000))).await;
            let paid: Vec<Charged> = {
                let bank = self.bank();
                let has_money = |charged: &&Charged| bank.kept(charged) > 0;
                bank.charges.iter().filter(has_money).cloned().collect()
            };
            if paid.is_empty() {
                continue;
            }
            let charged = rng_clock::pick(&paid);
            let kept = self.bank().kept(&charged);
            let some = if rng_clock::one_of(2) == 0 {
                kept
            } else {
                1 + i64::try_from(rng_clock::one_of(u64::try_from(kept).unwrap_or(1))).unwrap_or(0)
            };
            let amount = Money::new(some, charged.amount.currency);
            if rng_clock::one_of(2) == 0 {
                if self.gives_back(&charged.reference, amount, None, None).is_some() {
                    rng_clock::mark(Coverage::RefundedAtTheGateway);
                }
            } else {
                rng_clock::mark(Coverage::Disputed);
                tokio::spawn(self.clone().disputes(charged, amount));
            }
        }
    }

    async fn disputes(self: Arc<Self>, charged: Charged, amount: Money) {
        self.begins_something();
        let index = {
            let mut bank = self.bank();
            let (reference, charge) = (format!("dp_{}", bank.disputes.len()), charged.reference.clone());
            let state = if rng_clock::one_of(3) == 0 { DisputeState::Open } else { DisputeState::Withdrawn };
            bank.disputes.push(Disputed { reference, charge, amount, state });
            bank.disputes.len() - 1
        };
        rng_clock::tell(|| format!("{amount} of {} are disputed", charged.reference));
        self.tells_after_payment(&charged, false);
        rng_clock::pass(some_time()).await;
        let outcome = {
            let mut bank = self.bank();
            // What is asked about while its money goes back is not taken.
            let may_be_lost = bank.disputes[index].holds_money() || bank.kept(&charged) >= amount.amount;
            let lost = may_be_lost && rng_clock::one_of(2) == 0;
            let outcome = if lost { DisputeOutcome::Lost } else { DisputeOutcome::Won };
            bank.disputes[index].state = DisputeState::Closed(outcome);
            outcome
        };
        rng_clock::tell(|| format!("the dispute of {} is {outcome:?}", charged.reference));
        self.tells_after_payment(&charged, false);
        self.ends_something();
    }
}
