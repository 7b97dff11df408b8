//! Settings that outlive the client, one small JSON file per shop. Does not decide when to write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use storefront_api::{CustomerId, OrderId, ProductId};

use crate::atomic_file;
use crate::preferences::ThemeName;
use crate::state::Screen;

/// Name, address and email of the buyer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Contact {
    pub(crate) name: String,
    pub(crate) street: String,
    pub(crate) line2: String,
    pub(crate) postal_code: String,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) country: String,
    pub(crate) phone: String,
    pub(crate) email: String,
}

impl Contact {
    /// Sample contact for the first run of the embedded shop.
    pub(crate) fn demo() -> Self {
        Self {
            name: "Ada Example".to_owned(),
            street: "Lindenweg 7".to_owned(),
            postal_code: "10999".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            email: "ada@example.com".to_owned(),
            ..Self::default()
        }
    }
}

/// The stored settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The id of the basket's order.
    pub(crate) basket: Option<OrderId>,
    /// The order that was being checked out.
    pub(crate) checking_out: Option<OrderId>,
    pub(crate) screen: Screen,
    /// The screen beside it.
    pub(crate) pane: Option<Screen>,
    /// The product under the cursor.
    pub(crate) product: Option<ProductId>,
    /// Whether products are shown as a list where there is room for cards.
    pub(crate) products_as_list: bool,
    pub(crate) theme: Option<ThemeName>,
    pub(crate) contact: Contact,
    /// The token of the payment chosen last.
    pub(crate) payment: Option<String>,
    /// Whether the mouse is on.
    pub(crate) mouse: bool,
    /// The customer number of this computer in this shop, which is used without signing in; `None` for a guest.
    pub(crate) customer: Option<CustomerId>,
    /// The log that these ids belong to, by the id of its first event.
    pub(crate) log: Option<uuid::Uuid>,
}

/// Path of the settings file of one shop.
#[derive(Clone, Debug)]
pub(crate) struct SettingsFile(PathBuf);

impl SettingsFile {
    /// The settings file of a shop in the data folder; `None` is the embedded shop.
    pub(crate) fn new(data: &Path, server: Option<&str>) -> Self {
        Self(folder(data).join(format!("{}.json", shop_name(server))))
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the settings; `None` when there is no file or it is not valid.
    pub(crate) fn read(&self) -> Option<Settings> {
        let text = fs::read_to_string(&self.0).ok()?;
        match serde_json::from_str(&text) {
            Ok(settings) => Some(settings),
            Err(error) => {
                tracing::warn!(%error, file = %self.0.display(), "the settings cannot be read and are started anew");
                None
            }
        }
    }

    /// Writes the settings.
    ///
    /// # Errors
    /// When the folder or the file cannot be written: one sentence with its path.
    pub(crate) fn write(&self, settings: &Settings) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(settings).map_err(io::Error::from);
        let written = text.and_then(|text| atomic_file::replace(&self.0, &text));
        written.map_err(|error| format!("Basket and settings cannot be kept in {}: {error}.", self.0.display()))
    }
}

/// The folder for what is kept of shops.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("clients")
}

/// The name of a shop in file names; `None` is the embedded shop.
pub(crate) fn shop_name(server: Option<&str>) -> String {
    server.map_or_else(|| "embedded".to_owned(), file_name)
}

/// Converts an address into a readable file name, different for each address.
fn file_name(server: &str) -> String {
    let mut name = String::new();
    for byte in server.trim_end_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => name.push(char::from(byte)),
            _ => name.push_str(&format!("_{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(folder.path(), Some("http://127.0.0.1:7070"));
        assert_eq!(file.read(), None);
        let settings = Settings { contact: Contact::demo(), theme: Some(ThemeName::Light), ..Settings::default() };
        file.write(&settings).unwrap();
        assert_eq!(file.read(), Some(settings));
        assert_eq!(fs::read_dir(folder.path().join("clients")).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_broken_file_is_started_anew_and_fields_of_another_version_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::new(folder.path(), None);
        file.write(&Settings::default()).unwrap();
        fs::write(&file.0, "{ half").unwrap();
        assert_eq!(file.read(), None);
        fs::write(&file.0, r#"{"wallpaper": 3, "screen": "log"}"#).unwrap();
        assert_eq!(file.read().map(|settings| settings.screen), Some(Screen::Log));
    }

    #[test]
    fn each_shop_has_its_own_file() {
        assert_eq!(file_name("http://127.0.0.1:7070/"), "http_3a_2f_2f127.0.0.1_3a7070");
        assert_ne!(file_name("http://a.example"), file_name("http://A.example"));
    }
}
