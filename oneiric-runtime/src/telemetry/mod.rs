//! Logs: one line an event, JSON for machines and text for people.
//!
//! `orchestrate` logs to standard output and everything else to standard error, so that a command's result stands alone.
//! What is logged is left to the modules that know it. Panics are text on standard error, as Rust prints them.

mod json;
mod line;
mod text;
mod trace;

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use self::line::{Fields, Line};
pub(crate) use self::trace::Trace;
use crate::clock::Timestamp;
use crate::program::Program;
use crate::task::{NODE, RUN};

/// The variable that says how much is logged.
const VARIABLE: &str = "ONEIRIC_LOG";

/// The variable that names the project of Google Cloud that logs go to. Traces are named with it there.
const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";

/// Where logs go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stream {
    /// Standard output, for a program that logs and prints nothing else.
    Stdout,
    /// Standard error, beside a result.
    Stderr,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Text { in_colour: bool },
}

/// What `ONEIRIC_LOG` asks for.
///
/// # Errors
/// When it is no level; the text says which there are.
pub(crate) fn level(default: LevelFilter) -> Result<LevelFilter, String> {
    match std::env::var_os(VARIABLE) {
        None => Ok(default),
        Some(value) => parse_level(&value.to_string_lossy(), default),
    }
}

fn parse_level(text: &str, default: LevelFilter) -> Result<LevelFilter, String> {
    match text {
        "" => Ok(default),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err(format!("{VARIABLE} is `{text}`, and should be error, warn, info or debug")),
    }
}

/// Begins to log what `program` does. Only the first call counts.
pub(crate) fn init(program: Arc<Program>, stream: Stream, level: LevelFilter) {
    let is_terminal = match stream {
        Stream::Stdout => io::stdout().is_terminal(),
        Stream::Stderr => io::stderr().is_terminal(),
    };
    let plain = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let form = if is_terminal { Form::Text { in_colour: !plain() } } else { Form::Json };
    let project = std::env::var(PROJECT).ok().filter(|project| !project.is_empty());
    let log = Log { program, project, form, level, sink: move |line: &[u8]| stream.write(line) };
    // An error means that there is a subscriber already, which is then what somebody wanted.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(log));
}

impl Stream {
    /// Writes a line in one call. A log that nobody can read any more must not stop the work.
    fn write(self, line: &[u8]) {
        let _ = match self {
            Self::Stdout => io::stdout().lock().write_all(line),
            Self::Stderr => io::stderr().lock().write_all(line),
        };
    }
}

/// The layer that turns events into lines.
struct Log<W> {
    /// Asked for its name with the first line, because to know it the plan must be read.
    program: Arc<Program>,
    project: Option<String>,
    form: Form,
    level: LevelFilter,
    sink: W,
}

impl<W: Fn(&[u8])> Log<W> {
    fn write(&self, line: &Line<'_>) {
        thread_local! {
            static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
        }
        BUFFER.with(|buffer| {
            // A value that logs while it is shown finds the buffer taken, and its line is dropped.
            let Ok(mut buffer) = buffer.try_borrow_mut() else { return };
            buffer.clear();
            match self.form {
                Form::Json => json::write(&mut buffer, line, self.program.name(), self.project.as_deref()),
                Form::Text { in_colour } => text::write(&mut buffer, line, in_colour),
            }
            (self.sink)(buffer.as_bytes());
        });
    }
}

impl<S, W> Layer<S> for Log<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&[u8]) + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if *metadata.level() <= self.level { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // What is nearer to the event comes first and hides what is further out.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.inherit(outer);
            }
        }
        let mut trace = None;
        let _ = NODE.try_with(|node| {
            fields.inherit_names([&node.run.run_id, node.run.workflow], Some(node.node));
            trace = node.run.trace;
        });
        let _ = RUN.try_with(|run| {
            fields.inherit_names([&run.run_id, run.workflow], None);
            trace = run.trace;
        });
        self.write(&Line { fields: &fields, metadata: event.metadata(), at: Timestamp::now(), trace });
    }
}

