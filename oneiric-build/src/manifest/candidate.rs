//! A key may have several candidates; one is chosen while the program is built, and the others are not compiled in.
//!
//! The rules are the original's: an explicit selection, then `priority`, then `stack_level`, then `order`. What is not for
//! the profile that is built takes no part. Two that come out equal are a fault, since neither was meant more than the other.

use std::cmp::Reverse;

use super::nearest::nearest;
use super::{Span, Spanned, faults};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What decides between candidates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rank {
    /// What an explicit selection calls it.
    pub provider: Option<String>,
    /// The profiles it is for; `None` for all.
    pub profiles: Option<Vec<String>>,
    /// Higher comes first.
    pub priority: i64,
    /// Among equal priorities, higher comes first.
    pub stack_level: i64,
    /// Among equal stack levels, higher comes first.
    pub order: Option<i64>,
}

/// One of the candidates for a key.
#[derive(Debug)]
pub(crate) struct Candidate<T> {
    /// What speaks for it.
    pub rank: Rank,
    /// Where it stands.
    pub span: Span,
    /// What it would be.
    pub value: T,
}

/// The candidates for one key.
#[derive(Debug)]
pub(crate) struct Candidates<T> {
    /// The key.
    pub name: Spanned<String>,
    /// In the manifest's order.
    pub list: Vec<Candidate<T>>,
}

/// That a candidate is to be taken, whatever speaks for the others.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// The section of the manifest, such as `tasks`.
    pub section: &'static str,
    /// The key.
    pub key: Spanned<String>,
    /// What the candidate is called.
    pub provider: Spanned<String>,
}

/// How it came that a candidate was chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The section of the manifest, such as `tasks`.
    pub section: &'static str,
    /// The key.
    pub key: String,
    /// The candidates, the chosen one first.
    pub ordered: Vec<Ranked>,
}

/// A candidate in the order of a choice.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// What it is called: by its provider, else by its place in the list.
    pub name: String,
    /// Whether it was chosen.
    pub selected: bool,
    /// What spoke for it, the strongest first.
    pub reasons: Vec<String>,
}

/// Chooses, and keeps how it chose.
pub(super) struct Chooser<'m> {
    pub(super) profile: &'m str,
    pub(super) selections: &'m [Selection],
    pub(super) choices: Vec<Choice>,
}

impl Chooser<'_> {
    /// The chosen candidate for each key. A key without one has been reported; `unknown` stands for it, so that nothing
    /// more is said about it.
    pub(super) fn choose<T>(
        &mut self,
        section: &'static str,
        keys: Vec<Candidates<T>>,
        unknown: fn(Spanned<String>) -> T,
        faults: &mut Diagnostics,
    ) -> Vec<T> {
        // That a manifest has no workflows is said by itself.
        let selections = self.selections.iter().filter(|one| one.section == section);
        let selections = selections.filter(|_| !(keys.is_empty() && section == "workflows"));
        let doubtful: Vec<String> =
            selections.filter_map(|one| check(one, section, &keys, faults)).map(str::to_owned).collect();
        keys.into_iter()
            .map(|candidates| {
                let name = candidates.name.clone();
                let chosen = self.choose_one(section, candidates, faults);
                chosen.filter(|_| !doubtful.contains(&name.value)).unwrap_or_else(|| unknown(name))
            })
            .collect()
    }

    fn choose_one<T>(
        &mut self,
        section: &'static str,
        candidates: Candidates<T>,
        faults: &mut Diagnostics,
    ) -> Option<T> {
        let Candidates { name, list } = candidates;
        let selected = self
            .selections
            .iter()
            .find(|one| one.section == section && one.key.value == name.value)
            .map(|one| one.provider.value.as_str());
        let several = list.len() > 1;
        let (mut fit, others): (Vec<_>, Vec<_>) =
            list.into_iter().enumerate().partition(|(_, candidate)| candidate.rank.is_for(self.profile));
        // The sort is stable, but equals are refused below, so it never decides.
        fit.sort_by_key(|(_, candidate)| Reverse(candidate.rank.score(selected)));

        let Some((_, first)) = fit.first() else {
            if !others.is_empty() {
                faults.push(no_candidate(&name, self.profile, &others));
            }
            return None;
        };
        // A selection of something that is not there has been reported, and would have decided.
        let misses = selected.is_some() && first.rank.provider.as_deref() != selected;
        if let Some((_, second)) = fit.get(1)
            && !misses
            && first.rank.score(selected) == second.rank.score(selected)
        {
            faults.push(
                Diagnostic::error(
                    &faults::TIE,
                    second.span,
                    format!("two candidates for `{}` have the same rank", name.value),
                )
                .label(first.rank.reasons(selected).join(", "))
                .related(first.span, "as has this one")
                .help("give one of them a higher `priority`, or an `order`; or name the one that is meant in `selections`"),
            );
            return None;
        }
        if several {
            let ranked = fit.iter().chain(&others).enumerate().map(|(position, (place, candidate))| Ranked {
                name: candidate.rank.provider.clone().unwrap_or_else(|| format!("#{}", place + 1)),
                selected: position == 0,
                reasons: if position < fit.len() {
                    candidate.rank.reasons(selected)
                } else {
                    vec![format!("not for the profile {}", self.profile)]
                },
            });
            self.choices.push(Choice { section, key: name.value, ordered: ranked.collect() });
        }
        fit.into_iter().next().map(|(_, candidate)| candidate.value)
    }
}

impl Rank {
    fn is_for(&self, profile: &str) -> bool {
        self.profiles.as_ref().is_none_or(|profiles| profiles.iter().any(|one| one == profile))
    }

