//! The active key table: the default table with the changes of the configuration file.

use std::collections::{BTreeMap, HashMap};

use super::{Action, Binding, Code, Context, Key, Place, table};

/// Configured keys by place and action.
pub(crate) type Remapped = BTreeMap<Place, BTreeMap<Action, Vec<String>>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keymap(Vec<Binding>);

impl Default for Keymap {
    fn default() -> Self {
        Self(table::bindings())
    }
}

impl Keymap {
    /// Applies configured keys to the default table.
    ///
    /// # Errors
    /// A clause that names the mistake: an unknown key, an unknown action, a key with two meanings, a letter that could
    /// no longer be typed, or no key to quit.
    pub(crate) fn with(changes: &Remapped) -> Result<Self, String> {
        let mut map = Self::default();
        for (place, actions) in changes {
            for (action, keys) in actions {
                let full_name = name(*place, *action);
                let keys = keys.iter().map(|key| key.parse().map_err(|error| format!("keys.{full_name}: {error}")));
                let keys = keys.collect::<Result<Vec<Key>, String>>()?;
                let binding = map.0.iter_mut().find(|known| known.place == *place && known.action == *action);
                let binding =
                    binding.ok_or_else(|| format!("keys.{full_name}: there is no such action at this place"))?;
                binding.keys = keys;
            }
        }
        map.check()?;
        Ok(map)
    }

    /// The action of a key in a context.
    pub(crate) fn action(&self, context: Context, key: Key) -> Option<Action> {
        self.bindings(context).find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
    }

    /// The bindings that are active in a context, nearest place first.
    pub(crate) fn bindings(&self, context: Context) -> impl Iterator<Item = &Binding> {
        context.places().iter().flat_map(|place| self.0.iter().filter(move |binding| binding.place == *place))
    }

    /// All bindings, in the order of the table.
    pub(crate) fn all(&self) -> &[Binding] {
        &self.0
    }

    /// The label of an action's key in a context: `c`; "the palette" when it has no key.
    pub(crate) fn label(&self, context: Context, action: Action) -> String {
        let key =
            self.bindings(context).filter(|binding| binding.action == action).find_map(|binding| binding.keys.first());
        key.map_or_else(|| "the palette".to_owned(), ToString::to_string)
    }

    fn check(&self) -> Result<(), String> {
        for context in Context::ALL {
            let mut seen: HashMap<Key, &Binding> = HashMap::new();
            for binding in self.bindings(context) {
                for key in &binding.keys {
                    let here = name(binding.place, binding.action);
                    if let Some(other) = seen.insert(*key, binding) {
                        let there = name(other.place, other.action);
                        return Err(format!("keys: {} means both {there} and {here}", key.written()));
                    }
                    if context.takes_text() && matches!(key, Key { code: Code::Char(_), ctrl: false, alt: false }) {
                        return Err(format!("keys.{here}: {} could no longer be typed there", key.written()));
                    }
                }
            }
        }
        let quits = |binding: &&Binding| binding.place == Place::Always && binding.action == Action::Quit;
        if self.0.iter().find(quits).is_none_or(|binding| binding.keys.is_empty()) {
            return Err("keys.always.quit: one key at least must quit from anywhere".to_owned());
        }
        Ok(())
    }
}

/// The name of an action at a place as files write it: `shop.next_sort`.
pub(crate) fn name(place: Place, action: Action) -> String {
    format!("{}.{}", word(place), word(action))
}

/// The name of a place or an action as files write it.
pub(crate) fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(place: Place, action: Action, keys: &[&str]) -> Result<Keymap, String> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Keymap::with(&BTreeMap::from([(place, BTreeMap::from([(action, keys)]))]))
    }

    #[test]
    fn the_table_itself_has_no_key_twice_and_no_letter_where_text_goes() {
        assert_eq!(Keymap::default().check(), Ok(()));
    }

    #[test]
    fn every_binding_can_be_reached_and_explains_itself() {
        let map = Keymap::default();
        for binding in map.all() {
            assert!(!binding.keys.is_empty(), "{:?}", binding.action);
            assert!(!binding.help.is_empty() && !binding.help.ends_with('.'), "{:?}", binding.action);
            assert!(binding.hint.len() <= 14, "{}", binding.hint);
            let reached =
                Context::ALL.iter().any(|context| map.action(*context, binding.keys[0]) == Some(binding.action));
            assert!(reached, "{:?}", binding.action);
        }
    }

    #[test]
    fn no_action_stands_twice_at_one_place() {
        let map = Keymap::default();
        let names: std::collections::BTreeSet<String> =
            map.all().iter().map(|binding| name(binding.place, binding.action)).collect();
        assert_eq!(names.len(), map.all().len());
    }

    #[test]
    fn quitting_and_moving_work_with_letters_and_arrows() {
        let map = Keymap::default();
        assert_eq!(map.action(Context::Shop, Key::char('q')), Some(Action::Close));
        assert_eq!(map.action(Context::CheckoutField, Key::ctrl('c')), Some(Action::Quit));
        assert_eq!(map.action(Context::Log, Key::char('j')), map.action(Context::Log, Key::plain(Code::Down)));
        assert_eq!(map.action(Context::Search, Key::char('q')), None);
    }

    #[test]
    fn another_key_takes_the_place_of_the_old_ones() {
        let map = with(Place::Shop, Action::NextSort, &["Z", "Ctrl-S"]).unwrap();
        assert_eq!(map.action(Context::Shop, Key::char('Z')), Some(Action::NextSort));
        assert_eq!(map.action(Context::Shop, Key::ctrl('s')), Some(Action::NextSort));
        assert_eq!(map.action(Context::Shop, Key::char('s')), None);
        assert_eq!(map.label(Context::Shop, Action::NextSort), "Z");
        let none = with(Place::Shop, Action::NextSort, &[]).unwrap();
        assert_eq!(none.label(Context::Shop, Action::NextSort), "the palette");
    }

    #[test]
    fn a_key_that_would_mean_two_things_is_refused_and_both_are_reported() {
        let refusal = with(Place::Shop, Action::NextSort, &["q"]).unwrap_err();
        assert_eq!(refusal, "keys: q means both shop.next_sort and everywhere.close");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (place, action, keys, refusal) in [
            (Place::Shop, Action::NextSort, "Return", "keys.shop.next_sort: there is no key \"Return\""),
            (Place::Basket, Action::NextSort, "z", "keys.basket.next_sort: there is no such action at this place"),
            (Place::Search, Action::EndSearch, "e", "keys.search.end_search: e could no longer be typed there"),
        ] {
            let said = with(place, action, &[keys]).unwrap_err();
            assert!(said.starts_with(refusal), "{said}");
        }
        assert!(with(Place::Always, Action::Quit, &[]).unwrap_err().starts_with("keys.always.quit"));
    }
}
