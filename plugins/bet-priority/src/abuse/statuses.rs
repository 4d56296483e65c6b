//! Statuses of the upstream, as the operator lists them.

use policy_kit::{invalid, ConfigError};

/// Checks the statuses of a failure.
///
/// # Errors
/// Names the field: none, one that is no client error, or one given twice.
pub(crate) fn check(statuses: &[u16], at: &str) -> Result<(), ConfigError> {
    let field = |i: usize| format!("{at}[{i}]");
    if statuses.is_empty() || statuses.len() > 16 {
        return Err(invalid(at, "expected 1 to 16 statuses"));
    }
    for (i, status) in statuses.iter().enumerate() {
        if !(400..=499).contains(status) {
            // A 5xx says that the upstream failed, not the caller.
            return Err(invalid(field(i), "expected 400 to 499"));
        }
        if matches!(status, 408 | 429) {
            return Err(invalid(field(i), "says nothing about what was sent: it was not read"));
        }
        if statuses.iter().take(i).any(|other| other == status) {
            return Err(invalid(field(i), "is given twice"));
        }
    }
    Ok(())
}

/// How a status ends an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It failed.
    Failed,
    /// It succeeded.
    Succeeded,
    /// It says neither: the upstream could not, or did not, decide.
    Undecided,
}

impl Ending {
    /// Of the upstream's status; `None` where it did not answer.
    pub(crate) fn of(status: Option<u16>, failures: &[u16]) -> Self {
        match status {
            Some(status) if failures.contains(&status) => Self::Failed,
            // A login by a form ends with a redirection.
            Some(200..=399) => Self::Succeeded,
            _ => Self::Undecided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_client_errors_are_failures() {
        for (statuses, want) in [
            (&[401][..], None),
            (&[402, 422], None),
            (&[], Some("s")),
            (&[401, 200], Some("s[1]")),
            (&[503], Some("s[0]")),
            (&[500, 401], Some("s[0]")),
            (&[401, 429], Some("s[1]")),
            (&[408], Some("s[0]")),
            (&[401, 402, 401], Some("s[2]")),
            (&[400; 17], Some("s")),
        ] {
            let got = check(statuses, "s").err().map(|error| error.field);
            assert_eq!(got.as_deref(), want, "{statuses:?}");
        }
    }

    #[test]
    fn endings() {
        use Ending::{Failed, Succeeded, Undecided};
        for (status, want) in [
            (Some(401), Failed),
            (Some(422), Failed),
            (Some(400), Undecided),
            (Some(403), Undecided),
            (Some(200), Succeeded),
            (Some(204), Succeeded),
            (Some(302), Succeeded),
            (Some(101), Undecided),
            (Some(500), Undecided),
            (Some(503), Undecided),
            (None, Undecided),
        ] {
            assert_eq!(Ending::of(status, &[401, 422]), want, "{status:?}");
        }
    }
}
