//! A line of JSON: the event's fields, its name, where it belongs, and what every line has.

use std::fmt::Write;

use tracing::Level;

use super::line::{Line, quoted};

/// Keys that the line itself uses. A field of such a name is set apart, because no key may stand twice.
const RESERVED: [&str; 6] = ["event", "logger", "level", "severity", "timestamp", "service.name"];

/// Writes `line` and ends it.
pub(super) fn write(buffer: &mut String, line: &Line<'_>, service: &str) {
    buffer.push('{');
    for (name, value) in line.fields.others() {
        let prefix = if RESERVED.contains(&name) { "field." } else { "" };
        // Writing to a String cannot fail, here and below.
        let _ = write!(buffer, "\"{prefix}{name}\":{value},");
    }
    let _ = write!(buffer, "\"event\":{},", quoted(line.event()));
    for (name, value) in line.fields.context() {
        let _ = write!(buffer, "\"{name}\":{value},");
    }
    let (level, severity) = names(*line.metadata.level());
    let (logger, at, service) = (quoted(line.metadata.target()), line.at, quoted(service));
    let _ = writeln!(
        buffer,
        "\"logger\":{logger},\"level\":\"{level}\",\"severity\":\"{severity}\",\"timestamp\":\"{at}\",\
         \"service.name\":{service}}}"
    );
}

/// The level in the words of most log services, and in those of Google's.
fn names(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::ERROR => ("error", "ERROR"),
        Level::WARN => ("warning", "WARNING"),
        Level::INFO => ("info", "INFO"),
        Level::DEBUG | Level::TRACE => ("debug", "DEBUG"),
    }
}
