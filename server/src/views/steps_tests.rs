//! The steps of a checkout along each way that it can go.

use storefront_api::{EmailId, Timestamp};
use storefront_domain::OrderNumber;
use storefront_domain::invoice::{CreditNoteNumber, InvoiceNumber};
use uuid::Uuid;

use super::*;
use crate::testing::{Log, added, at_second, card, checked_out, euro, order, payment, product, started};

const INVOICE_NUMBER: InvoiceNumber = InvoiceNumber { year: 2026, sequence: 7 };

/// What happens to order 1, as it happens.
struct Story {
    log: Log,
    payment: u128,
}

impl Story {
    /// The basket is bought.
    fn begins() -> Self {
        let mut story = Self { log: Log::default(), payment: 0 };
        for event in [started(), added("mug", 1)] {
            story.log.write(&streams::order(order(1)), &event);
        }
        assert!(story.steps().is_empty(), "a basket has no steps");
        story.bought()
    }

    fn bought(mut self) -> Self {
        self.payment += 1;
        let checked_out = checked_out(payment(self.payment), 1000);
        self.log.write(&streams::order(order(1)), &checked_out);
        self
    }

    fn checkout(mut self, event: &CheckoutEvent) -> Self {
        self.log.write(&streams::checkout(order(1)), event);
        self
    }

    fn payment(self, event: &PaymentEvent) -> Self {
        let number = self.payment;
        self.payment_number(number, event)
    }

    fn payment_number(mut self, number: u128, event: &PaymentEvent) -> Self {
        self.log.write(&streams::payment(payment(number)), event);
        self
    }

    fn mail(mut self, number: u128, event: &EmailEvent) -> Self {
        self.log.write(&streams::email(EmailId(Uuid::from_u128(number))), event);
        self
    }

    fn process(mut self, name: &'static str, event: &ProcessEvent) -> Self {
        self.log.write(&streams::process(name), event);
        self
    }

    fn stock_reserved(self) -> Self {
        let requested = PaymentEvent::Requested { order_id: order(1), amount: euro(1000), method: card() };
        self.checkout(&CheckoutEvent::StockReserved).payment(&requested)
    }

    fn paid(self) -> Self {
        self.payment(&PaymentEvent::Succeeded { reference: "pi_1".to_owned() })
    }

    fn confirmed(self) -> Self {
        let payment_id = payment(self.payment);
        self.checkout(&CheckoutEvent::PaymentReceived { payment_id })
            .checkout(&CheckoutEvent::Completed { number: OrderNumber::from_position(9) })
            .mail(1, &requested(MailKind::Confirmation))
    }

    fn invoiced(mut self) -> Self {
        self.log.write(&streams::order(order(1)), &OrderEvent::Invoiced { number: INVOICE_NUMBER });
        self
    }

    fn declined(self) -> Self {
        let (reason, message) = ("generic_decline".to_owned(), "The card was declined.".to_owned());
        let payment_id = payment(self.payment);
        let why = ReopenReason::PaymentDeclined { reason: reason.clone(), message: message.clone() };
        self.payment(&PaymentEvent::Declined { reason: reason.clone(), message: message.clone() })
            .checkout(&CheckoutEvent::PaymentRefused { payment_id, reason, message })
            .checkout(&CheckoutEvent::Failed { reason: why })
    }

    fn steps(&self) -> Vec<Step> {
        steps(&self.log.events, Position(0))
    }

    /// Stock, payment, confirmation, invoice, mail.
    #[track_caller]
    fn stands_at(self, expected: [StepState; 5]) -> Self {
        assert_eq!(self.steps().iter().map(|step| step.state).collect::<Vec<_>>(), expected);
        self
    }
}

fn requested(kind: MailKind) -> EmailEvent {
    EmailEvent::Requested { order_id: order(1), kind, to: "ada@example.com".to_owned() }
}

fn unknown(attempt: u32, next_attempt_at: Timestamp) -> PaymentEvent {
    PaymentEvent::OutcomeUnknown { attempt, detail: "no answer in time".to_owned(), next_attempt_at }
}

use StepState::{Done, Failed, Pending, Running, Undone, Waiting};

