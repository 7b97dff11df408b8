//! What can come of a request beside its answer, told in one plain sentence each.

use std::error::Error;
use std::io;
use std::time::Duration;

use storefront_api::Problem;

/// Why a request has no answer of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The shop understood and refused; the problem says why.
    #[error("{}", sentence(.0))]
    Problem(Box<Problem>),
    /// The shop could not be reached, or the answer did not arrive: worth trying again. A write may or may not have
    /// happened; repeat it under the same [`IdempotencyKey`](crate::IdempotencyKey). The text is a whole sentence.
    #[error("{0}")]
    Unreachable(String),
    /// Something answered, but not as the shop does; or the shop's address makes no sense. The text is a whole sentence.
    #[error("{0}")]
    Unexpected(String),
}

impl ClientError {
    /// Whether the shop could not be reached, so that trying again may help.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Problem(_) | Self::Unexpected(_) => false,
        }
    }

    /// The shop's own account of what is wrong, where it gave one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Unreachable(_) | Self::Unexpected(_) => None,
        }
    }
}

/// Turns a failure of the transport into a sentence about the shop at `base`.
pub(crate) fn transport(base: &str, error: &reqwest::Error, connect_limit: Duration, limit: Duration) -> ClientError {
    if error.is_builder() {
        return ClientError::Unexpected(format!(
            "The request to the shop at {base} could not be made: {}.",
            root(error)
        ));
    }
    let why = if error.is_timeout() {
        let (what, limit) = if error.is_connect() { ("no connection", connect_limit) } else { ("no answer", limit) };
        format!("{what} within {}", spoken(limit))
    } else if error.is_dns() {
        "its host name is not known".to_owned()
    } else if error.is_connect() {
        root(error)
    } else {
        format!("the connection broke off ({})", root(error))
    };
    ClientError::Unreachable(format!("The shop at {base} cannot be reached: {why}."))
}

fn sentence(problem: &Problem) -> &str {
    if problem.detail.is_empty() { &problem.title } else { &problem.detail }
}

fn spoken(limit: Duration) -> String {
    match limit.as_secs() {
        0 => format!("{} ms", limit.as_millis()),
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

/// The innermost cause, which is the one that says something.
fn root(error: &reqwest::Error) -> String {
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
    fn limits_are_told_in_words() {
        assert_eq!(spoken(Duration::from_millis(50)), "50 ms");
        assert_eq!(spoken(Duration::from_secs(1)), "1 second");
        assert_eq!(spoken(Duration::from_secs(30)), "30 seconds");
    }
}
