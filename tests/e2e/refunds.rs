//! Refunds and disputes that take time, as the documentation of the gateway describes them: pending for days, failed
//! after they succeeded, made at the gateway itself. The books of the shop match the gateway.

use storefront_api::{
    Cancel, Currency, DisputeState, Invoice, Money, Order, OrderId, OrderListQuery, OrderStatus, PaymentMethod,
    PaymentStatus, RefundOrder, RefundState, RepriceProduct, Ship, VoucherStatus,
};
use storefront_client::IdempotencyKey;
use storefront_mocks::Stub;

use crate::world::{VISA, World, card, checkout, eventually};

const PENDING_REFUND_CARD: &str = "pm_card_pendingRefund";
const FAILING_REFUND_CARD: &str = "pm_card_refundFail";
const REFUSED_REFUND_CARD: &str = "pm_card_refundFailsAtOnce";

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

impl World {
    /// A shop that the gateway tells of what happens there.
    async fn open_with_webhooks() -> Self {
        let world = Self::open().await;
        world.enable_webhooks();
        world
    }

    /// An order that was paid with a card, and has its invoice.
    async fn paid_with(&self, token: &str) -> Order {
        let product = self.product_with(9).await;
        let basket = self.a_basket(&product.id, 1).await;
        self.buy(&basket, token).await.unwrap();
        self.wait_for_status(basket.id, OrderStatus::Confirmed).await
    }

    async fn request_refund(&self, order: &Order, amount: Option<i64>) {
        let amount = amount.map(|amount| Money::new(amount, Currency::EUR));
        let refund = RefundOrder { amount, reason: "a scratch".to_owned() };
        self.client.refund(order.id, &refund, &key()).await.unwrap();
    }

    /// Does something at the gateway's own dashboard.
    async fn post_to_dashboard(&self, path: &str, form: &[(&str, &str)]) -> serde_json::Value {
        let url = format!("{}/dashboard/{path}", self.mocks.card_gateway_url());
        let answer = reqwest::Client::new().post(url).form(form).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.json().await.unwrap()
    }

    /// The gateway's name for the payment of an order.
    async fn intent_of(&self, order: &Order) -> String {
        self.client.payment(order.payment_id.unwrap()).await.unwrap().unwrap().reference.unwrap()
    }

    async fn wait_for_order(&self, id: OrderId, what: &str, is_so: impl Fn(&Order) -> bool) -> Order {
        eventually(what, || async { self.client.order(id).await.unwrap().filter(&is_so) }).await
    }

    async fn wait_for_credit_notes(&self, order: &Order, count: usize) -> Invoice {
        let number = order.invoice.clone().unwrap();
        eventually("the credit notes are written", || async {
            self.client.invoice(&number).await.unwrap().filter(|invoice| invoice.credit_notes.len() == count)
        })
        .await
    }

    /// The subjects of the mails about an order, after its number; nothing more is to come.
    async fn mail_subjects(&self, order: &Order) -> Vec<String> {
        self.wait_until_settled().await;
        let subject = format!("Your order {} ", order.number.as_ref().unwrap());
        let subjects = self.mocks.mailbox().messages().into_iter();
        subjects.filter_map(|mail| mail.subject.strip_prefix(&subject).map(str::to_owned)).collect()
    }

    /// What the gateway keeps of all payments, in minor units.
    fn kept_amount(&self) -> i64 {
        let gateway = self.mocks.card_gateway();
        let charged: i64 = gateway.charges().iter().map(|charge| charge.amount_captured - charge.amount_refunded).sum();
        charged - gateway.disputes().iter().map(storefront_mocks::Dispute::withdrawn).sum::<i64>()
    }
}