#[test]
fn all_goes_well() {
    let story = Story::begins().stands_at([Running, Pending, Pending, Pending, Pending]);
    let story = story.stock_reserved().stands_at([Done, Running, Pending, Pending, Pending]);
    let story = story.paid().stands_at([Done, Done, Pending, Pending, Pending]);
    let story = story.confirmed().stands_at([Done, Done, Done, Running, Running]);
    let story = story.mail(1, &EmailEvent::Sent { attempts: 1 }).stands_at([Done, Done, Done, Running, Done]);
    let story = story.invoiced().stands_at([Done, Done, Done, Done, Done]);
    let steps = story.steps();
    assert_eq!(
        steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(),
        ["stock", "payment", "confirm", "invoice", "mail"]
    );
    assert!(steps.iter().all(|step| step.attempt == 1));
    assert_eq!(steps[2].detail.as_deref(), Some(OrderNumber::from_position(9).to_string().as_str()));
    assert_eq!(steps[3].detail.as_deref(), Some("2026-000007"));
}

#[test]
fn a_declined_card_gives_the_stock_back_and_the_next_attempt_starts_afresh() {
    let story = Story::begins().stock_reserved().declined().stands_at([Undone, Failed, Pending, Pending, Pending]);
    assert_eq!(story.steps()[1].detail.as_deref(), Some("The card was declined."));
    let story = story.bought().stands_at([Running, Pending, Pending, Pending, Pending]);
    let late = PaymentEvent::Succeeded { reference: "pi_late".to_owned() };
    story.payment_number(1, &late).stands_at([Running, Pending, Pending, Pending, Pending]);
}

#[test]
fn too_few_left_ends_at_the_first_step() {
    let product_ids = vec![product("mug")];
    let story = Story::begins()
        .checkout(&CheckoutEvent::StockRefused { product_ids: product_ids.clone() })
        .checkout(&CheckoutEvent::Failed { reason: ReopenReason::OutOfStock { product_ids } })
        .stands_at([Failed, Pending, Pending, Pending, Pending]);
    assert_eq!(story.steps()[0].detail.as_deref(), Some("too few left: mug"));
}

#[test]
fn an_unknown_outcome_waits_for_the_next_attempt_and_ends_well() {
    let story = Story::begins().stock_reserved().payment(&unknown(2, at_second(60)));
    let story = story.stands_at([Done, Waiting, Pending, Pending, Pending]);
    let waiting = &story.steps()[1];
    assert_eq!((waiting.attempt, waiting.next_attempt_at), (2, Some(at_second(60))));
    assert_eq!(waiting.detail.as_deref(), Some("no answer in time"));
    let story = story.paid().stands_at([Done, Done, Pending, Pending, Pending]);
    let paid = &story.steps()[1];
    assert_eq!((paid.next_attempt_at, paid.detail.as_deref()), (None, None));
}

#[test]
fn a_cancelled_order_is_refunded_and_its_stock_given_back() {
    let refund =
        PaymentEvent::RefundRequested { refund_id: None, amount: euro(1000), reason: "order cancelled".to_owned() };
    let refunded = PaymentEvent::Refunded { refund_id: None, amount: euro(1000), reference: "re_1".to_owned() };
    let story = Story::begins().stock_reserved().paid().confirmed();
    let story = story.checkout(&CheckoutEvent::Cancelled).stands_at([Undone, Done, Undone, Running, Running]);
    let story = story.payment(&refund).stands_at([Undone, Running, Undone, Running, Running]);
    let story = story.payment(&refunded).stands_at([Undone, Undone, Undone, Running, Running]);
    assert!(story.steps()[1].detail.as_deref().is_some_and(|detail| detail.ends_with("refunded")));
}

#[test]
fn a_refund_that_is_refused_is_seen() {
    let refund =
        PaymentEvent::RefundRequested { refund_id: None, amount: euro(1000), reason: "order cancelled".to_owned() };
    let failed = PaymentEvent::RefundFailed { refund_id: None, reference: None, detail: "too old".to_owned() };
    let story = Story::begins().stock_reserved().paid().checkout(&CheckoutEvent::Cancelled);
    let story = story.payment(&refund).payment(&failed).stands_at([Undone, Failed, Pending, Pending, Pending]);
    assert_eq!(story.steps()[1].detail.as_deref(), Some("refund refused: too old"));
}

#[test]
fn a_mail_that_fails_is_seen_and_another_mail_says_nothing_about_it() {
    let failed = EmailEvent::Failed { attempts: 14, detail: "mailbox full".to_owned() };
    let story = Story::begins().stock_reserved().paid().confirmed();
    let story = story.mail(2, &requested(MailKind::Cancelled)).mail(2, &EmailEvent::Sent { attempts: 1 });
    let story = story.stands_at([Done, Done, Done, Running, Running]);
    let story = story.mail(1, &failed).stands_at([Done, Done, Done, Running, Failed]);
    assert_eq!((story.steps()[4].attempt, story.steps()[4].detail.as_deref()), (14, Some("mailbox full")));
}

