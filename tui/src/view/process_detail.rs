//! Draws the selected process or read model: its progress, and what waits in it.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::{ParkedState, Process, Repeat, RepeatKind, View, WebhookCounts};

use crate::keys::Action;
use crate::state::{Model, Processes, Row, Waiting};
use crate::view::labels::short_id;
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, put_right, wrap, wrap_into};
use crate::view::theme::Theme;
use crate::view::{below, processes, row, when};

/// Width of the gauge of a rebuild, in cells.
const GAUGE: u64 = 24;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(chosen) = model.processes.selected() else { return };
    let title = row(area, 0);
    put(surface, title.x, title.y, &processes::name(&chosen), theme.strong, title.width);
    let body = below(area, 1);
    match chosen {
        Row::Process(process) => {
            let taken = draw_words(&progress_text(process), theme.dim, body, surface);
            waiting(model, &chosen, theme, below(body, taken + u16::from(body.height >= 8)), surface);
        }
        Row::View(view) => {
            let taken = draw_words(&view_standing(view), theme.dim, body, surface);
            let body = below(body, taken + u16::from(body.height >= 8));
            if view.paused && view.rebuilding.is_none() {
                waiting(model, &chosen, theme, body, surface);
            } else {
                read_model(model, view, theme, body, surface);
            }
        }
    }
}

/// Draws a text in lines; returns their number.
fn draw_words(text: &str, style: Style, area: Rect, surface: &mut Surface<'_>) -> u16 {
    if area.height == 0 {
        return 0;
    }
    let lines = wrap_into(text, area.width, usize::from(area.height));
    for (line, text) in lines.iter().enumerate() {
        put(surface, area.x, row(area, line).y, text, style, area.width);
    }
    u16::try_from(lines.len()).unwrap_or(area.height).min(area.height)
}

/// The progress of a process, as a sentence.
fn progress_text(process: &Process) -> String {
    let place = match process.lag {
        0 => format!("At the end of the log, {}.", process.head),
        lag => format!("At {} of {}, {lag} behind.", process.position, process.head),
    };
    let begun = match (process.in_flight, process.retrying) {
        (0, 0) => String::new(),
        (0, retrying) => format!(" {retrying} tried again."),
        (begun, 0) => format!(" {begun} being handled."),
        (begun, retrying) => format!(" {begun} being handled, {retrying} tried again."),
    };
    let steps = match process.steps {
        0 => String::new(),
        steps => format!(" {steps} to be stepped."),
    };
    format!("{place}{begun}{steps}")
}

fn view_standing(view: &View) -> String {
    match view.lag {
        0 => format!("At the end of the log, {}.", view.position),
        lag => format!("At {}, {lag} behind.", view.position),
    }
}

fn read_model(model: &Model, view: &View, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let mut area = area;
    if let Some(rebuilding) = &view.rebuilding {
        let done = (rebuilding.position.saturating_mul(GAUGE) / rebuilding.head.max(1)).min(GAUGE);
        let cells = |sign: &str, count: u64| sign.repeat(usize::try_from(count).unwrap_or(0));
        let gauge = format!("{}{}", cells("█", done), cells("░", GAUGE - done));
        let line = row(area, 0);
        let x = put(surface, line.x, line.y, &gauge, theme.accent, line.width) + 1;
        let count = format!("{} of {}", rebuilding.position, rebuilding.head);
        put(surface, x, line.y, &count, theme.text, line.right().saturating_sub(x));
        let text = "Being built anew; what asks it is answered from the present rows until this one has caught up.";
        draw_words(text, theme.dim, below(area, 1), surface);
        return;
    }
    if let Some(left_out) = &view.last_left_out {
        let text = format!(
            "{} could not be handled and {} left out. The last, at {}: {}",
            plural(view.left_out, "event"),
            if view.left_out == 1 { "is" } else { "are" },
            left_out.position,
            left_out.why
        );
        let taken = draw_words(&text, theme.bad, area, surface);
        area = below(area, taken);
    }
    let text = format!("{} builds it anew from the whole log, beside the present rows.", model.key(Action::Rebuild));
    draw_words(&text, theme.dim, area, surface);
}

