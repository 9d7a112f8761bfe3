//! A line of JSON: the event's fields, its name, where it belongs, and what every line has.

use std::fmt::Write;

use tracing::Level;

use super::line::{Line, quoted};
use super::trace::Trace;

/// Keys that the line itself uses. A field of such a name is set apart, because no key may stand twice.
const RESERVED: [&str; 6] = ["event", "logger", "level", "severity", "timestamp", "service.name"];

/// Fields that say more than the event's name, the first one that there is.
const WORDS: [&str; 3] = ["error", "line", "reason"];

/// Writes `line` and ends it. Traces are named as those of `project` in Google Cloud, where there is one.
pub(super) fn write(buffer: &mut String, line: &Line<'_>, service: &str, project: Option<&str>) {
    buffer.push('{');
    for (name, value) in line.fields.others() {
        let prefix = if RESERVED.contains(&name) { "field." } else { "" };
        // Writing to a String cannot fail, here and below.
        let _ = write!(buffer, "\"{prefix}{name}\":{value},");
    }
    let _ = write!(buffer, "\"event\":{},\"message\":{},", quoted(line.event()), message(line));
    for (name, value) in line.fields.context() {
        let _ = write!(buffer, "\"{name}\":{value},");
    }
    if let Some(Trace { id, span, is_sampled }) = line.trace {
        if let Some(project) = project {
            let name = quoted(&format!("projects/{project}/traces/{id:032x}"));
            let _ = write!(buffer, "\"logging.googleapis.com/trace\":{name},");
            if span != 0 {
                let _ = write!(buffer, "\"logging.googleapis.com/spanId\":\"{span:016x}\",");
            }
            let _ = write!(buffer, "\"logging.googleapis.com/trace_sampled\":{is_sampled},");
        } else {
            let _ = write!(buffer, "\"trace_id\":\"{id:032x}\",");
            if span != 0 {
                let _ = write!(buffer, "\"span_id\":\"{span:016x}\",");
            }
        }
    }
    let (level, severity) = names(*line.metadata.level());
    let (logger, at, service) = (quoted(line.metadata.target()), line.at, quoted(service));
    let _ = writeln!(
        buffer,
        "\"logger\":{logger},\"level\":\"{level}\",\"severity\":\"{severity}\",\"timestamp\":\"{at}\",\
         \"service.name\":{service}}}"
    );
}

/// What log services show of a line, as JSON: the event, and why.
fn message(line: &Line<'_>) -> String {
    let event = quoted(line.event());
    let words = WORDS.iter().find_map(|wanted| {
        let (_, value) = line.fields.others().find(|(name, _)| name == wanted)?;
        // Both are JSON already.
        Some((event.strip_suffix('"')?, value.strip_prefix('"')?))
    });
    words.map_or_else(|| event.clone(), |(event, words)| format!("{event}: {words}"))
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
