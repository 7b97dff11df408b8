//! The errors of a request. The text of each is a sentence.

use std::error::Error;
use std::io;
use std::time::Duration;

use storefront_api::Problem;

/// Why a request has no response of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The shop refused the request; the problem contains the reason.
    #[error("{}", problem_text(.0))]
    Problem(Box<Problem>),
    /// The shop could not be reached, or its response did not arrive, so that a retry may help. A write may have been done;
    /// repeat it with the same [`IdempotencyKey`](crate::IdempotencyKey).
    #[error("{0}")]
    Unreachable(String),
    /// The response is not one of a shop, or the address of the shop is not valid.
    #[error("{0}")]
    Unexpected(String),
}

impl ClientError {
    /// Whether the shop could not be reached, so that a retry may help.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// The problem that the shop returned, if it refused the request.
    pub fn problem(&self) -> Option<&Problem> {
        if let Self::Problem(problem) = self { Some(problem) } else { None }
    }
}

/// The error for a failed request to the shop at `base`.
pub(crate) fn transport_error(
    base: &str,
    error: &reqwest::Error,
    connect_limit: Duration,
    limit: Duration,
) -> ClientError {
    if error.is_builder() {
        return ClientError::Unexpected(format!(
            "The request to the shop at {base} could not be made: {}.",
            root_cause(error)
        ));
    }
    let why = if error.is_timeout() {
        let (what, limit) = if error.is_connect() { ("no connection", connect_limit) } else { ("no answer", limit) };
        format!("{what} within {}", format_duration(limit))
    } else if error.is_dns() {
        "its host name is not known".to_owned()
    } else if error.is_connect() {
        root_cause(error)
    } else {
        format!("the connection broke off ({})", root_cause(error))
    };
    ClientError::Unreachable(format!("The shop at {base} cannot be reached: {why}."))
}

fn problem_text(problem: &Problem) -> &str {
    if problem.detail.is_empty() { &problem.title } else { &problem.detail }
}

fn format_duration(limit: Duration) -> String {
    match limit.as_secs() {
        0 => format!("{} ms", limit.as_millis()),
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

/// The text of the innermost cause, which is the most specific one.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(kind) if kind != io::ErrorKind::Other => kind.to_string(),
        _ => cause.to_string().trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_speaks_through_its_detail_and_else_its_title() {
        let problem = |detail: &str| {
            let problem = Problem { title: "Out of stock".into(), detail: detail.into(), ..Problem::default() };
            ClientError::Problem(Box::new(problem)).to_string()
        };
        assert_eq!(problem("Only 2 are left."), "Only 2 are left.");
        assert_eq!(problem(""), "Out of stock");
    }

    #[test]
    fn limits_are_described_in_words() {
        assert_eq!(format_duration(Duration::from_millis(50)), "50 ms");
        assert_eq!(format_duration(Duration::from_secs(1)), "1 second");
        assert_eq!(format_duration(Duration::from_secs(30)), "30 seconds");
    }
}
