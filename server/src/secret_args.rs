//! Secrets of the command line. Each is given itself, or as the path of a file that contains it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::eyre::Result;
use storefront_server::maintenance::ToolError;
use storefront_server::{Secret, StoreChoice};

/// Maximum size of a file with a secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Where the log is kept when no option says it.
const DEFAULT_STORE: &str = "sqlite:storefront.db";

/// The options that select the log.
#[derive(Args)]
pub(crate) struct StoreArgs {
    /// Where the event log is: sqlite:PATH, sqlite::memory: to forget it at the end of a server, or
    /// postgres://USER:PASSWORD@HOST/NAME [default: sqlite:storefront.db]
    #[arg(long, env = "STOREFRONT_STORE", hide_env_values = true, value_name = "STORE")]
    store: Option<Secret>,
    /// A file with what --store takes, such as a URL with a password.
    #[arg(long, env = "STOREFRONT_STORE_FILE", hide_env_values = true, value_name = "PATH")]
    store_file: Option<PathBuf>,
}

impl StoreArgs {
    /// The chosen log. Its text is parsed here and not by clap, whose message for a wrong value would print the password.
    ///
    /// # Errors
    /// When it is no log, or its file cannot be used; without the secret.
    pub(crate) fn store(&self) -> Result<StoreChoice> {
        let given = secret("--store", self.store.clone(), self.store_file.as_deref())?;
        let text = given.unwrap_or_else(|| Secret::new(DEFAULT_STORE));
        Ok(text.reveal().parse().map_err(|wrong| ToolError::Usage(format!("--store: {wrong}")))?)
    }
}

/// The value of a secret option: as given, or read from the file of the option beside it, whose name ends with `-file`. A
/// blank value counts as not given.
///
/// # Errors
/// When both are given, or the file cannot be read, or is not one line of text; names the option and the path, never the
/// content.
pub(crate) fn secret(option: &str, given: Option<Secret>, file: Option<&Path>) -> Result<Option<Secret>, ToolError> {
    let given = given.filter(|secret| !secret.is_blank());
    let Some(path) = file else { return Ok(given) };
    if given.is_some() {
        let variable = format!("STOREFRONT_{}", option.trim_start_matches('-').replace('-', "_").to_uppercase());
        return Err(ToolError::Usage(format!(
            "{option} and {option}-file are given both (also as {variable} and {variable}_FILE): leave one of them out"
        )));
    }
    let wrong = |why: String| ToolError::Usage(format!("{option}-file: {}: {why}", path.display()));
    let text = read_limited(path).map_err(wrong)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if text.trim().is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("it must contain the secret in one line and nothing else".to_owned()));
    }
    Ok(Some(Secret::new(text)))
}

/// Reads a file of text up to the maximum size. It may be a pipe.
fn read_limited(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|failure| failure.to_string())?;
    if file.metadata().is_ok_and(|file| file.is_dir()) {
        return Err("it is a folder".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(|failure| failure.to_string())?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!("it has more than {} KiB", MAX_SECRET_BYTES / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "it is not text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(option: &str, given: Option<&str>, file: &Path) -> String {
        secret(option, given.map(Secret::new), Some(file)).unwrap_err().to_string()
    }

    #[test]
    fn a_secret_is_given_itself_or_in_a_file_whose_last_line_end_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (content, value) in [("sk_1", "sk_1"), ("sk_1\n", "sk_1"), ("sk_1\r\n", "sk_1"), (" a b ", " a b ")] {
            std::fs::write(&path, content).unwrap();
            let read = secret("--card-gateway-key", None, Some(&path)).unwrap().unwrap();
            assert_eq!(read.reveal(), value, "{content:?}");
        }
        let blank = secret("--card-gateway-key", Some(Secret::new(" ")), Some(&path)).unwrap().unwrap();
        assert_eq!(blank.reveal(), " a b ", "an empty variable says nothing");
        let given = |text| secret("--mail", Some(Secret::new(text)), None).unwrap();
        assert_eq!(given("smtp://x").unwrap().reveal(), "smtp://x");
        assert_eq!(given(""), None);
        assert_eq!(secret("--mail", None, None).unwrap(), None);
    }

    #[test]
    fn a_file_that_holds_no_secret_is_refused_with_option_and_path_and_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let long = "hunter2".repeat(10_000);
        for (content, why) in [
            (&b""[..], "it is empty"),
            (b"\n", "it is empty"),
            (b" \r\n", "it is empty"),
            (b"hunter2\n\n", "in one line"),
            (b"hunter2\nhunter2", "in one line"),
            (b"hunter2\0", "in one line"),
            (b"hunter2\xff", "not text in UTF-8"),
            (long.as_bytes(), "more than 64 KiB"),
        ] {
            std::fs::write(&path, content).unwrap();
            let said = refusal("--card-gateway-key", None, &path);
            let names = format!("--card-gateway-key-file: {}: ", path.display());
            assert!(said.starts_with(&names) && said.contains(why) && !said.contains("hunter2"), "{said}");
        }
        assert!(refusal("--mail", None, folder.path()).ends_with(": it is a folder"));
        assert!(refusal("--mail", None, &folder.path().join("none")).contains("none: No such file"));
        std::fs::write(&path, "x").unwrap();
        let both = refusal("--card-gateway-key", Some("hunter2"), &path);
        assert!(both.contains("STOREFRONT_CARD_GATEWAY_KEY_FILE") && !both.contains("hunter2"), "{both}");
    }
}
