//! `orchestrate`: takes up what was under way, runs what it is asked for over HTTP, and stops in good order.
//!
//! It listens first and opens its store behind the listening socket, so that whoever started it sees at once that it
//! lives. It writes log lines to standard output and nothing else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::level_filters::LevelFilter;

use super::{Context, duration, store};
use crate::control;
#[cfg(feature = "queue-pubsub")]
use crate::delivery::pull::Pulling;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::health::{self, Facts, Health, Process};
use crate::http::Server;
use crate::http::lifecycle::{Lifecycle, Stage};
use crate::open_files;
use crate::profile::Toggles;
use crate::signals::Signals;
use crate::state_dir;
use crate::telemetry::{self, Stream};

pub(super) const NAME: &str = "orchestrate";

/// The port where nobody names one.
const DEFAULT_PORT: u16 = 8080;

/// How long nodes get to end when the program stops, unless `ONEIRIC_SHUTDOWN_GRACE` says otherwise. Most platforms kill
/// ten seconds after they asked, and adapters and clients get a second each to take their leave.
const DEFAULT_GRACE: Duration = Duration::from_secs(7);

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Run: serve HTTP, and take up the runs that were under way")
        .arg(
            Arg::new("http-port")
                .long("http-port")
                .value_name("N")
                .value_parser(value_parser!(u16))
                .help("The port to listen on; PORT where it is not given, or 8080"),
        )
        .arg(Arg::new("http-host").long("http-host").value_name("ADDRESS").help(
            "The address to listen on; 127.0.0.1 where it is not given, but 0.0.0.0 where PORT is set or the \
                     profile is serverless",
        ))
        .arg(
            Arg::new("no-http")
                .long("no-http")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["http-port", "http-host"])
                .help("Do not listen on a port"),
        )
        .arg(
            Arg::new("health-path")
                .long("health-path")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where it is written how the program is; runtime_health.json in the state directory if not given"),
        )
        .arg(Arg::new("no-remote").long("no-remote").action(ArgAction::SetTrue).help(
            "Accepted for the sake of older command lines: everything is in the program, nothing is remote",
        ))
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let settings = Settings::read(&context.toggles, matches)?;
    let level = telemetry::level(LevelFilter::INFO).map_err(Failure::usage)?;
    telemetry::init(Arc::clone(&context.program), Stream::Stdout, level);
    open_files::raise();
    let runtime = store::runtime()?;
    let ended = runtime.block_on(orchestrate(context, settings));
    // Tasks that block their threads must not hold up the end.
    runtime.shutdown_background();
    Ok(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!(error = failure.message, code = &*failure.code, "orchestrator-failed");
            ExitCode::from(if failure.is_usage() { 2 } else { 1 })
        }
    })
}

/// What the command line and the environment say.
#[derive(Debug, PartialEq)]
struct Settings {
    address: Option<SocketAddr>,
    state_dir: PathBuf,
    health_path: PathBuf,
    grace: Duration,
}

impl Settings {
    fn read(toggles: &Toggles, matches: &ArgMatches) -> Result<Self, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let port = variable("PORT");
        let address = if matches.get_flag("no-http") || !toggles.http {
            None
        } else {
            let host = matches.get_one::<String>("http-host").map(String::as_str);
            let host = read_host(host, toggles.http_host)?;
            Some(SocketAddr::new(host, read_port(matches.get_one("http-port").copied(), port.as_deref())?))
        };
        let grace = match variable("ONEIRIC_SHUTDOWN_GRACE") {
            None => DEFAULT_GRACE,
            Some(text) => duration::parse(&text)
                .map_err(|error| Failure::usage(format!("ONEIRIC_SHUTDOWN_GRACE: {error}")))?,
        };
        let state_dir = state_dir::from_environment();
        let health_path = matches.get_one::<PathBuf>("health-path").cloned();
        let health_path = health_path.unwrap_or_else(|| state_dir.join(health::FILE));
        Ok(Self { address, state_dir, health_path, grace })
    }
}