impl<W> fmt::Debug for Log<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::task::{Ctx, RunNames};

    /// What is written while `work` is done.
    fn lines(form: Form, level: LevelFilter, work: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = {
            let lines = Arc::clone(&lines);
            move |line: &[u8]| lines.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap())
        };
        let program = Arc::new(Program::new(r#"{"name":"shop"}"#));
        let log = Log { program, project: Some("demo".to_owned()), form, level, sink };
        tracing::subscriber::with_default(Registry::default().with(log), work);
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    fn json(work: impl FnOnce()) -> Vec<serde_json::Value> {
        let lines = lines(Form::Json, LevelFilter::DEBUG, work);
        assert!(
            lines.iter().all(|line| line.ends_with('\n') && line.matches('\n').count() == 1),
            "{lines:?}"
        );
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_its_keys_in_order() {
        let lines = lines(Form::Json, LevelFilter::INFO, || {
            tracing::warn!(node = "a", delay_ms = 5, run_id = "r", workflow = "w", "node-retrying");
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let (head, tail) = line.split_once(r#""timestamp":""#).unwrap();
        assert_eq!(
            head,
            r#"{"delay_ms":5,"event":"node-retrying","message":"node-retrying","workflow":"w","run_id":"r","node":"a","logger":"oneiric::telemetry::tests","level":"warning","severity":"WARNING","#
        );
        assert_eq!(&tail[27..], "\",\"service.name\":\"shop\"}\n");
        assert_eq!(&tail[26..27], "Z");
    }

    #[test]
    fn values_keep_their_types_and_odd_text_is_quoted() {
        let error = std::io::Error::other("a \"b\"\n\u{1}");
        let [line] = &json(|| {
            tracing::info!(n = -1, big = u64::MAX, ratio = 0.5, yes = true, nan = f64::NAN, error = %error,
                cause = &error as &dyn std::error::Error, debug = ?Some("x"), none = Option::<u8>::None, "odd");
        })[..] else {
            panic!()
        };
        assert_eq!(line["n"], -1);
        assert_eq!(line["big"], u64::MAX);
        assert_eq!(line["ratio"], 0.5);
        assert_eq!(line["yes"], true);
        assert_eq!(line["nan"], "NaN");
        assert_eq!(line["error"], "a \"b\"\n\u{1}");
        assert_eq!(line["cause"], "a \"b\"\n\u{1}");
        assert_eq!(line["debug"], "Some(\"x\")");
        assert!(line.get("none").is_none());
    }

    #[test]
    fn spans_lend_their_fields_and_the_nearest_wins() {
        let lines = json(|| {
            let outer =
                tracing::info_span!("outer", run_id = "r1", shop = "here", late = tracing::field::Empty);
            let _outer = outer.enter();
            let _inner = tracing::info_span!("inner", run_id = "r2").entered();
            outer.record("late", 7);
            tracing::info!("spoken");
        });
        assert_eq!(lines[0]["run_id"], "r2");
        assert_eq!(lines[0]["shop"], "here");
        assert_eq!(lines[0]["late"], 7);
    }

    #[test]
    fn what_a_task_logs_says_whose_it_is() {
        let ctx = Ctx {
            over: None,
            run: Arc::new(RunNames {
                run_id: "r1".to_owned(),
                workflow: "w",
                trace: Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                adapters: Arc::default(),
            }),
            node: "n",
            part: crate::run::Part::Node,
            attempt: 1,
            deadline: None,
        };
        let lines = json(|| NODE.sync_scope(ctx, || tracing::info!("charged")));
        assert_eq!(
            (&lines[0]["workflow"], &lines[0]["run_id"], &lines[0]["node"]),
            (&"w".into(), &"r1".into(), &"n".into())
        );
        assert_eq!(
            lines[0]["logging.googleapis.com/trace"],
            "projects/demo/traces/4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(lines[0]["logging.googleapis.com/spanId"], "00f067aa0ba902b7");
        assert_eq!(lines[0]["logging.googleapis.com/trace_sampled"], true);
    }

    #[test]
    fn fields_never_repeat_the_keys_of_the_line() {
        let lines = lines(Form::Json, LevelFilter::INFO, || {
            tracing::info!(level = "high", event = "x", timestamp = 1, "moved");
        });
        assert!(
            lines[0].starts_with(
                r#"{"field.level":"high","field.event":"x","field.timestamp":1,"event":"moved""#
            ),
            "{lines:?}"
        );
    }

    #[test]
    fn the_message_says_why() {
        let lines = json(|| {
            tracing::warn!(error = "no \"such\" order", "node-failed");
            tracing::info!(line = "half way", "node-stderr");
            tracing::info!(error = 7, "odd");
        });
        assert_eq!(lines[0]["message"], "node-failed: no \"such\" order");
        assert_eq!(lines[1]["message"], "node-stderr: half way");
        assert_eq!(lines[2]["message"], "odd");
    }

    #[test]
    fn only_what_is_asked_for_is_written() {
        let said = || {
            tracing::debug!("low");
            tracing::info!("high");
        };
        assert_eq!(lines(Form::Json, LevelFilter::INFO, said).len(), 1);
        assert_eq!(lines(Form::Json, LevelFilter::ERROR, said).len(), 0);
        assert_eq!(lines(Form::Json, LevelFilter::DEBUG, said).len(), 2);
    }

    #[test]
    fn a_terminal_gets_text() {
        let lines = lines(Form::Text { in_colour: false }, LevelFilter::INFO, || {
            tracing::error!(workflow = "w", run_id = "r", error = "no such order", n = 3, "node-failed");
        });
        let (time, rest) = lines[0].split_once(' ').unwrap();
        assert_eq!(time.len(), "12:34:56.789".len());
        assert_eq!(rest, "ERROR node-failed workflow=w run_id=r error=\"no such order\" n=3\n");
    }

    #[test]
    fn levels_are_read_and_others_refused() {
        assert_eq!(parse_level("debug", LevelFilter::INFO), Ok(LevelFilter::DEBUG));
        assert_eq!(parse_level("", LevelFilter::WARN), Ok(LevelFilter::WARN));
        let error = parse_level("loud", LevelFilter::INFO).unwrap_err();
        assert!(error.contains("ONEIRIC_LOG is `loud`"), "{error}");
    }
}