    fn score(&self, selected: Option<&str>) -> (bool, i64, i64, Option<i64>) {
        let is_selected = selected.is_some() && self.provider.as_deref() == selected;
        (is_selected, self.priority, self.stack_level, self.order)
    }

    fn reasons(&self, selected: Option<&str>) -> Vec<String> {
        let mut reasons = Vec::new();
        if selected.is_some() && self.provider.as_deref() == selected {
            reasons.push("selected".to_owned());
        }
        reasons.push(format!("priority {}", self.priority));
        reasons.push(format!("stack level {}", self.stack_level));
        reasons.extend(self.order.map(|order| format!("order {order}")));
        reasons
    }
}

/// A selection has to select something: the original let one that did not pass in silence. Where it does not, gives the key
/// for which something else was meant than what is chosen.
fn check<'k, T>(
    selection: &Selection,
    section: &'static str,
    keys: &'k [Candidates<T>],
    faults: &mut Diagnostics,
) -> Option<&'k str> {
    let Some(candidates) = keys.iter().find(|one| one.name.value == selection.key.value) else {
        let known: Vec<&str> = keys.iter().map(|one| one.name.as_str()).collect();
        let message = format!("`{section}` has no `{}` to select a candidate for", selection.key.value);
        let fault = Diagnostic::error(&faults::SELECTION, selection.key.span, message);
        let near = nearest(&selection.key, &known);
        faults.push(match near {
            Some(name) => fault.help(format!("did you mean `{name}`?")),
            None => fault.help("remove it, or add the key"),
        });
        return near;
    };
    let known: Vec<&str> = candidates.list.iter().filter_map(|one| one.rank.provider.as_deref()).collect();
    if known.contains(&&*selection.provider.value) {
        return None;
    }
    let message =
        format!("no candidate for `{}` is called `{}`", selection.key.value, selection.provider.value);
    let fault = Diagnostic::error(&faults::SELECTION, selection.provider.span, message)
        .related(candidates.name.span, "its candidates are here");
    faults.push(match nearest(&selection.provider, &known) {
        Some(name) => fault.help(format!("did you mean `{name}`?")),
        None if known.is_empty() => fault.help("a candidate is called by its `provider`, and none has one"),
        None => fault.help(format!("they are called {}", known.join(", "))),
    });
    Some(&candidates.name)
}

fn no_candidate<T>(name: &Spanned<String>, profile: &str, others: &[(usize, Candidate<T>)]) -> Diagnostic {
    let mut profiles: Vec<&str> =
        others.iter().flat_map(|(_, one)| one.rank.profiles.iter().flatten()).map(String::as_str).collect();
    profiles.sort_unstable();
    profiles.dedup();
    Diagnostic::error(
        &faults::NO_CANDIDATE,
        name.span,
        format!("no candidate for `{}` is for the profile `{profile}`", name.value),
    )
    .help(format!("add one without a `profile`, or build for {}", profiles.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(provider: &str, rank: Rank) -> Candidate<String> {
        let rank = Rank { provider: Some(provider.to_owned()), ..rank };
        Candidate { rank, span: Span::default(), value: provider.to_owned() }
    }

    /// Which of the candidates is chosen, else the code of the fault.
    fn chosen(list: Vec<Candidate<String>>, profile: &str, selected: Option<&str>) -> String {
        let spanned = |text: &str| Spanned::new(text.to_owned(), Span::default());
        let selections: Vec<_> = selected
            .map(|provider| Selection { section: "tasks", key: spanned("key"), provider: spanned(provider) })
            .into_iter()
            .collect();
        let mut chooser = Chooser { profile, selections: &selections, choices: Vec::new() };
        let mut faults = Diagnostics::default();
        let keys = vec![Candidates { name: spanned("key"), list }];
        let chosen = chooser.choose("tasks", keys, |_| String::new(), &mut faults).remove(0);
        if chosen.is_empty() { faults.iter().map(|fault| fault.code.0).collect() } else { chosen }
    }

    fn rank(priority: i64, stack_level: i64, order: Option<i64>) -> Rank {
        Rank { priority, stack_level, order, ..Rank::default() }
    }

    #[test]
    fn selection_beats_priority_beats_stack_level_beats_order() {
        let list = || {
            vec![
                candidate("low", rank(1, 50, Some(9))),
                candidate("first", rank(5, 1, Some(1))),
                candidate("second", rank(5, 1, Some(2))),
                candidate("level", rank(5, 2, None)),
            ]
        };
        assert_eq!(chosen(list(), "default", None), "level");
        assert_eq!(chosen(list(), "default", Some("low")), "low");
        assert_eq!(
            chosen(
                list()[..3].iter().map(|one| candidate(&one.value, one.rank.clone())).collect(),
                "default",
                None
            ),
            "second"
        );
    }

    #[test]
    fn equals_are_refused_unless_one_is_selected() {
        let list = || vec![candidate("a", rank(1, 0, None)), candidate("b", rank(1, 0, None))];
        assert_eq!(chosen(list(), "default", None), "O2018");
        assert_eq!(chosen(list(), "default", Some("b")), "b");
    }

    #[test]
    fn a_profile_leaves_out_what_is_for_others() {
        let cloud = Rank { profiles: Some(vec!["serverless".to_owned()]), ..rank(9, 0, None) };
        let list = || vec![candidate("local", rank(0, 0, None)), candidate("cloud", cloud.clone())];
        assert_eq!(chosen(list(), "default", None), "local");
        assert_eq!(chosen(list(), "serverless", None), "cloud");
        assert_eq!(chosen(vec![candidate("cloud", cloud.clone())], "default", None), "O2020");
    }
}
