//! An HTTP service that takes orders. Workflows are one thing that it does.

use std::io::Write;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use oneiric::{App, Engine};
use serde_json::{Value, json};
use service::fulfil;
use shop::Carrier;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut app = App::default();
    app.dag("fulfil", fulfil::Def);
    let engine = app.open(std::env::var("STATE_DIR")?).await?;

    let routes = Router::new()
        .route("/orders/{id}", put(order).get(status))
        .route("/", get(|| async { "This shop takes orders." }))
        .with_state(engine.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let mut terminated = signal(SignalKind::terminate())?;
    let stopped = async move {
        terminated.recv().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(stopped).await?;
    Ok(engine.stop(Duration::from_secs(8)).await?)
}

/// Takes an order, once however often it is asked to, and answers when it is on its way.
async fn order(State(engine): State<Engine>, Path(id): Path<String>) -> (StatusCode, Json<Value>) {
    let run = match fulfil::start_as(&engine, format!("order-{id}"), id, Carrier::Dhl).await {
        Ok(run) => run,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": error.to_string() }))),
    };
    match run.result().await {
        Ok(letter) => (StatusCode::OK, Json(json!(letter))),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))),
    }
}

/// How far an order is.
async fn status(State(engine): State<Engine>, Path(id): Path<String>) -> (StatusCode, Json<Value>) {
    match engine.report(&format!("order-{id}")).await {
        Ok(Some(report)) => (StatusCode::OK, Json(json!(report))),
        Ok(None) => (StatusCode::NOT_FOUND, Json(Value::Null)),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": error.to_string() }))),
    }
}
