//! Tests of the outcomes of a mail.

use super::*;
use crate::testing::{Given, fold_events, order};

fn given(history: impl IntoIterator<Item = EmailEvent>) -> Given<Email> {
    crate::testing::given(history)
}

fn requested() -> EmailEvent {
    EmailEvent::Requested { order_id: order(1), kind: MailKind::Confirmation, to: "ada@example.com".to_owned() }
}

fn sent() -> EmailEvent {
    EmailEvent::Sent { attempts: 2 }
}

fn failed() -> EmailEvent {
    EmailEvent::Failed { attempts: 5, detail: "mailbox full".to_owned() }
}

fn request() -> EmailCommand {
    EmailCommand::Request { order_id: order(1), kind: MailKind::Confirmation, to: "ada@example.com".to_owned() }
}

fn record_sent() -> EmailCommand {
    EmailCommand::RecordSent { attempts: 2 }
}

fn record_failure() -> EmailCommand {
    EmailCommand::RecordFailure { attempts: 5, detail: "mailbox full".to_owned() }
}

#[test]
fn a_mail_is_asked_for_once() {
    let mail = given([]).when(request()).then([requested()]);
    assert!(matches!(mail, Email::Requested(Mail { kind: MailKind::Confirmation, .. })));
    for history in [vec![requested()], vec![requested(), sent()], vec![requested(), failed()]] {
        given(history).when(request()).then_nothing();
    }
}

#[test]
fn a_mail_is_sent_once() {
    let mail = given([requested()]).when(record_sent()).then([sent()]);
    assert!(matches!(mail, Email::Sent(_)));
    given([requested(), sent()]).when(record_sent()).then_nothing();
    given([requested(), sent()]).when(record_failure()).then_nothing();
}

#[test]
fn a_mail_that_was_given_up_can_still_be_sent_by_hand() {
    let mail = given([requested()]).when(record_failure()).then([failed()]);
    assert!(matches!(mail, Email::Failed(_)));
    given([requested(), failed()]).when(record_failure()).then_nothing();
    given([requested(), failed()]).when(record_sent()).then([sent()]);
}

#[test]
fn nothing_can_be_recorded_of_a_mail_that_nobody_asked_for() {
    given([]).when(record_sent()).then_refused(EmailError::NotFound);
    given([]).when(record_failure()).then_refused(EmailError::NotFound);
}

#[test]
fn every_event_that_does_not_fit_leaves_the_mail_as_it_was() {
    let states: [(&[EmailEvent], [bool; 3]); 4] = [
        (&[], [true, false, false]),
        (&[requested()], [false, true, true]),
        (&[requested(), sent()], [false, false, false]),
        (&[requested(), failed()], [false, true, false]),
    ];
    for (history, fits) in states {
        let before = fold_events(Email::Unknown, history.to_vec());
        for (event, fits) in [requested(), sent(), failed()].iter().zip(fits) {
            assert_eq!(evolve(before.clone(), event) != before, fits, "{event:?} on {before:?}");
        }
    }
}
