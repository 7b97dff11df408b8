//! Replays a timeline from a file: events appear when they are due, or step by step.

use storefront_api::OrderId;
use uuid::Uuid;

use crate::state::{Load, Model, OpenOrder, Replay, SPEED_RANGE, Screen};
use crate::update::Effect;

/// Opens the replay and starts it.
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
        // Restarts from the beginning.
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

/// Steps one event forward or back, and pauses.
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
    replay.speed = speed.clamp(SPEED_RANGE.0, SPEED_RANGE.1);
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

/// Schedules the next event.
fn plan(model: &mut Model) {
    let Some(replay) = &model.replay else { return };
    let goes_on = replay.playing && !replay.is_over();
    // At the highest speeds a pause is below a millisecond; each event still gets a tick.
    let at = goes_on.then(|| model.in_ms(replay.pause_ms().max(1)));
    if let Some(replay) = &mut model.replay {
        replay.next_at = at;
        replay.playing &= !replay.is_over();
    }
}
