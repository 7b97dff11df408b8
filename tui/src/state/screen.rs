//! The screens, and the two sections that they belong to.

use crate::keys::Action;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Screen {
    #[default]
    Shop,
    Basket,
    Checkout,
    Orders,
    Order,
    Log,
    Processes,
    Lab,
    Counter,
    Account,
    /// The replay of a file; the only screen in that mode.
    Replay,
}

impl Screen {
    /// The tab of a screen.
    pub(super) const fn tab(self) -> Self {
        match self {
            Self::Shop => Self::Shop,
            Self::Basket | Self::Checkout => Self::Basket,
            Self::Orders | Self::Order => Self::Orders,
            Self::Log | Self::Processes | Self::Lab | Self::Counter | Self::Account | Self::Replay => self,
        }
    }

    /// The section of a tab.
    pub(crate) const fn section(self) -> Section {
        match self {
            Self::Shop | Self::Basket | Self::Checkout | Self::Orders | Self::Order | Self::Account => Section::Shop,
            Self::Log | Self::Processes | Self::Lab | Self::Counter | Self::Replay => Section::Backstage,
        }
    }

    /// The action that opens the tab of the screen.
    pub(crate) const fn opened_by(self) -> Action {
        match self.tab() {
            Self::Basket | Self::Checkout => Action::GoBasket,
            Self::Orders | Self::Order => Action::GoOrders,
            Self::Log => Action::GoLog,
            Self::Processes => Action::GoProcesses,
            Self::Lab => Action::GoLab,
            Self::Counter => Action::GoCounter,
            Self::Account => Action::GoAccount,
            Self::Shop | Self::Replay => Action::GoShop,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shop => "Shop",
            Self::Basket => "Basket",
            Self::Checkout => "Checkout",
            Self::Orders => "Orders",
            Self::Order => "Order",
            Self::Log => "Log",
            Self::Processes => "Processes",
            Self::Lab => "Lab",
            Self::Counter => "Counter",
            Self::Account => "Account",
            Self::Replay => "Replay",
        }
    }
}

/// One of the two halves of the client, each with its tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// What somebody needs who shops.
    Shop,
    /// What is behind the shop.
    Backstage,
}

impl Section {
    /// The screens with a tab, in the order of the tabs.
    pub(crate) const fn tabs(self) -> [Screen; 4] {
        match self {
            Self::Shop => [Screen::Shop, Screen::Basket, Screen::Orders, Screen::Account],
            Self::Backstage => [Screen::Log, Screen::Processes, Screen::Lab, Screen::Counter],
        }
    }
}
