//! The palette over the screen: actions, products, orders, invoices and mails in one list, the best match first.

use storefront_api::{DocumentKind, DocumentSummary, OrderId, OrderNumber, OrderSummary, Product, Timestamp};
use tui_input::Input;

use crate::keys::{Action, Context, Keymap, word};
use crate::money;
use crate::preferences::ThemeName;
use crate::state::account::{Account, Mail};
use crate::state::{List, TimelineView, summary_title};

/// Maximum number of invoices, and of mails, in the list.
const MAX_DOCUMENTS: usize = 5;
/// Score of what the shop found by something that its name does not tell, such as a description.
const FOUND: u32 = 4;
/// Score from which the typed letters are only scattered over a text.
const SCATTERED: u32 = 10;

/// What Enter does with a line of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Action(Action),
    Theme(ThemeName),
    View(TimelineView),
    /// Opens the order with this number.
    FindOrder(OrderNumber),
    /// Opens the order with this id.
    OpenOrder(OrderId),
    /// Opens the page of a product.
    OpenProduct(Box<Product>),
    /// Opens the invoice or credit note with this number.
    ReadDocument(String),
    /// Opens the mail with this number.
    ReadMail(u64),
    /// Copies the command by which others join the shop.
    CopyJoin,
}

impl Command {
    /// What Enter does with it, as the end of a sentence.
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::Action(_) => "does it",
            Self::Theme(_) => "takes this theme",
            Self::View(_) => "shows the timeline like this",
            Self::FindOrder(_) | Self::OpenOrder(_) => "opens the order",
            Self::OpenProduct(_) => "opens the page of the product",
            Self::ReadDocument(_) => "opens the document",
            Self::ReadMail(_) => "opens the mail",
            Self::CopyJoin => "copies the command",
        }
    }

    /// Rank among commands of the same score.
    const fn rank(&self) -> u8 {
        match self {
            Self::FindOrder(_) => 0,
            Self::Action(_) | Self::Theme(_) | Self::View(_) | Self::CopyJoin => 1,
            Self::OpenProduct(_) => 2,
            Self::OpenOrder(_) => 3,
            Self::ReadDocument(_) => 4,
            Self::ReadMail(_) => 5,
        }
    }
}

/// A line of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) command: Command,
    pub(crate) text: String,
    /// Label of the key with the same effect; empty when there is none.
    pub(crate) key: String,
    /// What kind of thing it is, with its price, number or day; empty for actions.
    pub(crate) about: String,
}

impl Entry {
    fn action(command: Command, text: String, key: String) -> Self {
        Self { command, text, key, about: String::new() }
    }

    fn thing(command: Command, text: String, about: String) -> Self {
        Self { command, text, key: String::new(), about }
    }
}

/// What the shop found for the typed words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) products: Vec<Product>,
    pub(crate) orders: Vec<OrderSummary>,
}

/// The open palette.
#[derive(Debug)]
pub(crate) struct Palette {
    pub(crate) filter: Input,
    pub(crate) list: List,
    /// When to ask the shop for the typed words.
    pub(crate) search_at: Option<Timestamp>,
    /// Number of the latest search; results of earlier ones are dropped.
    pub(crate) sequence: u64,
    pub(crate) found: Found,
    entries: Vec<Entry>,
}

impl Palette {
    /// The commands of a context.
    pub(crate) fn new(keys: &Keymap, about: Context, join: Option<&str>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for binding in keys.bindings(about) {
            let command = Command::Action(binding.action);
            let moves = matches!(binding.action, Action::Up | Action::Down | Action::Palette);
            if !moves && !entries.iter().any(|known| known.command == command) {
                entries.push(Entry::action(command, binding.help.to_owned(), binding.first_key()));
            }
        }
        let mut add = |command, text| entries.push(Entry::action(command, text, String::new()));
        if matches!(about, Context::Order | Context::Scrubber | Context::Replay) {
            // The scrubber needs the shop; a file has none.
            let views = if about == Context::Replay { &TimelineView::ALL[..3] } else { &TimelineView::ALL[..] };
            views.iter().for_each(|view| add(Command::View(*view), format!("Timeline as {}", view.name())));
        }
        if let Some(join) = join {
            add(Command::CopyJoin, format!("Join from another terminal: {join} (copies it)"));
        }
        for theme in ThemeName::ALL {
            add(Command::Theme(theme), format!("Theme {}", word(theme).replace('_', " ")));
        }
        let (filter, list, found) = (Input::default(), List::default(), Found::default());
        Self { filter, list, search_at: None, sequence: 0, found, entries }
    }

