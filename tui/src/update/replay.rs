//! Playing a timeline from a file: events come when they are due, or when somebody steps.

use storefront_api::OrderId;
use uuid::Uuid;

use crate::state::{Load, Model, OpenOrder, Replay, SPEEDS, Screen};
use crate::update::Effect;

/// Shows the replay, which begins at once.
pub(super) fn start(model: &mut Model, replay: Replay) -> Vec<Effect> {
    let mut open = OpenOrder::new(OrderId(Uuid::nil()));
    open.load = Load::Ready;
    model.order = Some(open);
    model.screen = Screen::Replay;
    model.replay = Some(Replay { next_at: Some(model.now), ..replay });
    on_tick(model);
    Vec::new()
}

/// Plays everything that is due.
pub(super) fn on_tick(model: &mut Model) {
    while model.replay.as_ref().and_then(|replay| replay.next_at).is_some_and(|at| at <= model.now) {
        forward(model);
        plan(model);
    }
}

pub(super) fn pause(model: &mut Model) {
    let Some(replay) = &mut model.replay else { return };
    if replay.is_over() {
        // Once more, from the beginning.
        replay.played = 0;
        replay.playing = true;
        if let Some(open) = &mut model.order {
            open.truncate(0);
        }
    } else {
        replay.playing = !replay.playing;
    }
    plan(model);
}

/// One event on or back; stepping is by hand, so it pauses.
pub(super) fn step(model: &mut Model, by: isize) {
    let Some(replay) = &mut model.replay else { return };
    replay.playing = false;
    replay.next_at = None;
    if by > 0 {
        forward(model);
        return;
    }
    replay.played = replay.played.saturating_sub(1).max(1).min(replay.events.len());
    let left = replay.played;
    if let Some(open) = &mut model.order {
        open.truncate(left);
    }
}

pub(super) fn change_speed(model: &mut Model, faster: bool) {
    let Some(replay) = &mut model.replay else { return };
    let speed = if faster { replay.speed.saturating_mul(2) } else { replay.speed / 2 };
    replay.speed = speed.clamp(SPEEDS.0, SPEEDS.1);
    plan(model);
}

/// Shows the next event.
fn forward(model: &mut Model) {
    let (Some(replay), Some(open)) = (&mut model.replay, &mut model.order) else { return };
    if let Some(event) = replay.events.get(replay.played).cloned() {
        replay.played += 1;
        let position = event.position;
        open.append(vec![event], position);
    }
}

/// When the next event is due.
fn plan(model: &mut Model) {
    let Some(replay) = &model.replay else { return };
    let goes_on = replay.playing && !replay.is_over();
    // At the highest speeds a pause is less than a millisecond: a tick for each event all the same.
    let at = goes_on.then(|| model.in_ms(replay.pause_ms().max(1)));
    if let Some(replay) = &mut model.replay {
        replay.next_at = at;
        replay.playing &= !replay.is_over();
    }
}
