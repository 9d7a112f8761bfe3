//! A line of text for a person at a terminal.

use std::fmt::Write;

use tracing::Level;

use super::line::Line;

/// Writes `line` and ends it.
pub(super) fn write(buffer: &mut String, line: &Line<'_>, in_colour: bool) {
    let level = *line.metadata.level();
    let (dim, colour, end) = if in_colour { ("\u{1b}[2m", colour(level), "\u{1b}[0m") } else { ("", "", "") };
    let at = line.at.to_string();
    // The date and the microseconds are of little use to somebody who watches.
    let time = at.get(11..23).unwrap_or(&at);
    // Writing to a String cannot fail, here and below.
    let _ = write!(buffer, "{dim}{time}{end} {colour}{level:5}{end} {}", line.event());
    for (name, value) in line.fields.context().chain(line.fields.others()) {
        let _ = write!(buffer, " {dim}{name}={end}{}", bare(value));
    }
    buffer.push('\n');
}

/// A JSON value without the quotes, where it is one word.
fn bare(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let is_word = |text: &&str| !text.is_empty() && !text.contains([' ', '\\', '=', '"']);
    inner.filter(is_word).unwrap_or(value)
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG | Level::TRACE => "\u{1b}[34m",
    }
}