    /// The typed text without blanks around it.
    pub(crate) fn typed(&self) -> &str {
        self.filter.value().trim()
    }

    /// The entries that match the typed text, the best first; without any text, the actions.
    pub(crate) fn lines(&self, account: &Account) -> Vec<Entry> {
        let typed = self.typed().to_lowercase();
        let actions = self.entries.iter().filter_map(|entry| Some((score(&entry.text, &typed)?, entry.clone())));
        let mut lines: Vec<(u32, Entry)> = actions.collect();
        if !typed.is_empty() {
            lines.extend(self.order().map(|order| (0, order)));
            lines.extend(self.found(&typed));
            lines.extend(documents(account, &typed));
            lines.extend(mails(account, &typed));
        }
        // Scattered letters are a guess for when there is nothing better.
        if lines.iter().any(|(score, _)| *score < SCATTERED) {
            lines.retain(|(score, _)| *score < SCATTERED);
        }
        // Stable: equal ones keep the order of the table.
        lines.sort_by_key(|(score, entry)| (*score, entry.command.rank()));
        lines.into_iter().map(|(_, entry)| entry).collect()
    }

    /// An entry for a typed order number or id, with or without `order:` before it.
    fn order(&self) -> Option<Entry> {
        let (number, id) = self.typed_order();
        let command = number.map(Command::FindOrder).or(id.map(Command::OpenOrder))?;
        let named = number.map(|number| number.to_string()).or(id.map(|id| id.to_string()))?;
        let known = self.found.orders.iter().find(|order| self.is_typed(order));
        Some(match known {
            Some(order) => {
                let text = format!("Open order {named}: {}", summary_title(order));
                Entry::action(Command::OpenOrder(order.id), text, String::new())
            }
            None => Entry::action(command, format!("Open order {named}"), String::new()),
        })
    }

    /// The order number or id that is typed.
    fn typed_order(&self) -> (Option<OrderNumber>, Option<OrderId>) {
        let typed = self.typed().trim_start_matches('/');
        let typed = typed.strip_prefix("order:").unwrap_or(typed).trim();
        (typed.parse().ok(), typed.parse().ok())
    }

    /// Whether the number or the id of an order is typed.
    fn is_typed(&self, order: &OrderSummary) -> bool {
        let (number, id) = self.typed_order();
        id == Some(order.id) || number.is_some_and(|number| order.number == Some(number.to_string()))
    }

    /// The products and orders that the shop found. What is listed already may be older than the typed text.
    fn found<'a>(&'a self, typed: &'a str) -> impl Iterator<Item = (u32, Entry)> + 'a {
        let products = self.found.products.iter().map(|product| {
            let about = format!("product  {}", money::shown(product.price));
            let command = Command::OpenProduct(Box::new(product.clone()));
            (found_score(&product.name, typed), Entry::thing(command, product.name.clone(), about))
        });
        let orders = self.found.orders.iter().filter(|order| !self.is_typed(order)).map(|order| {
            let number = order.number.clone().unwrap_or_default();
            let title = summary_title(order);
            let score = found_score(&title, typed).min(found_score(&number, typed));
            let about = if number.is_empty() { "basket".to_owned() } else { format!("order  {number}") };
            (score, Entry::thing(Command::OpenOrder(order.id), title, about))
        });
        products.chain(orders)
    }
}

/// The invoices and credit notes with a matching number, or for an order with one.
fn documents<'a>(account: &'a Account, typed: &'a str) -> impl Iterator<Item = (u32, Entry)> + 'a {
    let entry = |document: &DocumentSummary| {
        let kind = match document.kind {
            DocumentKind::Invoice => "Invoice",
            DocumentKind::CreditNote => "Credit note",
        };
        let text = format!("{kind} {} for order {}", document.number, document.order_number);
        let about = money::shown(document.amount);
        let found = score(&text, typed).filter(|score| *score < SCATTERED)?;
        Some((found, Entry::thing(Command::ReadDocument(document.number.clone()), text, about)))
    };
    account.invoices.items.iter().filter_map(move |(_, document)| entry(document)).take(MAX_DOCUMENTS)
}

