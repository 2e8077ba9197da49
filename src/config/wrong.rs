//! Why one value of the file cannot be taken, and what may have been meant. Where it stands is for `mistake`.

/// Why a value cannot be taken.
pub(super) struct Wrong {
    pub problem: String,
    pub hint: Option<String>,
    /// The name that was looked up in vain.
    pub missing: Option<Missing>,
}

/// A name that a value refers to and that does not exist.
pub(super) enum Missing {
    /// This one.
    Name(String),
    /// One of a list that has mistakes itself: it may be there once they are put right, so nothing is reported.
    Anything,
}

impl Wrong {
    pub fn new(problem: impl Into<String>, hint: impl Into<String>) -> Wrong {
        Wrong { problem: problem.into(), hint: Some(hint.into()), missing: None }
    }

    /// A word that is none of those known here.
    pub fn unknown(what: &str, written: &str, known: &[&str]) -> Wrong {
        let problem = format!("there is no {what} `{written}`");
        Wrong { problem, hint: did_you_mean_or_list(written, known), missing: None }
    }
}

/// What turns a value of the file into one of ours.
pub(super) type Read<T> = Result<T, Wrong>;

/// "did you mean `first_line`?" when one of the names looks like what was written.
pub(super) fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let allowed = (written.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

/// The suggestion, or else the list to choose from.
pub(super) fn did_you_mean_or_list(written: &str, names: &[&str]) -> Option<String> {
    did_you_mean(written, names.iter().copied()).or_else(|| match names {
        [] => None,
        [only] => Some(format!("there is only `{only}`")),
        [..] if names.len() <= 12 => Some(format!("there are `{}`", names.join("`, `"))),
        [..] => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_only() {
        let names = ["first_line", "back_office"];
        assert_eq!(did_you_mean("frist_line", names).as_deref(), Some("did you mean `first_line`?"));
        assert_eq!(did_you_mean("outbound", names), None);
        assert_eq!(did_you_mean_or_list("x", &names).as_deref(), Some("there are `first_line`, `back_office`"));
    }
}
