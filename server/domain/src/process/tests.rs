use super::*;

/// A process with a history.
fn after(events: &[ProcessEvent]) -> Process {
    events.iter().fold(Process::default(), evolve)
}

fn parked(sequence: &str, position: u64) -> ProcessEvent {
    ProcessEvent::SequenceParked { sequence: sequence.to_owned(), position, attempts: 3, error: "it burns".to_owned() }
}

fn retried(sequence: &str, position: u64) -> ProcessEvent {
    ProcessEvent::SequenceRetried { sequence: sequence.to_owned(), position }
}

fn skipped(sequence: &str, position: u64) -> ProcessEvent {
    ProcessEvent::SequenceSkipped { sequence: sequence.to_owned(), position }
}

fn recovered(sequence: &str, position: u64) -> ProcessEvent {
    ProcessEvent::SequenceRecovered { sequence: sequence.to_owned(), position }
}

fn park(sequence: &str, position: u64) -> ProcessCommand {
    let (sequence, error) = (sequence.to_owned(), "it burns".to_owned());
    ProcessCommand::Park { sequence, position, attempts: 3, error }
}

fn retry(sequence: &str) -> ProcessCommand {
    ProcessCommand::Retry { sequence: sequence.to_owned() }
}

fn skip(sequence: &str) -> ProcessCommand {
    ProcessCommand::Skip { sequence: sequence.to_owned() }
}

#[test]
fn pausing_twice_is_pausing_once_and_only_a_paused_process_is_stepped() {
    let running = Process::default();
    assert_eq!(decide(&running, ProcessCommand::Pause), Ok(vec![ProcessEvent::Paused]));
    assert_eq!(decide(&running, ProcessCommand::Resume), Ok(vec![]));
    assert_eq!(decide(&running, ProcessCommand::Step), Err(ProcessError::NotPaused));
    let paused = after(&[ProcessEvent::Paused]);
    assert!(paused.paused());
    assert_eq!(decide(&paused, ProcessCommand::Pause), Ok(vec![]));
    assert_eq!(decide(&paused, ProcessCommand::Step), Ok(vec![ProcessEvent::Stepped]));
    assert_eq!(decide(&paused, ProcessCommand::Resume), Ok(vec![ProcessEvent::Resumed]));
    assert!(after(&[ProcessEvent::Paused, ProcessEvent::Stepped]).paused());
    assert!(!after(&[ProcessEvent::Paused, ProcessEvent::Resumed]).paused());
}

#[test]
fn a_sequence_is_parked_once_for_each_event_at_which_it_stands() {
    assert_eq!(decide(&Process::default(), park("a", 7)), Ok(vec![parked("a", 7)]));
    let standing = after(&[parked("a", 7)]);
    assert_eq!(decide(&standing, park("a", 7)), Ok(vec![]));
    let going_on = after(&[parked("a", 7), retried("a", 7)]);
    assert_eq!(decide(&going_on, park("a", 9)), Ok(vec![parked("a", 9)]));
    assert_eq!(after(&[parked("a", 7), retried("a", 7), parked("a", 9)]).parked()["a"].position, 9);
}

#[test]
fn a_retry_goes_on_with_the_event_and_a_skip_after_it() {
    let standing = after(&[parked("a", 7), parked("b", 8)]);
    assert_eq!(decide(&standing, retry("a")), Ok(vec![retried("a", 7)]));
    assert_eq!(decide(&standing, skip("a")), Ok(vec![skipped("a", 7)]));
    let goes_on_after = |event| evolve(standing.clone(), &event).parked()["a"].goes_on_after;
    assert_eq!(goes_on_after(retried("a", 7)), Some(6));
    assert_eq!(goes_on_after(skipped("a", 7)), Some(7));
    assert_eq!(standing.parked()["b"].goes_on_after, None);
}

#[test]
fn only_what_stands_can_be_retried_or_skipped() {
    let process = after(&[parked("a", 7), retried("a", 7)]);
    for command in [retry("a"), skip("a")] {
        assert_eq!(decide(&process, command), Err(ProcessError::RetriedAlready));
    }
    for command in [retry("b"), skip("b")] {
        assert_eq!(decide(&process, command), Err(ProcessError::NotParked));
    }
}

#[test]
fn a_sequence_that_has_caught_up_is_no_longer_parked_and_is_known_to_be_dealt_with() {
    let recover = ProcessCommand::Recover { sequence: "a".to_owned(), position: 9 };
    assert_eq!(decide(&after(&[parked("a", 7)]), recover.clone()), Ok(vec![]));
    let going_on = after(&[parked("a", 7), skipped("a", 7)]);
    assert_eq!(decide(&going_on, recover), Ok(vec![recovered("a", 9)]));
    let flowing = evolve(going_on, &recovered("a", 9));
    assert!(flowing.parked().is_empty());
    assert_eq!(flowing.settled()["a"], 9);
    assert!(evolve(flowing, &parked("a", 12)).settled().is_empty());
}

#[test]
fn parking_has_a_limit_and_an_error_is_cut() {
    let full: Vec<_> =
        (0..MAX_PARKED_SEQUENCES).map(|number| parked(&format!("order {number}"), number as u64 + 1)).collect();
    let full = after(&full);
    assert_eq!(decide(&full, park("one more", 500_000)), Err(ProcessError::TooManyParked));
    assert_eq!(decide(&full, park("order 1", 2)), Ok(vec![]));
    let error = "é".repeat(600);
    let long = ProcessCommand::Park { sequence: "a".to_owned(), position: 1, attempts: 1, error };
    let events = decide(&Process::default(), long).unwrap();
    assert!(matches!(&events[..], [ProcessEvent::SequenceParked { error, .. }] if error.chars().count() == 500));
}

#[test]
fn it_is_said_once_from_where_on_a_process_acts() {
    let introduced = decide(&Process::default(), ProcessCommand::Introduce { after: 80 }).unwrap();
    assert_eq!(introduced, [ProcessEvent::Introduced { after: 80 }]);
    let process = evolve(Process::default(), &introduced[0]);
    assert_eq!((Process::default().introduced(), process.introduced()), (None, Some(80)));
    assert_eq!(decide(&process, ProcessCommand::Introduce { after: 90 }), Ok(vec![]));
    assert_eq!(evolve(process.clone(), &ProcessEvent::Introduced { after: 90 }), process, "the first word counts");
}
