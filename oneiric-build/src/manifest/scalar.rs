//! What a plain scalar means: the core schema of YAML 1.2, and nothing that another reader would take differently.
//!
//! `yes`, `NO` and `on` are text, as the schema says. A number with a leading zero is refused: one half of all readers
//! takes `0777` for 777 and the other for 511.

use serde_json::Number;

/// The value of a plain scalar.
#[derive(Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// It looks like a number, and is none that a manifest can hold; why, and what to write.
    Refused {
        why: &'static str,
        instead: String,
    },
}

pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) => {
            number(text)
        }
        _ => Plain::Text,
    }
}

fn number(text: &str) -> Plain {
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return refused("JSON has no such number", text);
    }
    let unsigned = digits.len() == text.len();
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = digits.strip_prefix(prefix).filter(|rest| unsigned && is_all(rest, radix)) {
            return match u64::from_str_radix(rest, radix) {
                Ok(value) => Plain::Number(value.into()),
                Err(_) => refused("it does not fit in 64 bits", text),
            };
        }
    }
    if is_all(digits, 10) {
        return integer(text, negative, digits);
    }
    if is_float(digits) {
        return match text.parse().ok().and_then(Number::from_f64) {
            Some(value) => Plain::Number(value),
            None => refused("it is too large for a number", text),
        };
    }
    Plain::Text
}

fn integer(text: &str, negative: bool, digits: &str) -> Plain {
    let significant = digits.trim_start_matches('0');
    if digits.len() > 1 && significant.len() < digits.len() {
        let octal =
            if negative || !is_all(significant, 8) { String::new() } else { format!(", `0o{significant}`") };
        return Plain::Refused {
            why: "a leading zero makes it octal to some readers of YAML and decimal to others",
            instead: format!(
                "write `{}`{octal}, or `\"{text}\"` for text",
                if significant.is_empty() { "0" } else { significant }
            ),
        };
    }
    let value = if negative {
        text.parse::<i64>().map(Number::from)
    } else {
        digits.parse::<u64>().map(Number::from)
    };
    value.map_or_else(|_| refused("it does not fit in 64 bits", text), Plain::Number)
}

fn refused(why: &'static str, text: &str) -> Plain {
    Plain::Refused { why, instead: format!("write `\"{text}\"` for text") }
}

fn is_all(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix))
}

/// `[0-9]+ ( . [0-9]* )?` or `. [0-9]+`, then perhaps an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && whole.len() + fraction.len() > 0
        && exponent.is_none_or(|exponent| is_all(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match resolve(text) {
            Plain::Number(number) => number.to_string(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_core_schema() {
        assert_eq!(json("0"), "0");
        assert_eq!(json("-12"), "-12");
        assert_eq!(json("+12"), "12");
        assert_eq!(json("0o14"), "12");
        assert_eq!(json("0xC"), "12");
        assert_eq!(json("18446744073709551615"), "18446744073709551615");
        assert_eq!(json("1.10"), "1.1");
        assert_eq!(json(".5"), "0.5");
        assert_eq!(json("1e3"), "1000.0");
        assert_eq!(resolve("~"), Plain::Null);
        assert_eq!(resolve("True"), Plain::Bool(true));
    }

    #[test]
    fn what_only_looks_like_something_is_text() {
        for text in [
            "yes", "NO", "on", "tRUE", "1.2.3", "1_000", "12:30", "0x", "-0x1", "-", "+", ".", "e1", "1e",
            "-.", "1d", "--1",
        ] {
            assert_eq!(resolve(text), Plain::Text, "{text}");
        }
    }

    #[test]
    fn numbers_that_others_read_differently_are_refused() {
        for text in [
            "0777",
            "-01",
            "00",
            "18446744073709551616",
            "-9223372036854775809",
            ".inf",
            "-.INF",
            ".nan",
            "1e999",
            "0xFFFFFFFFFFFFFFFFF",
        ] {
            assert!(matches!(resolve(text), Plain::Refused { .. }), "{text}");
        }
        let Plain::Refused { instead, .. } = resolve("0777") else { panic!() };
        assert_eq!(instead, "write `777`, `0o777`, or `\"0777\"` for text");
    }
}
