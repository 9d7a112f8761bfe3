//! Durations: `500ms`, `30s`, `1h30m`, or ISO 8601 as in `PT5M`.

use std::time::Duration;

use super::fields::expected;
use super::section::Form;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{Spanned, faults};

/// Units in milliseconds, largest first: a compound has to name them in this order.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A hundred years: what is longer was meant to be something else, and a deadline that far away overflows clocks.
const MAX_MILLIS: u64 = 36_500 * 86_400_000;

/// What [`parse`] takes, up to how large a number may be.
macro_rules! regex {
    () => {
        "^((?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?|P(?=[0-9T])([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+([.][0-9]{1,3})?S)?)?)$"
    };
}

/// What a duration looks like.
pub(in crate::manifest) static FORM: Form =
    Form::Pattern { name: "duration", regex: regex!(), except: &[], examples: &EXAMPLES };

/// What a duration looks like that is longer than nothing.
pub(in crate::manifest) static POSITIVE_FORM: Form = Form::Pattern {
    name: "positive-duration",
    regex: concat!("^(?=.*[1-9])", regex!()),
    except: &[],
    examples: &EXAMPLES,
};

const EXAMPLES: [&str; 6] = ["500ms", "30s", "5m", "2h", "1h30m", "PT5M"];

/// The duration that `node` says.
pub(in crate::manifest) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Spanned<Duration>> {
    let fault = |message: String| Diagnostic::error(&faults::DURATION, node.span, message);
    match &node.kind {
        Kind::Text(text) => match parse(&text.value) {
            Ok(duration) => return Some(Spanned::new(duration, node.span)),
            Err(why) => faults.push(
                fault(format!("`{}` is not a duration", text.value))
                    .label(why)
                    .help("write `500ms`, `30s`, `5m`, `2h`, `1d`, a compound such as `1h30m`, or ISO 8601 such as `PT5M`"),
            ),
        },
        Kind::Number(number) => faults.push(
            fault(format!("`{number}` is a number without a unit"))
                .help(format!("write `{number}s` for seconds, or `{number}ms` for milliseconds")),
        ),
        _ => expected(node, "a duration such as `30s`", faults),
    }
    None
}

/// Like [`read`], for what must not be over before it begins.
pub(in crate::manifest) fn read_positive(
    node: &Node<'_>,
    faults: &mut Diagnostics,
) -> Option<Spanned<Duration>> {
    let duration = read(node, faults)?;
    if duration.is_zero() {
        faults.push(
            Diagnostic::error(&faults::VALUE, node.span, "a timeout of zero would fail every time")
                .help("leave it out for no timeout"),
        );
        return None;
    }
    Some(duration)
}

/// The duration that `text` says, or why it says none.
pub(in crate::manifest) fn parse(text: &str) -> Result<Duration, String> {
    let millis = match text.strip_prefix('P') {
        Some(rest) => iso(rest)?,
        None => compound(text)?,
    };
    if millis > MAX_MILLIS {
        return Err("it is longer than a hundred years".to_owned());
    }
    Ok(Duration::from_millis(millis))
}

/// Numbers and units, from the largest unit to the smallest, each at most once.
fn compound(text: &str) -> Result<u64, String> {
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total = 0;
    while !rest.is_empty() || total == 0 && units.len() == UNITS.len() {
        let (number, after) = digits(rest);
        let (unit, after) = after.split_at(after.bytes().take_while(u8::is_ascii_alphabetic).count());
        if number.is_empty() {
            return Err(unexpected("a number", rest));
        }
        if unit.is_empty() {
            return Err(if after.is_empty() {
                "the unit is missing".to_owned()
            } else {
                unexpected("a unit", after)
            });
        }
        let Some(known) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("`{unit}` is not a unit; they are d, h, m, s and ms"));
        };
        let Some(place) = units.iter().position(|(name, _)| *name == unit) else {
            return Err(format!("`{unit}` stands after a unit that is not larger"));
        };
        total = add(total, number, known.1)?;
        units = &units[place + 1..];
        rest = after;
    }
    Ok(total)
}

/// What follows the `P`: days, then after a `T` hours, minutes and seconds, the seconds with up to three decimals.
/// Years and months are refused, since how long they are depends on when.
fn iso(text: &str) -> Result<u64, String> {
    let mut rest = text;
    let mut units = [("D", 86_400_000), ("T", 0), ("H", 3_600_000), ("M", 60_000), ("S", 1_000)].as_slice();
    let mut total = 0;
    let mut parts = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            let Some(place) = units.iter().position(|(name, _)| *name == "T") else {
                return Err("`T` stands twice".to_owned());
            };
            units = &units[place + 1..];
            rest = after;
            parts = 0;
            continue;
        }
        let (number, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        let (unit, after) = after.split_at(after.chars().next().map_or(0, char::len_utf8));
        let before_time = units.iter().any(|(name, _)| *name == "T");
        let place = units.iter().position(|(name, _)| *name == unit && (*name == "D" || !before_time));
        let Some(place) = place.filter(|_| !number.is_empty()) else {
            return Err(unexpected("days, or `T` and then hours, minutes and seconds", rest));
        };
        total = add(total, number, units[place].1)?;
        if !fraction.is_empty() {
            if unit != "S" || fraction.len() > 3 {
                return Err("only seconds have decimals, at most three".to_owned());
            }
            total = add(total, &format!("{fraction:0<3}"), 1)?;
        }
        units = &units[place + 1..];
        rest = after;
        parts += 1;
    }
    if parts == 0 { Err("it ends where a number should follow".to_owned()) } else { Ok(total) }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn add(total: u64, number: &str, unit: u64) -> Result<u64, String> {
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .and_then(|millis| millis.checked_add(total))
        .ok_or_else(|| "it is longer than a hundred years".to_owned())
}

fn unexpected(wanted: &str, rest: &str) -> String {
    match rest.chars().next() {
        Some(found) => format!("expected {wanted}, found `{found}`"),
        None => format!("expected {wanted}, found the end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0ms", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("0h1s", 1_000),
            ("PT5M", 300_000),
            ("P1D", 86_400_000),
            ("P1DT1H", 90_000_000),
            ("PT1.5S", 1_500),
            ("PT0.005S", 5),
            ("36500d", MAX_MILLIS),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "30",
            "s",
            "30 s",
            "1.5s",
            "-1s",
            "30m1h",
            "1s1s",
            "1w",
            "1S",
            "5M",
            "P",
            "PT",
            "P1DT",
            "P1Y",
            "P1M",
            "PT1H1D",
            "PT1.5M",
            "PT1.2345S",
            "PTT1S",
            "P1H",
            "36501d",
            "99999999999999999999s",
            "1h 30m",
            "1é",
            "Pé",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("30"), Err("the unit is missing".to_owned()));
        assert_eq!(parse("3w"), Err("`w` is not a unit; they are d, h, m, s and ms".to_owned()));
    }
}