fn read_port(flag: Option<u16>, variable: Option<&str>) -> Result<u16, Failure> {
    match (flag, variable) {
        (Some(port), _) => Ok(port),
        (None, Some(text)) => text
            .parse()
            .map_err(|_| Failure::usage(format!("PORT is `{text}`, and should be a number from 0 to 65535"))),
        (None, None) => Ok(DEFAULT_PORT),
    }
}

/// The address that the flag names, or what the profile and the surroundings come to.
fn read_host(flag: Option<&str>, otherwise: IpAddr) -> Result<IpAddr, Failure> {
    match flag {
        Some("localhost") => Ok(Ipv4Addr::LOCALHOST.into()),
        Some(text) => text
            .parse()
            .map_err(|_| Failure::usage(format!("--http-host is `{text}`, and should be an IP address"))),
        None => Ok(otherwise),
    }
}

async fn orchestrate(context: Context, settings: Settings) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let lifecycle = Lifecycle::of(Facts::new(context.profile, &context.toggles));
    let supervised = context.toggles.supervisor;
    // Nobody waits for the answers of a program that nobody can ask.
    let warm_up_within =
        if settings.address.is_some() { context.toggles.warm_up_within } else { Some(Duration::ZERO) };
    #[cfg(feature = "queue-pubsub")]
    let pulls = context.toggles.pull;
    let server = Server::new(lifecycle.clone());
    let mut doors = JoinSet::new();
    let port = match settings.address {
        None => None,
        Some(address) => {
            let listener = listen(address).await?;
            let port = listener.local_addr().map(|address| address.port()).ok();
            doors.spawn(server.clone().serve(listener));
            port
        }
    };

    let Some(engine) = open(context, &settings, &mut signals).await? else { return Ok(()) };
    lifecycle.enter(Stage::Recovering(engine.clone()));
    if supervised {
        match control::listen(&settings.state_dir) {
            Ok(socket) => drop(doors.spawn(server.clone().serve(socket))),
            // The program does its work without; only the commands that would come through it cannot.
            Err(error) => tracing::warn!(error = %error, "control-socket-failed"),
        }
    }
    let adapters = Arc::clone(engine.registry().adapters());
    let warming_up = {
        let (server, within) = (server.clone(), warm_up_within);
        tokio::spawn(async move {
            match within {
                Some(limit) => drop(tokio::time::timeout(limit, server.first_answer()).await),
                None => server.first_answer().await,
            }
            adapters.warm_up().await;
        })
    };
    #[cfg(feature = "queue-pubsub")]
    let pulling = pulls.then(|| Pulling::start(&engine));
    let health = tokio::spawn(health::keep_written(settings.health_path.clone(), lifecycle.clone()));
    let ended = work(&engine, &lifecycle, &settings, port, &mut signals).await;
    warming_up.abort();
    lifecycle.enter(Stage::Stopping);
    #[cfg(feature = "queue-pubsub")]
    if let Some(pulling) = pulling {
        pulling.stop().await;
    }

    let ended = match ended {
        Ok(()) => stop(&engine, settings.grace, &mut signals).await,
        Err(failure) => Err(failure),
    };
    server.close();
    doors.join_all().await;
    if supervised {
        control::forget(&settings.state_dir);
    }
    health.abort();
    let _ = health.await;
    write_last_health(&settings, &lifecycle, &engine).await;
    if ended.is_ok() {
        tracing::info!("orchestrator-stopped");
    }
    ended
}

/// Writes how the program was when it ended.
async fn write_last_health(settings: &Settings, lifecycle: &Lifecycle, engine: &Engine) {
    let facts = lifecycle.facts();
    let health = Health::of_running(facts, Process::this(facts, "stopped", None), engine, false).await;
    if let Err(error) = health::write(&settings.health_path, &health) {
        tracing::warn!(path = %settings.health_path.display(), error = %error, "health-not-written");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let message =
            format!("cannot listen on {address}: {error}; choose another port with --http-port or PORT");
        Failure::new("address-unusable", message)
    })
}

