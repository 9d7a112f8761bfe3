//! Settings of adapters and actions as written: a tree that knows where every key and every value stands.
//!
//! Which settings there are, and what they have to be, is for the catalogue and for `rules`.

use serde_json::Number;

use super::{Span, Spanned};

/// A value among settings, or all of them.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where it stands.
    pub span: Span,
    /// What is there.
    pub kind: SettingKind,
}

/// What stands as a setting.
#[derive(Clone, Debug)]
pub enum SettingKind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(SettingText),
    /// A list.
    List(Vec<Setting>),
    /// Settings by name, in the manifest's order.
    Mapping(Vec<(Spanned<String>, Setting)>),
    /// It could not be read, and that has been reported.
    Unread,
}

/// A text among settings.
#[derive(Clone, Debug)]
pub enum SettingText {
    /// Text in which no secret is.
    Plain(String),
    /// One secret and nothing else: `${secret:NAME}`.
    Secret(Spanned<String>),
    /// Text around secrets.
    Mixed(Vec<Spanned<String>>),
}

impl SettingText {
    /// The secrets in it.
    pub fn secrets(&self) -> &[Spanned<String>] {
        match self {
            Self::Plain(_) => &[],
            Self::Secret(secret) => std::slice::from_ref(secret),
            Self::Mixed(secrets) => secrets,
        }
    }
}

impl Setting {
    /// Every text in which no secret is, with the key that is nearest to it.
    pub fn texts(&self) -> Vec<(&str, Spanned<&str>)> {
        let mut found = Vec::new();
        self.walk("", &mut |key, setting| {
            if let SettingKind::Text(SettingText::Plain(plain)) = &setting.kind {
                found.push((key, Spanned::new(plain.as_str(), setting.span)));
            }
        });
        found
    }

    /// Calls `each` for every value, and the key that is nearest to it. As deep as the value, which `yaml` bounds.
    fn walk<'s>(&'s self, key: &'s str, each: &mut impl FnMut(&'s str, &'s Self)) {
        each(key, self);
        match &self.kind {
            SettingKind::List(items) => items.iter().for_each(|item| item.walk(key, each)),
            SettingKind::Mapping(entries) => entries.iter().for_each(|(key, value)| value.walk(key, each)),
            _ => {}
        }
    }
}
