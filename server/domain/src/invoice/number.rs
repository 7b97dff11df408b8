//! The numbers of invoices and of credit notes: consecutive from 1 within a year.

use std::fmt;
use std::str::FromStr;

/// A text that is not the number of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadDocumentNumber(&'static str);

macro_rules! document_number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The year of issue in UTC.
            pub year: u16,
            /// 1 for the first of the year.
            pub sequence: u64,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:04}-{:06}"), self.year, self.sequence)
            }
        }

        impl FromStr for $name {
            type Err = BadDocumentNumber;

            fn from_str(text: &str) -> Result<Self, BadDocumentNumber> {
                let parsed = parse(text.strip_prefix($prefix).unwrap_or_default());
                let number = parsed.map(|(year, sequence)| Self { year, sequence });
                // Rejects other forms of the same number, such as without leading zeros.
                number
                    .filter(|number| number.to_string() == text)
                    .ok_or(BadDocumentNumber(concat!("such a number looks like ", $example)))
            }
        }
    };
}

document_number! {
    /// The number of an invoice, such as `2026-000042`.
    InvoiceNumber, "", "2026-000042"
}
document_number! {
    /// The number of a credit note, such as `CN-2026-000007`.
    CreditNoteNumber, "CN-", "CN-2026-000007"
}

fn parse(text: &str) -> Option<(u16, u64)> {
    let (year, sequence) = text.split_once('-')?;
    let (year, sequence) = (year.parse().ok()?, sequence.parse().ok()?);
    (sequence > 0).then_some((year, sequence))
}