#[test]
fn a_mail_that_is_parked_is_seen_and_so_is_what_becomes_of_it() {
    let (sequence, position) = (order(1).to_string(), 9);
    let parked = ProcessEvent::SequenceParked {
        sequence: sequence.clone(),
        position,
        attempts: 50,
        error: "no mail server".to_owned(),
    };
    let story = Story::begins().stock_reserved().paid().confirmed().process("mail", &parked);
    let story = story.stands_at([Done, Done, Done, Running, Failed]);
    assert_eq!((story.steps()[4].attempt, story.steps()[4].detail.as_deref()), (50, Some("parked: no mail server")));
    let retried = ProcessEvent::SequenceRetried { sequence: sequence.clone(), position };
    let story = story.process("mail", &retried).stands_at([Done, Done, Done, Running, Running]);
    let story = story.mail(1, &EmailEvent::Sent { attempts: 1 }).stands_at([Done, Done, Done, Running, Done]);
    story
        .process("mail", &ProcessEvent::SequenceRecovered { sequence, position })
        .stands_at([Done, Done, Done, Running, Done]);
}

#[test]
fn a_parked_invoice_and_a_parked_mail_are_different_steps() {
    let (sequence, position) = (order(1).to_string(), 9);
    let parked = |error: &str| ProcessEvent::SequenceParked {
        sequence: sequence.clone(),
        position,
        attempts: 1,
        error: error.to_owned(),
    };
    let skipped = ProcessEvent::SequenceSkipped { sequence: sequence.clone(), position };
    let story = Story::begins().stock_reserved().paid().confirmed().process("mail", &parked("no mail server"));
    let story = story.stands_at([Done, Done, Done, Running, Failed]).process("invoices", &parked("no paper"));
    let story = story.stands_at([Done, Done, Done, Failed, Failed]);
    assert_eq!(story.steps()[3].detail.as_deref(), Some("parked: no paper"));
    let story = story.process("mail", &skipped);
    let details: Vec<_> = story.steps().into_iter().skip(3).filter_map(|step| step.detail).collect();
    assert_eq!(details, ["parked: no paper", "skipped"]);
    let retried = ProcessEvent::SequenceRetried { sequence, position };
    story.process("invoices", &retried).stands_at([Done, Done, Done, Running, Failed]);
}

#[test]
fn a_credit_note_stands_beside_the_invoice_that_stays_written() {
    let mut story = Story::begins().stock_reserved().paid().confirmed().invoiced();
    let credit = CreditNote {
        number: CreditNoteNumber { year: 2026, sequence: 1 },
        issued_at: at_second(1),
        amount: euro(100),
        tax: Vec::new(),
        refund_reference: "re_1".to_owned(),
        cancels: None,
    };
    story.log.write(&streams::invoice(INVOICE_NUMBER), &InvoiceEvent::Credited(credit));
    let story = story.stands_at([Done, Done, Done, Done, Running]);
    assert_eq!(story.steps()[3].detail.as_deref(), Some("2026-000007, CN-2026-000001"));
}

#[test]
fn an_order_from_before_there_were_invoices_waits_for_none() {
    let story = Story::begins().stock_reserved().paid().confirmed().mail(1, &EmailEvent::Sent { attempts: 1 });
    let confirmed_at = story.log.events.iter().find(|recorded| recorded.kind() == "checkout.completed");
    let confirmed_at = confirmed_at.unwrap().position;
    let invoice = &steps(&story.log.events, confirmed_at)[3];
    assert_eq!((invoice.state, invoice.attempt), (Pending, 0));
    assert_eq!(invoice.detail.as_deref(), Some("the order is older than the shop's invoices"));
    assert_eq!(steps(&story.log.events, Position(confirmed_at.0 - 1))[3].state, Running);
}

#[test]
fn an_event_that_cannot_be_read_changes_no_step_and_hides_none() {
    let mut story = Story::begins().stock_reserved();
    let last = story.log.events.last_mut().unwrap();
    last.schema_version = 99;
    story.paid().confirmed().stands_at([Done, Done, Done, Running, Running]);
}
