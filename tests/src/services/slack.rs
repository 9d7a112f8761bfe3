//! Slack's Web API, as far as a program posts to it: `chat.postMessage` and `auth.test`.
//!
//! Slack says most faults with status 200 and `"ok": false`, and so does this. Stricter than Slack, it refuses arguments
//! that the method does not have, which Slack ignores.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::services::{Received, Reply, Stub};

/// The arguments of `chat.postMessage`, from its reference page.
const ARGUMENTS: [&str; 18] = [
    "as_user",
    "attachments",
    "blocks",
    "channel",
    "icon_emoji",
    "icon_url",
    "link_names",
    "markdown_text",
    "metadata",
    "mrkdwn",
    "parse",
    "reply_broadcast",
    "text",
    "thread_ts",
    "token",
    "unfurl_links",
    "unfurl_media",
    "username",
];

/// A workspace whose one token is [`TOKEN`](Self::TOKEN).
pub struct Slack(Stub);

impl Slack {
    /// The token that it takes.
    pub const TOKEN: &str = "xoxb-0000000000-stub";

    /// Starts it, with these channels.
    pub fn start(channels: &'static [&'static str]) -> Self {
        Self(Stub::start(move |received| answer(received, channels)))
    }

    /// What the setting `base_url` is to be.
    pub fn base_url(&self) -> String {
        format!("{}/api", self.0.url())
    }

    /// What was asked to be posted, whether it was or not.
    pub fn posted(&self) -> Vec<Value> {
        let received = self.0.received().into_iter();
        received.filter(|received| received.target == "/api/chat.postMessage").map(|one| one.json()).collect()
    }
}

/// What every stub can do.
impl Deref for Slack {
    type Target = Stub;

    fn deref(&self) -> &Stub {
        &self.0
    }
}

fn answer(received: &Received, channels: &[&str]) -> Reply {
    if received.method != "POST" {
        return Reply::status(405);
    }
    match received.target.as_str() {
        "/api/auth.test" => match authorized(received) {
            Ok(()) => say(&json!({ "ok": true, "team": "Stub", "user": "oneiric", "bot_id": "B0000000001" })),
            Err(error) => fault(error),
        },
        "/api/chat.postMessage" => match post(received, channels) {
            Ok(message) => say(&message),
            Err(error) => fault(error),
        },
        _ => fault("unknown_method"),
    }
}

fn authorized(received: &Received) -> Result<(), &'static str> {
    let Some(authorization) = received.headers.get("authorization") else { return Err("not_authed") };
    let is_ours = authorization.strip_prefix("Bearer ") == Some(Slack::TOKEN);
    if is_ours { Ok(()) } else { Err("invalid_auth") }
}

fn post(received: &Received, channels: &[&str]) -> Result<Value, &'static str> {
    authorized(received)?;
    // Without the character set Slack answers, but warns.
    let content_type = received.headers.get("content-type").map(String::as_str);
    if content_type != Some("application/json; charset=utf-8") {
        return Err("invalid_post_type");
    }
    let message = serde_json::from_str::<Value>(&received.body).map_err(|_| "invalid_json")?;
    let members = message.as_object().ok_or("json_not_object")?;
    if members.keys().any(|name| !ARGUMENTS.contains(&name.as_str())) {
        return Err("invalid_arguments");
    }
    let has = |name: &str| members.get(name).is_some_and(|value| !value.is_null() && value != "");
    if !["text", "blocks", "attachments", "markdown_text"].into_iter().any(has) {
        return Err("no_text");
    }
    let channel = message["channel"].as_str().unwrap_or_default();
    if !channels.contains(&channel.trim_start_matches('#')) {
        return Err("channel_not_found");
    }
    Ok(json!({ "ok": true, "channel": "C0000000001", "ts": "1795600000.000100", "message": message }))
}

fn say(body: &Value) -> Reply {
    Reply::json(200, body)
}

fn fault(error: &str) -> Reply {
    say(&json!({ "ok": false, "error": error }))
}
