//! What is wrong with the settings of adapters, held against the schemas of the catalogue.
//!
//! What is to be said about it, and under which code, is for `rules`.

use crate::catalog::{self, Additional, Provider, Schema};
use crate::index::Index;
use crate::manifest::nearest::nearest;
use crate::manifest::{self, Setting, SettingKind, SettingText, Span, Spanned};

/// Something that is wrong with a setting.
pub(crate) struct Fault<'m> {
    /// The kind of adapter whose settings they are.
    pub(crate) provider: &'static Provider,
    /// What.
    pub(crate) what: What<'m>,
}

/// What can be wrong with a setting.
pub(crate) enum What<'m> {
    /// There is no setting of this name.
    Unknown {
        name: &'m Spanned<String>,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// Settings that have to be there are not.
    Missing {
        /// Where they should be.
        at: Span,
        missing: Vec<Missing>,
    },
    /// It is not what it has to be.
    Invalid {
        span: Span,
        /// What it has to be, and what is there.
        message: String,
        help: Vec<String>,
    },
    /// A secret stands there for all to read.
    Plain { span: Span, name: String },
    /// A secret is part of what is none.
    Misplaced { secret: &'m Spanned<String>, what: String },
    /// A source of secrets needs a secret itself.
    Circular { secret: &'m Spanned<String> },
}

/// A setting that is not there.
pub(crate) struct Missing {
    pub(crate) name: &'static str,
    pub(crate) about: Option<&'static str>,
    /// How it could be written.
    pub(crate) example: String,
}

/// All that is wrong with the settings of adapters.
pub(crate) fn faults<'m>(index: &Index<'m>) -> Vec<Fault<'m>> {
    let mut faults = Vec::new();
    for adapter in index.manifest.adapters.iter().flatten() {
        let Some(id) = &adapter.provider else { continue };
        // What is not known, or not there yet, has been reported as such.
        let Some(provider) = catalog::provider(id) else { continue };
        let mut judge = Judge { is_source: provider.domain() == "secrets", found: Vec::new() };
        match &adapter.settings {
            Some(settings) => {
                judge.value("settings", settings, provider.schema());
            }
            None => judge.missing(id.span, provider.schema(), &[]),
        }
        faults.extend(judge.found.into_iter().map(|what| Fault { provider, what }));
    }
    faults
}

struct Judge<'m> {
    /// Whether these are the settings of a source of secrets.
    is_source: bool,
    found: Vec<What<'m>>,
}

