//! Form parameters: flat names, nested ones such as `metadata[order_id]`, and errors for missing, unknown and malformed
//! ones.

use sha2::{Digest, Sha256};

use super::{errors::ApiError, objects::Metadata};

const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY_CHARS: usize = 40;
const MAX_METADATA_VALUE_CHARS: usize = 500;

#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Params {
        Params(pairs)
    }

    /// A value, if it is present and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::invalid(format!("Invalid integer: {text}")).code("parameter_invalid_integer").param(name)
        })
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ApiError::invalid(format!("Invalid boolean: {other}")).param(name)),
        }
    }

    /// One of fixed values.
    pub(crate) fn choice(&self, name: &str, choices: &[&str]) -> Result<Option<String>, ApiError> {
        let Some(word) = self.get(name) else { return Ok(None) };
        if choices.contains(&word) {
            return Ok(Some(word.to_owned()));
        }
        let detail = format!("Invalid {name}: must be one of {}", choices.join(", "));
        Err(ApiError::invalid(detail).param(name))
    }

    pub(crate) fn metadata(&self) -> Result<Metadata, ApiError> {
        let inner = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
        let metadata: Metadata =
            self.0.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone()))).collect();
        if metadata.len() > MAX_METADATA_KEYS {
            return Err(
                ApiError::invalid(format!("Metadata can have up to {MAX_METADATA_KEYS} keys.")).param("metadata")
            );
        }
        let too_long = |(key, value): (&String, &String)| {
            key.chars().count() > MAX_METADATA_KEY_CHARS || value.chars().count() > MAX_METADATA_VALUE_CHARS
        };
        if metadata.iter().any(too_long) {
            let detail = format!(
                "Metadata keys can have up to {MAX_METADATA_KEY_CHARS} characters and values up to {MAX_METADATA_VALUE_CHARS}."
            );
            return Err(ApiError::invalid(detail).param("metadata"));
        }
        Ok(metadata)
    }

    /// Rejects parameters other than these (by the part before a bracket).
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        for (name, _) in &self.0 {
            let outer = name.split('[').next().unwrap_or_default();
            if !known.contains(&outer) {
                let detail = format!("Received unknown parameter: {outer}");
                return Err(ApiError::invalid(detail).code("parameter_unknown").param(outer));
            }
        }
        Ok(())
    }

    /// Fingerprint of a request's path and parameters, to detect an idempotency key that is used for another request.
    pub(crate) fn fingerprint(&self, path: &str) -> String {
        let mut pairs = self.0.clone();
        pairs.sort();
        let mut digest = Sha256::new();
        digest.update(path.as_bytes());
        for (name, value) in pairs {
            for part in [name, value] {
                digest.update(part.len().to_be_bytes());
                digest.update(part.as_bytes());
            }
        }
        hex(&digest.finalize())
    }
}

/// Formats bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn nested_names_become_metadata() {
        let metadata = params(&[("metadata[order_id]", "7"), ("amount", "1")]).metadata().unwrap();
        assert_eq!(metadata.get("order_id").map(String::as_str), Some("7"));
        assert_eq!(metadata.len(), 1);
    }

    #[test]
    fn the_order_of_parameters_does_not_matter_but_their_values_do() {
        let one = params(&[("amount", "1"), ("currency", "eur")]).fingerprint("/v1/x");
        assert_eq!(one, params(&[("currency", "eur"), ("amount", "1")]).fingerprint("/v1/x"));
        assert_ne!(one, params(&[("currency", "eur"), ("amount", "2")]).fingerprint("/v1/x"));
        assert_ne!(one, params(&[("amount", "1"), ("currency", "eur")]).fingerprint("/v1/y"));
        assert_ne!(params(&[("ab", "c")]).fingerprint("/"), params(&[("a", "bc")]).fingerprint("/"));
    }

    #[test]
    fn unknown_parameters_are_reported() {
        let error = params(&[("amount", "1"), ("colour[x]", "red")]).only(&["amount"]).unwrap_err();
        assert_eq!(error.body()["error"]["param"], "colour");
    }

    #[test]
    fn metadata_has_its_limits() {
        let long = "x".repeat(501);
        assert!(params(&[("metadata[k]", &long)]).metadata().is_err());
        assert!(params(&[(&format!("metadata[{}]", "k".repeat(41)), "v")]).metadata().is_err());
    }
}