/// The mails with a matching subject.
fn mails<'a>(account: &'a Account, typed: &'a str) -> impl Iterator<Item = (u32, Entry)> + 'a {
    let entry = |mail: &Mail| {
        let text = format!("Mail: {}", mail.subject);
        let found = score(&text, typed).filter(|score| *score < SCATTERED)?;
        Some((found, Entry::thing(Command::ReadMail(mail.number), text, "mail".to_owned())))
    };
    account.mails.items.iter().filter_map(move |(_, mail)| entry(mail)).take(MAX_DOCUMENTS)
}

/// Score of something that the shop found.
fn found_score(text: &str, typed: &str) -> u32 {
    score(text, typed).unwrap_or(FOUND).min(FOUND)
}

/// Score of a text against the typed letters, 0 being best; `None` when not all of them occur in this order.
fn score(text: &str, typed: &str) -> Option<u32> {
    let text = text.to_lowercase();
    if typed.is_empty() {
        return Some(0);
    }
    if let Some(at) = text.find(typed) {
        let starts_word = at == 0 || text[..at].ends_with(' ');
        return Some(if at == 0 {
            0
        } else if starts_word {
            1
        } else {
            2
        });
    }
    if typed.contains(' ') && typed.split_whitespace().all(|word| text.contains(word)) {
        return Some(3);
    }
    let mut letters = text.char_indices();
    let (mut gaps, mut before) = (0, None);
    for wanted in typed.chars().filter(|letter| !letter.is_whitespace()) {
        let (at, _) = letters.find(|(_, letter)| *letter == wanted)?;
        gaps += u32::from(before.is_some_and(|before| at > before + 1));
        before = Some(at);
    }
    Some(SCATTERED + gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_word_comes_before_its_middle_and_scattered_letters_come_last() {
        let scores = ["Theme dark", "Next theme", "Anathema", "To her meadow"].map(|text| score(text, "theme"));
        assert_eq!(scores[..3], [Some(0), Some(1), None]);
        assert!(scores[3] > Some(9), "{scores:?}");
        assert_eq!(score("Theme dark", ""), Some(0));
        assert_eq!(score("Theme dark", "xyz"), None);
        assert_eq!(score("Invoice 2026-000001 for order MM2X-33BA", "33ba invoice"), Some(3));
    }

    #[test]
    fn an_order_is_found_by_its_number_however_it_is_written_and_by_its_id() {
        let number: OrderNumber = "MJVS-JTAY".parse().unwrap();
        let id = OrderId(uuid::Uuid::from_u128(7));
        let typed = |text: &str| {
            let mut palette = Palette::new(&Keymap::default(), Context::Shop, None);
            palette.filter = Input::new(text.to_owned());
            palette.lines(&Account::default()).into_iter().map(|entry| entry.command).next()
        };
        for text in ["MJVS-JTAY", "mjvsjtay", " order:MJVS-JTAY", "/order:mjvs-jtay"] {
            assert_eq!(typed(text), Some(Command::FindOrder(number)), "{text}");
        }
        assert_eq!(typed(&id.to_string()), Some(Command::OpenOrder(id)));
        // A typing error finds nothing, and words are words.
        assert_eq!(typed("MJVS-JTAX"), None);
        assert!(matches!(typed("theme"), Some(Command::Action(_) | Command::Theme(_))));
    }

    #[test]
    fn everything_that_has_a_key_can_be_found_once() {
        let keys = Keymap::default();
        for context in [Context::Shop, Context::Order, Context::Replay, Context::Log] {
            let palette = Palette::new(&keys, context, None);
            let lines = palette.lines(&Account::default());
            let commands: Vec<&Command> = lines.iter().map(|entry| &entry.command).collect();
            for binding in keys.bindings(context) {
                let times = commands.iter().filter(|command| ***command == Command::Action(binding.action)).count();
                let moves = matches!(binding.action, Action::Up | Action::Down | Action::Palette);
                assert_eq!(times, usize::from(!moves), "{:?} in {context:?}", binding.action);
            }
        }
    }
}