fn plural(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// Draws what waits, and the details of the selected one.
fn waiting(model: &Model, of: &Row, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let processes = &model.processes;
    let lines = processes.waiting();
    let Some(chosen) = processes.chosen_waiting() else {
        let text = if processes.is_paused(of) {
            format!(
                "Nothing waits yet. What comes is held back here; {} lets one event go.",
                model.key(Action::NextEvent)
            )
        } else {
            "Nothing waits: no event is parked, tried again or held back.".to_owned()
        };
        let taken = draw_words(&text, theme.dim, area, surface);
        repeats(model, theme, below(area, taken + 1), surface);
        return;
    };
    let about = detail_text(model, &chosen, area.width < ORDER_MIN_WIDTH);
    let about_height = u16::try_from(wrap(&about, area.width).len()).unwrap_or(0).min(area.height / 2);
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let high = count.min(area.height.saturating_sub(about_height + 1)).max(1);
    list(processes, &lines, theme, Rect { height: high.min(area.height), ..area }, surface);
    let rest = below(area, high + 1);
    draw_words(&about, theme.text, rest, surface);
}

/// Draws repeats that changed nothing and decisions that were made again: how many, and the latest.
fn repeats(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(repeats) = &model.processes.repeats else { return };
    let WebhookCounts { received, applied, repeated, ignored, refused } = repeats.webhooks;
    if received + repeats.retried_appends + repeats.replayed_answers == 0 || area.height < 2 {
        return;
    }
    put(surface, area.x, area.y, "Came again, or was decided anew", theme.strong, area.width);
    let webhooks = format!(
        "{}: {applied} applied, {repeated} repeated, {ignored} ignored, {refused} refused.",
        plural(received, "webhook")
    );
    let others = format!(
        "{} decided anew, {} replayed.",
        plural(repeats.retried_appends, "append"),
        plural(repeats.replayed_answers, "answer")
    );
    let body = below(area, 1);
    let taken = draw_words(&format!("{webhooks} {others}"), theme.dim, body, surface);
    let list = below(body, taken);
    for (line, repeat) in repeats.recent.iter().take(usize::from(list.height)).enumerate() {
        let row = row(list, line);
        let at = when::time_of_day(repeat.at, &model.zone);
        let at = at.split('.').next().unwrap_or_default();
        let x = put(surface, row.x, row.y, at, theme.dim, row.width) + 1;
        put(surface, x, row.y, &repeat_text(repeat), theme.text, row.right().saturating_sub(x));
    }
}

fn repeat_text(repeat: &Repeat) -> String {
    let order = match &repeat.correlation_id {
        Some(id) => format!(" ({})", short_id(id)),
        None => String::new(),
    };
    let about = &repeat.about;
    match repeat.kind {
        RepeatKind::WebhookRepeated => format!("webhook again: {about}{order}"),
        RepeatKind::WebhookIgnored => format!("webhook ignored: {about}{order}"),
        RepeatKind::WebhookRefused => format!("webhook refused: {about}"),
        RepeatKind::AppendRetried => {
            let version = |version: Option<u64>| version.unwrap_or_default();
            let (expected, actual) = (version(repeat.expected_version), version(repeat.actual_version));
            format!("{about}: expected version {expected}, was {actual}")
        }
        RepeatKind::AnswerReplayed => format!("same key again: {about}{order}"),
    }
}

/// Minimum width at which a line names its order; below, the details name it.
const ORDER_MIN_WIDTH: u16 = 56;

fn list(processes: &Processes, lines: &[Waiting], theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let first = first_line(processes.waiting.cursor, lines.len(), area.height);
    for (place, line) in lines.iter().enumerate().skip(first).take(usize::from(area.height)) {
        let row = row(area, place - first);
        let chosen = processes.inside && surface.line(theme, row, place, processes.waiting.cursor);
        draw_row(line, theme, row, chosen, surface);
    }
}

fn draw_row(line: &Waiting, theme: &Theme, row: Rect, chosen: bool, surface: &mut Surface<'_>) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let (sign, word, style, position, kind) = match line {
        Waiting::Parked(parked) => match parked.state {
            ParkedState::Parked => ("✗", "parked", theme.bad, parked.position, &parked.kind),
            ParkedState::Retrying => ("↻", "again", theme.warn, parked.position, &parked.kind),
        },
        Waiting::Retry(retry) => ("↻", "again", theme.warn, retry.position, &retry.kind),
        Waiting::Next(next) => ("‖", "next", theme.accent, next.position, &next.kind),
    };
    let x = put(surface, row.x + 2, row.y, sign, on_row(style), 1) + 1;
    put(surface, x, row.y, word, on_row(style), 6);
    let about = short_id(line.sequence());
    let right = if row.width >= ORDER_MIN_WIDTH {
        put_right(surface, row.right().saturating_sub(1), row.y, about, on_row(theme.dim), 12).saturating_sub(1)
    } else {
        row.right()
    };
    put_right(surface, x + 12, row.y, &position.to_string(), on_row(theme.dim), 6);
    let x = x + 13;
    put(surface, x, row.y, kind, on_row(theme.text), right.saturating_sub(x));
}

/// The details of something that waits.
fn detail_text(model: &Model, line: &Waiting, narrow: bool) -> String {
    let time = |at| when::time_of_day(at, &model.zone);
    let whose = match line.order() {
        Some(_) if narrow => format!("Order {}.\n", short_id(line.sequence())),
        Some(_) | None => String::new(),
    };
    let told = match line {
        Waiting::Parked(parked) => {
            let tries = if parked.attempts == 1 { "once".to_owned() } else { format!("{} times", parked.attempts) };
            let behind = match parked.waiting {
                0 => String::new(),
                1 => " 1 event waits behind it.".to_owned(),
                count => format!(" {count} events wait behind it."),
            };
            let state = match parked.state {
                ParkedState::Parked => {
                    let [retry, skip] = [Action::RetryParked, Action::SkipParked].map(|action| model.key(action));
                    let keys = format!("{retry} tries it again, {skip} drops it for good.");
                    format!("Tried {tries}, parked since {}.{behind}\n{keys}", time(parked.parked_at))
                }
                ParkedState::Retrying => format!("It is being tried again, then what waits behind it.{behind}"),
            };
            format!("{}\n{state}", capital(&parked.error))
        }
        Waiting::Retry(retry) => {
            let next = match retry.next_attempt_at {
                Some(at) => format!("the next time at {}", time(at)),
                None => "the next time now or in its turn".to_owned(),
            };
            format!("{}\nTried {}×, {next}.", capital(&retry.error), retry.attempts)
        }
        Waiting::Next(_) => {
            let [step, go_on] = [Action::NextEvent, Action::Pause].map(|action| model.key(action));
            format!("Held back. {step} lets the first of these go, {go_on} all.")
        }
    };
    format!("{whose}{told}")
}

/// Capitalises the first letter of an error.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
