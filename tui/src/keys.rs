//! The key table: which key does what, where. Dispatch, the hint bar, the help and the documentation read this one table;
//! nothing else in the client compares keys. Knows no terminal library: [`Key`] is our own.

use std::fmt;

mod table;

pub(crate) use table::BINDINGS;

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) code: Code,
    pub(crate) ctrl: bool,
    pub(crate) alt: bool,
}

impl Key {
    pub(crate) const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    pub(crate) const fn char(letter: char) -> Self {
        Self::plain(Code::Char(letter))
    }

    pub(crate) const fn ctrl(letter: char) -> Self {
        Self { code: Code::Char(letter), ctrl: true, alt: false }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("Space"),
            Code::Char(letter) if self.ctrl => write!(f, "Ctrl-{}", letter.to_uppercase()),
            Code::Char(letter) => write!(f, "{letter}"),
            Code::Enter => f.write_str("Enter"),
            Code::Esc => f.write_str("Esc"),
            Code::Tab => f.write_str("Tab"),
            Code::BackTab => f.write_str("Shift-Tab"),
            Code::Backspace => f.write_str("Backspace"),
            Code::Delete => f.write_str("Del"),
            Code::Up => f.write_str("↑"),
            Code::Down => f.write_str("↓"),
            Code::Left => f.write_str("←"),
            Code::Right => f.write_str("→"),
            Code::PageUp => f.write_str("PgUp"),
            Code::PageDown => f.write_str("PgDn"),
            Code::Home => f.write_str("Home"),
            Code::End => f.write_str("End"),
        }
    }
}

/// Something that a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Action {
    Quit,
    Suspend,
    Redraw,
    Help,
    NextTheme,
    GoShop,
    GoBasket,
    GoOrders,
    GoLog,
    NextScreen,
    PreviousScreen,
    Back,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Search,
    NextShelf,
    PreviousShelf,
    OnlyInStock,
    NextSort,
    ShowAll,
    More,
    Fewer,
    Add,
    Remove,
    Undo,
    EmptyBasket,
    CheckOut,
    NextField,
    PreviousField,
    NextChoice,
    PreviousChoice,
    Submit,
    OpenOrder,
    NextStatus,
    Detail,
    CancelOrder,
    AdoptBasket,
    EndSearch,
    ClearSearch,
    RunHelp,
    CloseHelp,
    Yes,
    No,
}

/// Where a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In every context, also while typing.
    Always,
    /// Wherever no text is typed.
    Everywhere,
    /// On every screen with a list.
    Lists,
    Shop,
    Basket,
    /// In the checkout form, on every field.
    Checkout,
    /// On its text fields.
    CheckoutField,
    /// On the choice of payment.
    CheckoutPayment,
    CheckoutProgress,
    Orders,
    Order,
    Log,
    Search,
    Help,
    Confirm,
}

/// What has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    Shop,
    Basket,
    CheckoutField,
    CheckoutPayment,
    CheckoutProgress,
    Orders,
    Order,
    Log,
    Search,
    Help,
    Confirm,
}

