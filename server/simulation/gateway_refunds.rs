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

/// A random delay of the gateway or a bank. Hours are enough, because the shop polls each hour; days would show the
/// same.
fn some_time() -> Duration {
    let hours = if rng_clock::random_below(16) == 0 { 5 * 3600 } else { 600 };
    Duration::from_secs(rng_clock::between(1..hours))
}

impl World {
    pub(super) fn refund_once(self: &Arc<Self>, refund: &Refund) -> RefundOutcome {
        let known = {
            let gateway = self.gateway();
            gateway.refund_keys.get(&refund.key).map(|known| gateway.refunds[*known].clone())
        };
        if let Some(known) = known {
            return known.outcome();
        }
        let refund_id = refund.ids.map(|(_, refund_id)| refund_id);
        let made = self.refund(&refund.reference, refund.amount, refund_id, Some(refund.reason.clone()));
        let Some((index, made)) = made else {
            return RefundOutcome::Refused { detail: "there is not so much to give back".to_owned() };
        };
        self.gateway().refund_keys.insert(refund.key.clone(), index);
        made.outcome()
    }

    /// Makes a refund; `None` when less is left. Its outcome is random: most refunds succeed at once, others are
    /// pending for days, fail at once, or fail long after they succeeded.
    fn refund(
        self: &Arc<Self>,
        charge: &str,
        amount: Money,
        refund_id: Option<RefundId>,
        reason: Option<String>,
    ) -> Option<(usize, Refunded)> {
        let (first, last) = self.course_of_refund(refund_id.is_some());
        let mut gateway = self.gateway();
        let charged = gateway.charges.iter().find(|charged| charged.reference == charge).cloned()?;
        if gateway.kept(&charged) < amount.amount {
            return None;
        }
        let index = gateway.refunds.len();
        let (reference, charge) = (format!("re_new_{index}"), charge.to_owned());
        let progress = first.clone();
        let made = Refunded { reference, charge, amount, refund_id, reason, first: first.clone(), progress };
        gateway.refunds.push(made.clone());
        drop(gateway);
        rng_clock::mark_change();
        rng_clock::trace(|| {
            format!("the gateway gives back {amount} of {} as {}: {first:?}", made.charge, made.reference)
        });
        // Refunds of the shop name its payment; others only name the charge.
        self.send_after_payment(&charged, refund_id.is_some());
        if first != last {
            rng_clock::mark(if first == RefundProgress::Pending {
                Coverage::RefundPends
            } else {
                Coverage::RefundFailsLater
            });
            tokio::spawn(self.clone().settle_refund(index, charged, last));
        }
        Some((index, made))
    }

    /// The first and the last state of a new refund.
    fn course_of_refund(&self, has_id: bool) -> (RefundProgress, RefundProgress) {
        let failed = || RefundProgress::Failed { detail: "the account is closed".to_owned() };
        if let Some(script) = &self.script {
            let is_first = self.gateway().refunds.is_empty();
            let succeeds = || (RefundProgress::Succeeded, RefundProgress::Succeeded);
            return if is_first { script.first_refund.clone() } else { succeeds() };
        }
        match rng_clock::random_below(20) {
            0 | 1 => (RefundProgress::Pending, RefundProgress::Succeeded),
            2 => (RefundProgress::Pending, failed()),
            3 => (RefundProgress::Succeeded, failed()),
            4 if has_id => (failed(), failed()),
            _ => (RefundProgress::Succeeded, RefundProgress::Succeeded),
        }
    }

    async fn settle_refund(self: Arc<Self>, index: usize, charged: Charged, last: RefundProgress) {
        self.begin_pending();
        rng_clock::sleep(if self.script.is_some() { EXTERNAL_DELAY } else { some_time() }).await;
        let was_pending = {
            let mut gateway = self.gateway();
            std::mem::replace(&mut gateway.refunds[index].progress, last) == RefundProgress::Pending
        };
        rng_clock::mark_change();
        rng_clock::trace(|| format!("refund {index} of {} has come to its end", charged.reference));
        let is_untold = match &self.script {
            Some(script) => script.moment == Moment::Never,
            None => was_pending && rng_clock::random_below(6) == 0,
        };
        if is_untold {
            // No webhook is sent: the shop polls each hour, by a clock that may be set meanwhile.
            rng_clock::mark(Coverage::RefundEndsWithoutWebhook);
            rng_clock::sleep(if self.script.is_some() { POLL_INTERVAL * 5 / 4 } else { POLL_INTERVAL * 3 }).await;
        } else {
            self.send_after_payment(&charged, rng_clock::random_below(2) == 0);
        }
        self.end_pending();
    }

    /// Makes refunds at the gateway itself, and disputes.
    pub(super) async fn refund_or_dispute_at_the_gateway(self: Arc<Self>) {
        for _ in 0..rng_clock::between(0..4) {
            rng_clock::sleep(Duration::from_millis(rng_clock::between(0..60_000))).await;
            let paid: Vec<Charged> = {
                let gateway = self.gateway();
                let has_money = |charged: &&Charged| gateway.kept(charged) > 0;
                gateway.charges.iter().filter(has_money).cloned().collect()
            };
            if paid.is_empty() {
                continue;
            }
            let charged = rng_clock::pick(&paid);
            let kept = self.gateway().kept(&charged);
            let some = if rng_clock::random_below(2) == 0 {
                kept
            } else {
                1 + i64::try_from(rng_clock::random_below(u64::try_from(kept).unwrap_or(1))).unwrap_or(0)
            };
            let amount = Money::new(some, charged.amount.currency);
            if rng_clock::random_below(2) == 0 {
                if self.refund(&charged.reference, amount, None, None).is_some() {
                    rng_clock::mark(Coverage::RefundedAtTheGateway);
                }
            } else {
                rng_clock::mark(Coverage::Disputed);
                tokio::spawn(self.clone().open_dispute(charged, amount));
            }
        }
    }

    async fn open_dispute(self: Arc<Self>, charged: Charged, amount: Money) {
        self.begin_pending();
        let index = {
            let mut gateway = self.gateway();
            let (reference, charge) = (format!("dp_{}", gateway.disputes.len()), charged.reference.clone());
            let state = if rng_clock::random_below(3) == 0 { DisputeState::Open } else { DisputeState::Withdrawn };
            gateway.disputes.push(Disputed { reference, charge, amount, state });
            gateway.disputes.len() - 1
        };
        rng_clock::trace(|| format!("{amount} of {} are disputed", charged.reference));
        self.send_after_payment(&charged, false);
        rng_clock::sleep(some_time()).await;
        let outcome = {
            let mut gateway = self.gateway();
            // A disputed amount that is being refunded is not withdrawn.
            let may_be_lost = gateway.disputes[index].holds_money() || gateway.kept(&charged) >= amount.amount;
            let lost = may_be_lost && rng_clock::random_below(2) == 0;
            let outcome = if lost { DisputeOutcome::Lost } else { DisputeOutcome::Won };
            gateway.disputes[index].state = DisputeState::Closed(outcome);
            outcome
        };
        rng_clock::trace(|| format!("the dispute of {} is {outcome:?}", charged.reference));
        self.send_after_payment(&charged, false);
        self.end_pending();
    }
}
