//! What becomes of a warning: it is passed over, shown, or stops the build.
//!
//! The manifest chooses by its key `lints`, and the command line by `--allow`, `--warn` and `--deny`. An error is an error
//! whatever is chosen.

use crate::diagnostic::{Code, Rule, Severity};
use crate::rules;

/// What becomes of a warning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// It is not shown.
    Allow,
    /// It is shown.
    Warn,
    /// It is an error.
    Deny,
}

/// Which warnings a choice is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// All that nothing more particular is said about.
    All,
    /// Those of one code.
    One(Code),
}

/// What was chosen, by the manifest or by the command line.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    choices: Vec<Choice>,
}

#[derive(Clone, Debug)]
struct Choice {
    which: Which,
    level: Level,
    said: String,
}

impl Level {
    /// The words for the levels, with what they mean.
    pub(crate) const WORDS: [(&'static str, &'static str); 3] = [
        ("allow", "It is not shown."),
        ("warn", "It is shown."),
        ("deny", "It is an error, and nothing is built."),
    ];

    /// The level of this word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let levels = [Self::Allow, Self::Warn, Self::Deny];
        let place = Self::WORDS.iter().position(|(known, _)| *known == word)?;
        Some(levels[place])
    }
}

impl Which {
    /// The word for all warnings.
    pub(crate) const ALL: &'static str = "all";

    /// The warnings that a code, the name of a rule or `all` stands for; else why there are none, and a way out.
    pub(crate) fn read(text: &str) -> Result<Self, (String, Option<String>)> {
        if text == Self::ALL {
            return Ok(Self::All);
        }
        match rules::find(text) {
            Some(Rule { code, severity: Severity::Warning, .. }) => Ok(Self::One(*code)),
            Some(Rule { code, name, .. }) => Err((
                format!("`{}` ({name}) is an error, and only warnings can be allowed or denied", code.0),
                None,
            )),
            None => {
                let help = rules::nearest(text).map(|name| format!("did you mean `{name}`?"));
                Err((format!("there is no warning `{text}`"), help))
            }
        }
    }
}

impl Levels {
    /// Adds a choice; `said` is how it was written. A later one takes the place of an earlier one about the same.
    pub(crate) fn choose(&mut self, which: Which, level: Level, said: impl Into<String>) {
        self.choices.push(Choice { which, level, said: said.into() });
    }

    /// What was chosen before, where this says nothing about it.
    #[must_use]
    pub(crate) fn over(&self, before: &Self) -> Self {
        Self { choices: before.choices.iter().chain(&self.choices).cloned().collect() }
    }

    /// What becomes of the warnings of a code, and where it was chosen how that was written. What is said about a code
    /// counts before what is said about all, wherever it is said: `--deny all` leaves alone what a manifest allows.
    pub(crate) fn of(&self, code: Code) -> (Level, &str) {
        let last = |which| self.choices.iter().rfind(|choice| choice.which == which);
        let choice = last(Which::One(code)).or_else(|| last(Which::All));
        choice.map_or((Level::Warn, ""), |choice| (choice.level, &choice.said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNUSED: Which = Which::One(Code("O3004"));

    #[test]
    fn warnings_are_named_by_code_by_name_and_together() {
        assert_eq!(Which::read("O3004"), Ok(UNUSED));
        assert_eq!(Which::read("unused-task"), Ok(UNUSED));
        assert_eq!(Which::read("all"), Ok(Which::All));
        let why = |text| Which::read(text).unwrap_err();
        assert!(why("cycle").0.starts_with("`O4001` (cycle) is an error"));
        assert_eq!(why("unused-taks").1.unwrap(), "did you mean `unused-task`?");
    }

    #[test]
    fn the_particular_counts_before_the_general_and_the_later_before_the_earlier() {
        let levels = |choices: &[(Which, Level)]| {
            let mut levels = Levels::default();
            for (which, level) in choices {
                levels.choose(*which, *level, "");
            }
            levels
        };
        let of = |levels: &Levels| levels.of(Code("O3004")).0;
        let manifest = levels(&[(UNUSED, Level::Allow)]);
        assert_eq!(of(&Levels::default()), Level::Warn);
        assert_eq!(of(&manifest), Level::Allow);
        assert_eq!(of(&levels(&[(Which::All, Level::Deny)]).over(&manifest)), Level::Allow);
        assert_eq!(of(&levels(&[(UNUSED, Level::Deny)]).over(&manifest)), Level::Deny);
    }
}
