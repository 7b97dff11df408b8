//! What holds on every page: the connection, the basket, what is broken or paused.

use super::Said;
use super::words::{count, listed};
use crate::money;
use crate::state::{Connection, Model, process_sentence};
use crate::view::when;

/// What has changed since it was said.
pub(super) fn changes(model: &Model, said: &mut Said) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, text, otherwise) in facts(model) {
        let before = said.insert(key.to_owned(), text.clone()).unwrap_or_default();
        if text == before {
            continue;
        }
        lines.push(if text.is_empty() { otherwise.to_owned() } else { text });
    }
    lines
}

/// Each fact, empty when there is nothing to say, and the sentence for when it ends.
fn facts(model: &Model) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("connection", connection(model), ""),
        (
            "unfit",
            model.unfit.first().map(|reason| format!("The shop cannot do its work: {reason}")).unwrap_or_default(),
            "The shop can do its work again.",
        ),
        (
            "started over",
            model
                .started_over
                .map(|known| {
                    let at = when::time_of_day(known.at, &model.zone);
                    format!("The shop was started over at {at}; what was before is gone.")
                })
                .unwrap_or_default(),
            "",
        ),
        ("broken", broken(model), "Nothing is broken any more."),
        ("paused", paused(model), "Nothing is paused any more."),
        ("basket", basket(model), "The basket is empty."),
    ]
}

fn connection(model: &Model) -> String {
    match &model.connection {
        Connection::Opening if model.replay.is_some() => String::new(),
        Connection::Opening => "The shop is opening.".to_owned(),
        Connection::Live => "Connected to the shop.".to_owned(),
        // Which of several failures it is changes from attempt to attempt; that there is none, is said once.
        Connection::Offline { .. } => {
            "The shop cannot be reached. What is shown stays; it is asked again by itself.".to_owned()
        }
    }
}

fn broken(model: &Model) -> String {
    let broken = model.lab.broken();
    let told = broken.iter().map(|(stub, what)| format!("{}: {what}", stub.name()));
    let told = listed(told);
    if told.is_empty() { told } else { format!("Broken: {told}.") }
}

fn paused(model: &Model) -> String {
    let processes = model.paused.processes.iter().map(|name| process_sentence(name));
    let views = model.paused.views.iter().map(|view| format!("list {} at position {}", view.name, view.position));
    let told = listed(processes.chain(views));
    if told.is_empty() { told } else { format!("Paused: {told}.") }
}

fn basket(model: &Model) -> String {
    let pieces = usize::try_from(model.basket.pieces()).unwrap_or(usize::MAX);
    if pieces == 0 {
        return String::new();
    }
    format!("Basket: {}, {}.", count(pieces, "piece", "pieces"), money::shown(model.basket.total()))
}
