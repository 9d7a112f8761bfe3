//! Cron expressions: five fields, checked while the program is built.
//!
//! Whether an expression can be read, and whether its time ever comes, is all that is asked here. When it comes next is for
//! the runtime.

/// A field: its name, its bounds, and the words that stand for numbers, from the lower bound up.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    words: &'static [&'static str],
}

static FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, words: &[] },
    Field { name: "hour", least: 0, most: 23, words: &[] },
    Field { name: "day of the month", least: 1, most: 31, words: &[] },
    Field {
        name: "month",
        least: 1,
        most: 12,
        words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    // Both 0 and 7 are Sunday, as everywhere.
    Field {
        name: "day of the week",
        least: 0,
        most: 7,
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

/// The days of each month, in a leap year.
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The words that stand for whole expressions.
const MACROS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Why `expression` is no time to run at, if it is none.
pub(super) fn check(expression: &str) -> Result<(), String> {
    if expression.starts_with('@') {
        let known = MACROS.contains(&expression);
        return if known { Ok(()) } else { Err(format!("the words are {}", MACROS.join(", "))) };
    }
    let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("it has {} fields and needs {}", fields.len(), FIELDS.len()));
    }
    let mut sets = Vec::new();
    for (text, field) in fields.iter().zip(&FIELDS) {
        sets.push(field.set(text)?);
    }
    // Where the day of the week is given too, either will do, so only a bare date can be one that never comes.
    let comes = fields[4] != "*"
        || (1..=12u32)
            .any(|month| has(sets[3], month) && (1..=DAYS[month as usize - 1]).any(|day| has(sets[2], day)));
    if comes { Ok(()) } else { Err("there is no such day in any year".to_owned()) }
}

fn has(set: u64, value: u32) -> bool {
    set & (1 << value) != 0
}

impl Field {
    /// The values that a field stands for, a bit for each.
    fn set(&self, text: &str) -> Result<u64, String> {
        text.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    /// `*`, `5`, `1-5`, each with or without a step such as `/2`.
    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(self.step(step)?)),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (self.least, self.most),
            (_, Some((from, to))) => (self.value(from)?, self.value(to)?),
            // `5/15` is from 5 to the end, as cron has it.
            (_, None) => (self.value(range)?, if step.is_some() { self.most } else { self.value(range)? }),
        };
        if from > to {
            return Err(format!("the {} goes from {from} to {to}, which is backwards", self.name));
        }
        let values = (from..=to).step_by(step.unwrap_or(1) as usize);
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn step(&self, text: &str) -> Result<u32, String> {
        match number(text) {
            Some(0) => Err(format!("the step of the {} is 0", self.name)),
            Some(step) if step <= self.most => Ok(step),
            _ => Err(format!("`{text}` is not a step for the {}", self.name)),
        }
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let value = match word {
            Some(position) => u32::try_from(position).ok().map(|position| position + self.least),
            None => number(text),
        };
        value.filter(|value| (self.least..=self.most).contains(value)).ok_or_else(|| {
            format!("`{text}` is no {}; it goes from {} to {}", self.name, self.least, self.most)
        })
    }
}

/// Digits and nothing else: `+5` is not a number here.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn times_to_run_at() {
        for expression in [
            "* * * * *",
            "0 3 * * *",
            "*/15 0-6,18-23 1,15 * MON-FRI",
            "0 0 29 2 *",
            "5/20 * * jan,jul 7",
            "0 0 31 2 1",
            "@daily",
        ] {
            assert_eq!(check(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn what_is_none_and_why() {
        for (expression, why) in [
            ("0 3 * *", "it has 4 fields and needs 5"),
            ("0 0 0 3 * *", "it has 6 fields and needs 5"),
            ("60 * * * *", "`60` is no minute; it goes from 0 to 59"),
            ("* 24 * * *", "`24` is no hour; it goes from 0 to 23"),
            ("* * 0 * *", "`0` is no day of the month; it goes from 1 to 31"),
            ("* * * FOO *", "`FOO` is no month; it goes from 1 to 12"),
            ("*/0 * * * *", "the step of the minute is 0"),
            ("9-5 * * * *", "the minute goes from 9 to 5, which is backwards"),
            ("+5 * * * *", "`+5` is no minute; it goes from 0 to 59"),
            ("1,,2 * * * *", "`` is no minute; it goes from 0 to 59"),
            ("0 0 30 2 *", "there is no such day in any year"),
            ("0 0 31 4,6,9,11 *", "there is no such day in any year"),
            ("@never", "the words are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"),
        ] {
            assert_eq!(check(expression), Err(why.to_owned()), "{expression}");
        }
    }
}