impl<'m> Judge<'m> {
    /// `name` is what the setting is called. As deep as the value, which `yaml` bounds.
    fn value(&mut self, name: &str, setting: &'m Setting, schema: Schema<'static>) {
        if matches!(setting.kind, SettingKind::Unread) {
            return;
        }
        if matches!(setting.kind, SettingKind::Null) && schema.is_nullable() {
            return;
        }
        match schema.forms()[..] {
            [form] => self.form(name, setting, form),
            // Of several forms one has to fit; where none does, the one of the same type has the most to say.
            ref forms => {
                let judge = |form: Schema<'static>| {
                    let mut judge = Judge { is_source: self.is_source, found: Vec::new() };
                    judge.form(name, setting, form);
                    judge.found
                };
                if forms.iter().any(|form| judge(*form).is_empty()) {
                    return;
                }
                match forms.iter().find(|form| form.kind() == Some(kind(setting))) {
                    Some(form) => self.found.extend(judge(*form)),
                    None => self.wrong_type(setting, schema),
                }
            }
        }
    }

    fn form(&mut self, name: &str, setting: &'m Setting, schema: Schema<'static>) {
        match (&setting.kind, schema.kind()) {
            (_, None) => self.any(name, setting),
            (SettingKind::Text(text), Some("string")) => self.text(name, text, setting.span, schema),
            // A secret is text, wherever it stands.
            (SettingKind::Text(text), _) if !text.secrets().is_empty() => {
                self.misplaced(text, &schema.phrase());
            }
            (SettingKind::Bool(_), Some("boolean")) => {}
            (SettingKind::Number(number), Some(wanted @ ("integer" | "number"))) => {
                let value = number.as_f64().unwrap_or_default();
                let (least, most) = schema.bounds();
                let is_whole = number.is_u64() || number.is_i64();
                if wanted == "integer" && !is_whole
                    || least.is_some_and(|least| value < least)
                    || most.is_some_and(|most| value > most)
                {
                    self.invalid(setting.span, format!("{number} is not {}", schema.phrase()));
                }
            }
            (SettingKind::List(items), Some("array")) => {
                if (items.len() as u64) < schema.least() {
                    self.invalid(setting.span, format!("the list `{name}` has to have something in it"));
                }
                for item in items {
                    match schema.items() {
                        Some(schema) => self.value(name, item, schema),
                        None => self.any(name, item),
                    }
                }
            }
            (SettingKind::Mapping(entries), Some("object")) => self.mapping(setting.span, entries, schema),
            _ => self.wrong_type(setting, schema),
        }
    }

    fn mapping(&mut self, span: Span, entries: &'m [(Spanned<String>, Setting)], schema: Schema<'static>) {
        for (name, value) in entries {
            match (schema.property(name), schema.additional()) {
                (Some(property), _) => self.value(name, value, property.schema),
                (None, Additional::Of(schema)) => self.value(name, value, schema),
                (None, Additional::Any) => self.any(name, value),
                (None, Additional::None) => {
                    let known = schema.properties().map(|(name, _)| name).collect();
                    self.found.push(What::Unknown { name, known });
                }
            }
        }
        self.missing(span, schema, entries);
    }

    fn missing(&mut self, at: Span, schema: Schema<'static>, entries: &[(Spanned<String>, Setting)]) {
        // One that stands there with a slip in its name has been reported as that.
        let known: Vec<&str> = schema.properties().map(|(name, _)| name).collect();
        let meant = |name: &str| {
            known.iter().find(|known| **known == name).copied().or_else(|| nearest(name, &known))
        };
        let there: Vec<&str> = entries.iter().filter_map(|(name, _)| meant(name)).collect();
        let missing = schema.required().filter(|name| !there.contains(name));
        let missing: Vec<Missing> = missing
            .map(|name| {
                let property = schema.property(name);
                let example = property.map_or("…", |property| example(property.schema));
                Missing {
                    name,
                    about: property.and_then(catalog::Property::about),
                    example: format!("{name}: {example}"),
                }
            })
            .collect();
        if !missing.is_empty() {
            self.found.push(What::Missing { at, missing });
        }
    }

    fn text(&mut self, name: &str, text: &'m SettingText, span: Span, schema: Schema<'static>) {
        if self.is_source && !text.secrets().is_empty() {
            self.found.extend(text.secrets().iter().map(|secret| What::Circular { secret }));
            return;
        }
        let plain = match text {
            SettingText::Plain(plain) => plain,
            _ if !schema.is_secret() => return self.misplaced(text, &schema.phrase()),
            SettingText::Secret(_) => return,
            SettingText::Mixed(_) => {
                let message = format!("the secret `{name}` is a secret as a whole, with nothing around it");
                let help = vec!["keep all of the text as one secret, and write `${secret:NAME}`".to_owned()];
                self.found.push(What::Invalid { span, message, help });
                return;
            }
        };
        if schema.is_secret() {
            self.found.push(What::Plain { span, name: name.to_owned() });
            return;
        }
        if plain.starts_with("${secret:") {
            self.invalid(span, "this text would be taken for a secret when the program starts".to_owned());
            return;
        }
        let words: Vec<&str> = schema.words().into_iter().map(|(word, _)| word).collect();
        if !words.is_empty() {
            if !words.contains(&plain.as_str()) {
                let message = format!("`{plain}` is not {}", schema.phrase());
                let near = nearest(plain, &words);
                let help = near.map(|near| format!("did you mean `{near}`?"));
                self.found.push(What::Invalid { span, message, help: help.into_iter().collect() });
            }
            return;
        }
        if (plain.chars().count() as u64) < schema.least() {
            self.invalid(span, format!("`{name}` has to say something"));
            return;
        }
        match schema.format() {
            Some("duration") => {
                if let Err(why) = manifest::duration(plain) {
                    let message = format!("`{plain}` is not a duration: {why}");
                    let help =
                        vec!["write `500ms`, `30s`, `5m`, `2h`, or a compound such as `1h30m`".to_owned()];
                    self.found.push(What::Invalid { span, message, help });
                }
            }
            Some("uri" | "url") if !is_url(plain) => {
                let message = format!("`{plain}` is not a URL");
                let all = if plain.contains('.') {
                    format!("https://{plain}")
                } else {
                    "https://example.org".to_owned()
                };
                let help = vec![format!("write all of it, such as `{all}`")];
                self.found.push(What::Invalid { span, message, help });
            }
            _ => {}
        }
    }

    /// A value of any form, in which no secret can be: what is not known to be secret may be shown.
    fn any(&mut self, name: &str, setting: &'m Setting) {
        match &setting.kind {
            SettingKind::Text(text) => self.misplaced(text, name),
            SettingKind::List(items) => items.iter().for_each(|item| self.any(name, item)),
            SettingKind::Mapping(entries) => entries.iter().for_each(|(name, value)| self.any(name, value)),
            _ => {}
        }
    }

    fn misplaced(&mut self, text: &'m SettingText, what: &str) {
        let secrets = text.secrets().iter();
        self.found.extend(secrets.map(|secret| What::Misplaced { secret, what: what.to_owned() }));
    }

    fn wrong_type(&mut self, setting: &Setting, schema: Schema<'static>) {
        let found = match &setting.kind {
            SettingKind::Null | SettingKind::Unread => "nothing".to_owned(),
            SettingKind::Bool(value) => format!("the boolean `{value}`"),
            SettingKind::Number(value) => format!("the number `{value}`"),
            // It may be a secret, so it is not repeated.
            SettingKind::Text(_) => "text".to_owned(),
            SettingKind::List(_) => "a list".to_owned(),
            SettingKind::Mapping(_) => "a mapping".to_owned(),
        };
        let message = format!("expected {}, found {found}", schema.phrase());
        let help = match (&setting.kind, schema.forms().first().map(|form| (form.kind(), form.format()))) {
            (SettingKind::Number(number), Some((_, Some("duration")))) => {
                Some(format!("write `{number}s` for seconds, or `{number}ms` for milliseconds"))
            }
            (_, Some((_, Some("secret")))) => Some("write `${secret:NAME}`".to_owned()),
            (SettingKind::Number(_) | SettingKind::Bool(_), Some((Some("string"), _))) => {
                Some("put it in quotes to make it text".to_owned())
            }
            _ => None,
        };
        self.found.push(What::Invalid { span: setting.span, message, help: help.into_iter().collect() });
    }

    fn invalid(&mut self, span: Span, message: String) {
        self.found.push(What::Invalid { span, message, help: Vec::new() });
    }
}

