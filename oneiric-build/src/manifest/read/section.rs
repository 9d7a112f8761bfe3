//! The keys of each part of the manifest and what their values look like, as data.
//!
//! The reader knows no other keys than these, and the schema for editors is made of them, so neither can have a key that
//! the other lacks. How a value is read, and what is said of one that cannot be, is for the rest of `read`.

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Section {
    /// What the part is, such as "a task".
    pub(crate) what: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// The keys it takes.
    pub(crate) keys: &'static [Key],
    /// Of these keys exactly one is there; none where that is no demand.
    pub(crate) one_of: &'static [&'static str],
}

/// A key of a section.
#[derive(Debug)]
pub(crate) struct Key {
    /// How it is written.
    pub(crate) name: &'static str,
    /// What it says, in sentences.
    pub(crate) about: &'static str,
    /// What its value looks like.
    pub(crate) form: &'static Form,
    /// Whether it has to be there.
    pub(crate) is_required: bool,
    /// The word that it means where it is left out.
    pub(crate) default: Option<&'static str>,
    /// Where this version reads and checks it and does not compile it: what works today instead.
    pub(crate) later: Option<&'static str>,
}

/// What a value looks like: as much of it as can be said without reading it.
#[derive(Debug)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// Text that a regular expression of ECMA 262 matches; `name` is what such text is called.
    Pattern {
        name: &'static str,
        regex: &'static str,
        except: &'static [&'static str],
        examples: &'static [&'static str],
    },
    /// One of these words, each with its meaning.
    Word(&'static [(&'static str, &'static str)]),
    /// A kind of adapter that the catalogue has.
    Provider,
    /// This number and no other.
    Version(u64),
    /// A whole number of at least 1.
    Count,
    /// A whole number between two, both included.
    Integer { least: i64, most: i64 },
    /// `true` or `false`.
    Bool,
    /// One of these forms.
    Either(&'static [&'static Form]),
    /// Any value.
    Any,
    /// A number from 0 to 1.
    Ratio,
    /// A list.
    List { of: &'static Form, least: u64 },
    /// A list of names, of which there is one and none stands twice.
    Names,
    /// A mapping with known keys.
    Section(&'static Section),
    /// A mapping from names of this form.
    Table { name: &'static Form, of: &'static Form, least: u64 },
    /// A mapping from any names to any values.
    Values,
}

impl Section {
    /// The names of the keys.
    pub(in crate::manifest) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }

    /// The key of this name.
    pub(in crate::manifest) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// A key that may be left out.
    pub(in crate::manifest) const fn new(
        name: &'static str,
        form: &'static Form,
        about: &'static str,
    ) -> Self {
        Self { name, about, form, is_required: false, default: None, later: None }
    }

    /// It has to be there.
    pub(in crate::manifest) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// It is read and checked, and not compiled yet; `today` says what works instead.
    pub(in crate::manifest) const fn later(self, today: &'static str) -> Self {
        Self { later: Some(today), ..self }
    }

    /// Where it is left out, it means this word.
    pub(in crate::manifest) const fn default(self, word: &'static str) -> Self {
        Self { default: Some(word), ..self }
    }
}
