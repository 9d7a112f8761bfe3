//! "Did you mean": the known name that a wrong one comes closest to.

use strsim::damerau_levenshtein;

/// How many comparisons are made for one report. A manifest of a hundred thousand wrong names must not take a minute to
/// be refused, and nobody reads that many suggestions.
const BUDGET: usize = 200_000;

/// Finds nearest names until its budget is spent.
pub(crate) struct Nearest {
    left: usize,
}

impl Default for Nearest {
    fn default() -> Self {
        Self { left: BUDGET }
    }
}

impl Nearest {
    /// The one of `known` that `wanted` is most likely to mean, if any is close; the first of equals.
    pub(crate) fn find<'n>(
        &mut self,
        wanted: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<&'n str> {
        // A third of the name may be wrong: less misses transposed words, more finds unrelated ones.
        let limit = (wanted.chars().count() / 3).max(1);
        let mut best: Option<(usize, &'n str)> = None;
        for name in known {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            if name == wanted || name.len().abs_diff(wanted.len()) > 4 * limit {
                continue;
            }
            let distance =
                if same_but_for_style(name, wanted) { 0 } else { damerau_levenshtein(name, wanted) };
            if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, name));
            }
        }
        best.map(|(_, name)| name)
    }
}

/// The nearest of a few known names.
pub(crate) fn nearest<'n>(wanted: &str, known: &[&'n str]) -> Option<&'n str> {
    Nearest::default().find(wanted, known.iter().copied())
}

/// `dependsOn`, `depends-on` and `depends_on` are one name to whoever types them.
fn same_but_for_style(a: &str, b: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|char| !matches!(char, '-' | '_' | '.'))
            .map(|char| char.to_ascii_lowercase())
            .collect()
    };
    letters(a) == letters(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_understood() {
        let known = ["depends_on", "timeout", "retry", "with"];
        assert_eq!(nearest("dependsOn", &known), Some("depends_on"));
        assert_eq!(nearest("tiemout", &known), Some("timeout"));
        assert_eq!(nearest("wiht", &known), Some("with"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("x", &known), None);
    }

    #[test]
    fn the_budget_bounds_the_work() {
        let known = vec!["charge"; 1000];
        let mut nearest = Nearest { left: 10 };
        assert_eq!(nearest.find("chrage", known.iter().copied()), Some("charge"));
        assert_eq!(nearest.find("chrage", known.iter().copied()), None);
    }
}