/// Opens the store beside the first requests; nothing if the program is asked to stop meanwhile.
async fn open(
    context: Context,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<Option<Engine>, Failure> {
    let state_dir = settings.state_dir.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let registry = context.program.registry(context.app);
        registry.adapters().check()?;
        Ok::<_, Failure>(Engine::on(registry, store::open(&state_dir)?))
    });
    tokio::select! {
        biased;
        () = signals.next() => Ok(None),
        opened = opening => match opened {
            Ok(engine) => engine.map(Some),
            Err(panic) => Err(Failure::new("internal", format!("the store was not opened: {panic}"))),
        },
    }
}

/// Takes up what was under way, and does what it is asked until it is to stop, or cannot go on.
async fn work(
    engine: &Engine,
    lifecycle: &Lifecycle,
    settings: &Settings,
    port: Option<u16>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let serve = async {
        let recovered = engine.recover().await?;
        lifecycle.enter(Stage::Ready(engine.clone()));
        let facts = lifecycle.facts();
        let host = settings.address.map(|address| address.ip().to_string());
        tracing::info!(
            profile = facts.profile.name,
            profile_from = facts.profile.from,
            supervisor_enabled = facts.profile.supervisor_enabled,
            http_enabled = settings.address.is_some(),
            http_host = host,
            http_port = port,
            remote_enabled = facts.profile.remote_enabled,
            watchers_enabled = facts.profile.watchers_enabled,
            recovered_runs = recovered,
            state_dir = %settings.state_dir.display(),
            "orchestrator-running"
        );
        Err(engine.failed().await)
    };
    tokio::select! {
        biased;
        () = signals.next() => Ok(()),
        failed = serve => failed.map_err(Failure::from),
    }
}

/// Lets nodes under way end for a while. Who asks a second time does not want to wait.
async fn stop(engine: &Engine, grace: Duration, signals: &mut Signals) -> Result<(), Failure> {
    let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(in_flight = engine.in_flight(), grace_ms, "orchestrator-shutdown-requested");
    let mut stopped = std::pin::pin!(engine.stop(grace));
    tokio::select! {
        stopped = &mut stopped => stopped?,
        () = signals.next() => {
            engine.abandon();
            stopped.await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Choice;
    use crate::settings::Surroundings;

    fn settings(arguments: &[&str]) -> Result<Settings, String> {
        let matches = command().no_binary_name(true).try_get_matches_from(arguments);
        let matches = matches.map_err(|error| error.to_string())?;
        let toggles = Toggles::of(Choice::default(), &Surroundings::default()).unwrap();
        Settings::read(&toggles, &matches).map_err(|failure| failure.message)
    }

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_the_default() {
        assert_eq!(read_port(Some(1), Some("2")), Ok(1));
        assert_eq!(read_port(None, Some("2")), Ok(2));
        assert_eq!(read_port(None, None), Ok(8080));
        let failure = read_port(None, Some("http")).unwrap_err();
        assert!(failure.is_usage());
        assert!(failure.message.contains("PORT is `http`"), "{failure}");
        assert!(read_port(None, Some("70000")).is_err());
    }

    #[test]
    fn addresses_are_read() {
        let everywhere = IpAddr::from([0, 0, 0, 0]);
        assert_eq!(read_host(None, everywhere).unwrap(), everywhere);
        assert_eq!(read_host(Some("::1"), everywhere).unwrap().to_string(), "::1");
        assert_eq!(read_host(Some("localhost"), everywhere).unwrap().to_string(), "127.0.0.1");
        assert!(read_host(Some("example.org"), everywhere).is_err());
    }

    #[test]
    fn flags_are_read() {
        assert_eq!(settings(&["--no-http"]).unwrap().address, None);
        let address =
            settings(&["--http-port", "0", "--http-host", "127.0.0.2", "--no-remote"]).unwrap().address;
        assert_eq!(address.unwrap().to_string(), "127.0.0.2:0");
        assert!(settings(&["--no-http", "--http-port", "1"]).is_err());
        assert!(settings(&["--http-port", "70000"]).is_err());
    }
}