impl Context {
    /// Every context.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 11] = [
        Self::Shop,
        Self::Basket,
        Self::CheckoutField,
        Self::CheckoutPayment,
        Self::CheckoutProgress,
        Self::Orders,
        Self::Order,
        Self::Log,
        Self::Search,
        Self::Help,
        Self::Confirm,
    ];

    /// The places whose bindings hold here, the nearest first.
    pub(crate) const fn places(self) -> &'static [Place] {
        match self {
            Self::Shop => &[Place::Shop, Place::Lists, Place::Everywhere, Place::Always],
            Self::Basket => &[Place::Basket, Place::Lists, Place::Everywhere, Place::Always],
            Self::CheckoutField => &[Place::CheckoutField, Place::Checkout, Place::Always],
            Self::CheckoutPayment => &[Place::CheckoutPayment, Place::Checkout, Place::Always],
            Self::CheckoutProgress => &[Place::CheckoutProgress, Place::Lists, Place::Everywhere, Place::Always],
            Self::Orders => &[Place::Orders, Place::Lists, Place::Everywhere, Place::Always],
            Self::Order => &[Place::Order, Place::Lists, Place::Everywhere, Place::Always],
            Self::Log => &[Place::Log, Place::Lists, Place::Everywhere, Place::Always],
            Self::Search => &[Place::Search, Place::Always],
            Self::Help => &[Place::Help, Place::Always],
            Self::Confirm => &[Place::Confirm, Place::Always],
        }
    }

    /// Whether a key that is not bound is typed into a field.
    pub(crate) const fn takes_text(self) -> bool {
        match self {
            Self::CheckoutField | Self::Search | Self::Help => true,
            Self::Shop
            | Self::Basket
            | Self::CheckoutPayment
            | Self::CheckoutProgress
            | Self::Orders
            | Self::Order
            | Self::Log
            | Self::Confirm => false,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) action: Action,
    pub(crate) place: Place,
    /// Any of these; the first is the one that is shown.
    pub(crate) keys: &'static [Key],
    /// One or two words for the hint bar; empty: not shown there.
    pub(crate) hint: &'static str,
    /// What it does, for the help.
    pub(crate) help: &'static str,
}

impl Binding {
    /// All keys of the binding as text: `↑ k`.
    pub(crate) fn keys_text(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// What a key asks for in a context.
pub(crate) fn action(context: Context, key: Key) -> Option<Action> {
    bindings(context).find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// The bindings that hold in a context, nearest place first.
pub(crate) fn bindings(context: Context) -> impl Iterator<Item = &'static Binding> {
    context.places().iter().flat_map(|place| BINDINGS.iter().filter(move |binding| binding.place == *place))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        for context in Context::ALL {
            let mut seen: HashMap<Key, Action> = HashMap::new();
            for binding in bindings(context) {
                for key in binding.keys {
                    if let Some(other) = seen.insert(*key, binding.action) {
                        panic!("{key} means {other:?} and {:?} in {context:?}", binding.action);
                    }
                }
            }
        }
    }

    #[test]
    fn every_binding_can_be_reached_and_explains_itself() {
        for binding in BINDINGS {
            assert!(!binding.keys.is_empty(), "{:?}", binding.action);
            assert!(!binding.help.is_empty() && !binding.help.ends_with('.'), "{:?}", binding.action);
            assert!(binding.hint.len() <= 14, "{}", binding.hint);
            let reached = Context::ALL.iter().any(|context| action(*context, binding.keys[0]) == Some(binding.action));
            assert!(reached, "{:?}", binding.action);
        }
    }

    #[test]
    fn typing_contexts_bind_no_letter() {
        for context in Context::ALL.into_iter().filter(|context| context.takes_text()) {
            for key in bindings(context).flat_map(|binding| binding.keys) {
                let letter = matches!(key, Key { code: Code::Char(_), ctrl: false, alt: false });
                assert!(!letter, "{key} cannot be typed in {context:?}");
            }
        }
    }

    #[test]
    fn quitting_and_moving_work_with_letters_and_arrows() {
        assert_eq!(action(Context::Shop, Key::char('q')), Some(Action::Quit));
        assert_eq!(action(Context::CheckoutField, Key::ctrl('c')), Some(Action::Quit));
        assert_eq!(action(Context::Log, Key::char('j')), action(Context::Log, Key::plain(Code::Down)));
        assert_eq!(action(Context::Search, Key::char('q')), None);
    }

    #[test]
    fn keys_are_written_as_they_are_labelled() {
        let texts: BTreeSet<String> =
            [Key::ctrl('c'), Key::char('?'), Key::plain(Code::BackTab)].iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["?", "Ctrl-C", "Shift-Tab"].map(String::from).into());
    }
}