/// The type of a value, in the words of JSON Schema.
fn kind(setting: &Setting) -> &'static str {
    match setting.kind {
        SettingKind::Null | SettingKind::Unread => "null",
        SettingKind::Bool(_) => "boolean",
        SettingKind::Number(_) => "number",
        SettingKind::Text(_) => "string",
        SettingKind::List(_) => "array",
        SettingKind::Mapping(_) => "object",
    }
}

/// How a value of this form could be written.
pub(crate) fn example(schema: Schema<'_>) -> &'static str {
    let Some(form) = schema.forms().first().copied() else { return "…" };
    match (form.kind(), form.format()) {
        (_, Some("secret")) => "\"${secret:NAME}\"",
        (_, Some("duration")) => "30s",
        (_, Some("uri" | "url")) => "\"https://example.org\"",
        (Some("integer" | "number"), _) => "1",
        (Some("boolean"), _) => "true",
        (Some("array"), _) => "[…]",
        (Some("object"), _) => "{ … }",
        _ => "…",
    }
}

/// Whether it has a scheme and a host.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !host.is_empty() && !text.contains(|char: char| char.is_whitespace() || char.is_control())
}

#[cfg(test)]
mod tests {
    use super::is_url;

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        for good in ["https://example.org", "http://localhost:8080/x?y#z", "amqp+tls://h"] {
            assert!(is_url(good), "{good}");
        }
        for bad in ["", "example.org", "/tasks", "https://", "https:///x", "://x", "https://a b", "1a://x"] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