fn has_refund(order: &Order, state: RefundState) -> bool {
    order.refunds.last().is_some_and(|refund| refund.state == state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_pends_is_seen_as_pending_and_holds_nothing_up_until_the_gateway_reports_its_end() {
    let world = World::open_with_webhooks().await;
    for (ends, state) in [("succeeded", RefundState::Done), ("canceled", RefundState::Failed)] {
        let order = world.paid_with(PENDING_REFUND_CARD).await;
        world.request_refund(&order, Some(100)).await;
        let pending = world.wait_for_order(order.id, "it pends", |order| has_refund(order, RefundState::Pending)).await;
        assert_eq!(pending.payment_status, PaymentStatus::Refunding);
        let reference = pending.refunds[0].reference.clone().unwrap();
        // Another refund of the same order does not wait for it.
        world.request_refund(&order, Some(50)).await;
        let both = world.wait_for_order(order.id, "both pend", |order| {
            order.refunds.len() == 2 && has_refund(order, RefundState::Pending)
        });
        assert_ne!(both.await.refunds[1].id, pending.refunds[0].id);
        world.post_to_dashboard(&format!("refunds/{reference}"), &[("status", ends)]).await;
        let ended =
            world.wait_for_order(order.id, "the first has ended", |order| order.refunds[0].state == state).await;
        assert_eq!((ended.refunds[0].amount.amount, ended.refunds[1].state), (100, RefundState::Pending));
        let credited = world.wait_for_credit_notes(&order, usize::from(ends == "succeeded")).await.credit_notes;
        assert!(credited.iter().all(|note| note.amount.amount == 100), "{credited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_after_it_succeeded_is_booked_back_its_credit_note_cancelled_and_everybody_notified() {
    let world = World::open_with_webhooks().await;
    let order = world.paid_with(FAILING_REFUND_CARD).await;
    world.request_refund(&order, None).await;
    world.wait_for_order(order.id, "it is refunded", |order| order.payment_status == PaymentStatus::Refunded).await;
    let credit = world.wait_for_credit_notes(&order, 1).await.credit_notes.remove(0);
    let reference = credit.refund_reference.clone();
    world.post_to_dashboard(&format!("refunds/{reference}"), &[("status", "failed")]).await;
    let back =
        world.wait_for_order(order.id, "the money is back", |order| order.payment_status == PaymentStatus::Paid).await;
    assert!(has_refund(&back, RefundState::Failed) && back.refunds[0].detail.is_some(), "{back:?}");
    assert_eq!(world.kept_amount(), order.total.amount);
    let notes = world.wait_for_credit_notes(&order, 2).await.credit_notes;
    assert_eq!((notes[1].cancels.as_ref(), notes[1].amount.amount), (Some(&credit.number), -order.total.amount));
    assert_eq!(world.mail_subjects(&order).await, ["is confirmed", "has been refunded", "could not be refunded"]);
    let ready = world.client.readiness().await.unwrap();
    assert!(ready.ready && ready.reasons.iter().any(|reason| reason.contains("money-alarms")), "{ready:?}");
    let statistics = world.client.statistics(None).await.unwrap();
    assert_eq!((statistics.revenue, statistics.refunded.amount), (order.total, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_at_once_says_so_in_readiness_until_the_money_has_gone_back_otherwise() {
    let world = World::open_with_webhooks().await;
    let order = world.paid_with(REFUSED_REFUND_CARD).await;
    world.request_refund(&order, Some(300)).await;
    let failed = world.wait_for_order(order.id, "it has failed", |order| has_refund(order, RefundState::Failed)).await;
    assert_eq!((failed.payment_status, world.kept_amount()), (PaymentStatus::Paid, order.total.amount));
    assert!(failed.refunds[0].detail.as_deref().is_some_and(|detail| detail.contains("lost_or_stolen_card")));
    let alarm = eventually("an operator is told", || async {
        let ready = world.client.readiness().await.unwrap();
        ready.reasons.into_iter().find(|reason| reason.contains("money-alarms"))
    });
    assert!(alarm.await.contains("1 parked"));
    assert_eq!(world.wait_for_credit_notes(&order, 0).await.credit_notes, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_made_at_the_gateway_is_learned_and_the_rest_can_be_given_back_here() {
    let world = World::open_with_webhooks().await;
    let order = world.paid_with(VISA).await;
    let intent = world.intent_of(&order).await;
    world.post_to_dashboard("refunds", &[("payment_intent", &intent), ("amount", "250")]).await;
    let found = world.wait_for_order(order.id, "it is found", |order| has_refund(order, RefundState::Done)).await;
    let refund = &found.refunds[0];
    assert_eq!((refund.amount.amount, refund.made_at_gateway, found.payment_status), (250, true, PaymentStatus::Paid));
    world.request_refund(&order, None).await;
    let all =
        world.wait_for_order(order.id, "all is back", |order| order.payment_status == PaymentStatus::Refunded).await;
    assert_eq!((all.refunds.len(), world.kept_amount()), (2, 0));
    let notes: Vec<i64> =
        world.wait_for_credit_notes(&order, 2).await.credit_notes.iter().map(|note| note.amount.amount).collect();
    assert_eq!(notes, [250, order.total.amount - 250]);
    let told = ["is confirmed", "has been refunded in part", "has been refunded"];
    assert_eq!(world.mail_subjects(&order).await, told, "the last part says that it is all");
    let kinds = world.event_types(order.id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "payment.refund_found").count(), 1, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_gateway_refuses_because_the_money_is_gone_teaches_the_shop_where_it_is() {
    // No word of it reaches the shop.
    let world = World::open().await;
    let order = world.paid_with(VISA).await;
    let intent = world.intent_of(&order).await;
    world.post_to_dashboard("refunds", &[("payment_intent", &intent)]).await;
    assert_eq!(world.client.order(order.id).await.unwrap().unwrap().payment_status, PaymentStatus::Paid);
    world.request_refund(&order, None).await;
    let all =
        world.wait_for_order(order.id, "all is back", |order| order.payment_status == PaymentStatus::Refunded).await;
    let states: Vec<_> = all.refunds.iter().map(|refund| (refund.made_at_gateway, refund.state)).collect();
    assert_eq!(states, [(false, RefundState::Failed), (true, RefundState::Done)]);
    let notes = world.wait_for_credit_notes(&order, 1).await.credit_notes;
    assert_eq!((notes[0].amount, world.kept_amount()), (order.total, 0));
    world.wait_until_settled().await;
    let ready = world.client.readiness().await.unwrap();
    assert_eq!(ready.reasons, [""; 0], "nothing is left to be looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_takes_the_money_and_a_lost_one_is_credited_and_a_won_one_is_paid_again() {
    let world = World::open_with_webhooks().await;
    for (ends, status, kept) in [("won", PaymentStatus::Paid, true), ("lost", PaymentStatus::Refunded, false)] {
        let order = world.paid_with(VISA).await;
        let (intent, before) = (world.intent_of(&order).await, world.kept_amount());
        let dispute = world.post_to_dashboard("disputes", &[("payment_intent", &intent)]).await;
        let held = world.wait_for_order(order.id, "it is disputed", |order| {
            order.disputes.first().is_some_and(|dispute| dispute.state == DisputeState::Withdrawn)
        });
        let held = held.await;
        assert_eq!((held.payment_status, held.disputes[0].reason.as_str()), (PaymentStatus::Disputed, "fraudulent"));
        let path = format!("disputes/{}", dispute["id"].as_str().unwrap());
        world.post_to_dashboard(&path, &[("status", ends)]).await;
        world.wait_for_order(order.id, "it is decided", |order| order.payment_status == status).await;
        assert_eq!(world.kept_amount(), if kept { before } else { before - order.total.amount });
        let notes = world.wait_for_credit_notes(&order, usize::from(!kept)).await.credit_notes;
        assert!(notes.iter().all(|note| note.amount == order.total && note.refund_reference.starts_with("dp_")));
    }
    let ready = world.client.readiness().await.unwrap();
    assert!(ready.reasons.iter().any(|reason| reason.contains("money-alarms")), "{ready:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_refunds_that_were_asked_for_while_the_gateway_was_away_are_made_each_under_its_own_amount() {
    let world = World::open().await;
    let order = world.paid_with(VISA).await;
    world.set_outage(Stub::Cards, true);
    world.request_refund(&order, Some(100)).await;
    world.request_refund(&order, Some(40)).await;
    world.set_outage(Stub::Cards, false);
    let done = world.wait_for_order(order.id, "both are back", |order| {
        order.refunds.len() == 2 && order.refunds.iter().all(|refund| refund.state == RefundState::Done)
    });
    let amounts: Vec<_> = done.await.refunds.iter().map(|refund| refund.amount.amount).collect();
    assert_eq!(amounts, [100, 40]);
    let of_gateway: Vec<_> = world.mocks.card_gateway().refunds().iter().map(|refund| refund.amount).collect();
    assert_eq!(of_gateway, [100, 40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_confirmation_waits_for_the_invoice_and_names_it_every_time() {
    let world = World::open().await;
    let product = world.product_with(60).await;
    let mut buying = tokio::task::JoinSet::new();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let basket = world.a_basket(&product.id, 1).await;
        ids.push(basket.id);
        let (client, body) = (world.client.clone(), checkout(&basket, PaymentMethod::None));
        buying.spawn(async move { client.checkout(basket.id, &body, &key()).await.unwrap() });
    }
    buying.join_all().await;
    for id in ids {
        let order = world.wait_for_status(id, OrderStatus::Confirmed).await;
        world.wait_until_settled().await;
        let number = order.number.unwrap();
        let mail = world.mocks.mailbox().messages().into_iter().find(|mail| mail.subject.contains(&number)).unwrap();
        assert!(mail.text.contains(&format!("Your invoice is {}.", order.invoice.unwrap())), "{}", mail.text);
        let kinds = world.event_types(id).await;
        let at = |kind: &str| kinds.iter().position(|known| known == kind).unwrap();
        assert!(at("order.invoiced") < at("email.requested"), "{kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_before_it_is_confirmed_brings_one_mail() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(9).await.id, 1).await;
    world.set_outage(Stub::Cards, true);
    world.buy(&basket, VISA).await.unwrap();
    let cancel = Cancel { reason: "changed my mind".to_owned() };
    world.client.cancel(basket.id, &cancel, &key()).await.unwrap();
    let mail = eventually("the mail is there", || async {
        world.mocks.mailbox().messages().into_iter().find(|mail| mail.subject.ends_with("is cancelled"))
    });
    assert!(mail.await.text.contains("changed my mind"));
    let kinds = world.event_types(basket.id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "email.requested").count(), 1, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_after_delivery_is_taken_off_what_was_sold_and_earned() {
    let world = World::open().await;
    let order = world.paid_with(VISA).await;
    let sold = world.client.statistics(Some(world.head().await)).await.unwrap();
    assert_eq!((sold.revenue, sold.top_products[0].pieces), (order.total, 1));
    let ship = Ship { carrier: "Snail Post".to_owned(), tracking_number: "1".to_owned(), estimated_delivery: None };
    world.client.ship(order.id, &ship, &key()).await.unwrap();
    world.request_refund(&order, Some(100)).await;
    world.wait_for_order(order.id, "a part is back", |order| has_refund(order, RefundState::Done)).await;
    let part = world.client.statistics(Some(world.head().await)).await.unwrap();
    assert_eq!((part.revenue.amount, part.top_products[0].pieces), (order.total.amount - 100, 1));
    world.request_refund(&order, None).await;
    world.wait_for_order(order.id, "all is back", |order| order.payment_status == PaymentStatus::Refunded).await;
    let none = world.client.statistics(Some(world.head().await)).await.unwrap();
    assert_eq!((none.revenue.amount, none.top_products.len(), none.average_order.amount), (0, 0, 0));
    assert_eq!((none.orders, none.refunded_orders, none.refunded), (1, 1, order.total));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_comes_back_with_the_cancellation_and_can_be_used_again() {
    let world = World::open().await;
    let voucher = world.a_voucher(&world.client).await;
    let product = world.product_with(9).await;
    for _ in 0..2 {
        let basket = world.a_basket(&product.id, 1).await;
        let with = world.client.apply_voucher(basket.id, &voucher.code).await.unwrap().value;
        world.client.checkout(basket.id, &checkout(&with, card(VISA)), &key()).await.unwrap();
        let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        let used = world.client.voucher_issued(voucher.issued_for).await.unwrap().unwrap();
        assert_eq!((used.status, used.used_by), (VoucherStatus::Redeemed, Some(order.id)));
        let cancel = Cancel { reason: "changed my mind".to_owned() };
        world.client.cancel(order.id, &cancel, &key()).await.unwrap();
        eventually("the voucher is free again", || async {
            let voucher = world.client.voucher_issued(voucher.issued_for).await.unwrap().unwrap();
            (voucher.status == VoucherStatus::Issued && voucher.used_by.is_none()).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_that_would_leave_a_rest_too_small_for_a_card_takes_off_less() {
    let world = World::open().await;
    let voucher = world.a_voucher(&world.client).await;
    let (product, price) = (world.product_with(9).await.id, 530);
    let reprice = RepriceProduct { price: Money::new(price, Currency::EUR), reason: "a sale".to_owned() };
    world.client.reprice_product(&product, &reprice, &key()).await.unwrap();
    let basket = world.a_basket(&product, 1).await;
    let with = world.client.apply_voucher(basket.id, &voucher.code).await.unwrap().value;
    assert_eq!((with.subtotal.amount, with.discount.amount, with.total.amount), (price, price - 50, 50));
    let query = OrderListQuery { min_position: Some(world.head().await), ..OrderListQuery::default() };
    let listed =
        world.client.orders(&query).await.unwrap().items.into_iter().find(|order| order.id == basket.id).unwrap();
    assert_eq!(listed.total, with.total, "the list says the same");
    world.client.checkout(basket.id, &checkout(&with, card(VISA)), &key()).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(world.kept_amount(), 50);
}
