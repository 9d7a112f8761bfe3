//! Values that are known when a node starts: the run's input, outputs of earlier nodes, literals, and what is made of
//! them. The types of both ends of an edge meet in [`Bind`], so rustc checks them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::Json;
use crate::run::{NodeId, State};
use crate::secret::Secret;
use crate::task::Error;

/// A `T` that a node will be given when it starts.
pub struct Bind<T> {
    read: Read<T>,
    needs: Vec<NodeId>,
    secrets: Vec<&'static str>,
    literal: Option<Literal>,
}

/// How a value is read when a node starts.
type Read<T> = Box<dyn Fn(&Scope<'_>) -> Result<T, Error> + Send + Sync>;

/// What a node can see when it starts.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) input: &'a Json,
    pub(crate) outputs: Outputs<'a>,
    /// The secrets that the node names, by their references.
    pub(crate) secrets: &'a [(&'static str, Secret)],
    /// The element that an instance of a node is for.
    pub(crate) item: Option<&'a Json>,
}

/// Where a node finds what earlier nodes gave.
#[derive(Clone, Copy)]
pub(crate) enum Outputs<'a> {
    /// In the run's state.
    State(&'a State),
    /// Among those that were put aside for it while it waits for secrets.
    Kept(&'a [(NodeId, Option<Json>)]),
}

impl<'a> Outputs<'a> {
    fn of(self, node: NodeId) -> Option<&'a Json> {
        match self {
            Self::State(state) => state.output(node),
            Self::Kept(kept) => kept.iter().find(|(id, _)| *id == node)?.1.as_ref(),
        }
    }
}

/// JSON text of the manifest, and how to see whether it is a `T`.
#[derive(Clone, Copy)]
struct Literal {
    text: &'static str,
    check: fn(&'static str) -> Result<(), serde_json::Error>,
}

impl<T> Bind<T> {
    pub(crate) fn new(
        needs: Vec<NodeId>,
        read: impl Fn(&Scope<'_>) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Self {
        Self { read: Box::new(read), needs, secrets: Vec::new(), literal: None }
    }

    /// The same value, which is made of these secrets too.
    fn naming(mut self, secrets: Vec<&'static str>) -> Self {
        self.secrets = secrets;
        self
    }

    /// The value, for a node that starts now.
    ///
    /// # Errors
    /// When something that it refers to is not there or is of another type. Trying again would not help.
    pub fn read(&self, scope: &Scope<'_>) -> Result<T, Error> {
        (self.read)(scope)
    }

    /// This value as JSON, to stand in an [`object`](object()), an [`array`](array()) or a [`text`](text()).
    pub fn json(self) -> Bind<Json>
    where
        T: Serialize + 'static,
    {
        let Self { read, needs, secrets, .. } = self;
        Bind::new(needs, move |scope| Json::of(&read(scope)?).map_err(Error::from)).naming(secrets)
    }
}

impl Bind<Json> {
    /// This JSON read as a `T`.
    pub fn parse<T: DeserializeOwned>(self) -> Bind<T> {
        let Self { read, needs, secrets, .. } = self;
        let is_secret = !secrets.is_empty();
        let parse = move |scope: &Scope<'_>| {
            read(scope)?.parse().map_err(|error| {
                if is_secret {
                    // What serde says may quote the value.
                    Error::permanent("the value, which has a secret in it, does not fit")
                } else {
                    Error::permanent(format!("the value does not fit: {error}"))
                }
            })
        };
        Bind::new(needs, parse).naming(secrets)
    }
}

/// A [`Bind`] of any type, as the graph sees it.
pub trait AnyBind {
    /// The nodes whose outputs it reads.
    fn needs(&self) -> &[NodeId];

    /// The secrets that it is made of.
    fn secrets(&self) -> &[&'static str];

    /// Whether a literal of the manifest is of its type.
    ///
    /// # Errors
    /// Why it is not.
    fn verify(&self) -> Result<(), serde_json::Error>;
}

impl<T> AnyBind for Bind<T> {
    fn needs(&self) -> &[NodeId] {
        &self.needs
    }

    fn secrets(&self) -> &[&'static str] {
        &self.secrets
    }

    fn verify(&self) -> Result<(), serde_json::Error> {
        self.literal.map_or(Ok(()), |literal| (literal.check)(literal.text))
    }
}

/// The run's input.
#[derive(Clone, Copy, Debug)]
pub struct Input(pub(crate) ());

impl Input {
    /// All of it.
    pub fn whole<T: DeserializeOwned>(self) -> Bind<T> {
        Bind::new(Vec::new(), |scope| {
            let fit = scope.input.parse();
            fit.map_err(|error| Error::permanent(format!("the run's input does not fit: {error}")))
        })
    }

    /// The part at `path`, such as `order.lines[0].sku`. What is not there is `null`.
    pub fn get<T: DeserializeOwned>(self, path: &'static str) -> Bind<T> {
        Bind::new(Vec::new(), move |scope| part(scope.input, "input", path))
    }

    /// What `pick` finds in the part `name`, which is a `T`. The value is cloned.
    pub fn path<T, U>(self, name: &'static str, pick: fn(&T) -> Option<&U>) -> Bind<U>
    where
        T: DeserializeOwned + 'static,
        U: Clone + 'static,
    {
        Bind::new(Vec::new(), move |scope| {
            let whole = part::<T>(scope.input, "input", name)?;
            pick(&whole).cloned().ok_or_else(|| {
                Error::permanent(format!("`${{input.{name}}}` is too short for what is asked of it"))
            })
        })
    }
}

/// The element of its list that an instance of a node is for, which is a `T`.
pub struct Item<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + 'static> Item<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }

    /// All of it.
    pub fn whole(self) -> Bind<T> {
        Bind::new(Vec::new(), |scope| element(scope))
    }

    /// Part of it. The value is cloned.
    pub fn path<U: Clone + 'static>(self, pick: fn(&T) -> Option<&U>) -> Bind<U> {
        Bind::new(Vec::new(), move |scope| {
            let whole = element::<T>(scope)?;
            let part = pick(&whole).cloned();
            part.ok_or_else(|| Error::permanent("`${item}` is too short for what is asked of it"))
        })
    }
}

impl Item<Json> {
    /// The part at `path` of one whose type nobody knows. What is not there is `null`.
    pub fn get<T: DeserializeOwned>(self, path: &'static str) -> Bind<T> {
        Bind::new(Vec::new(), move |scope| part(item(scope)?, "item", path))
    }
}

impl<T> Clone for Item<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Item<T> {}

fn item<'a>(scope: &Scope<'a>) -> Result<&'a Json, Error> {
    scope.item.ok_or_else(|| Error::permanent("there is no `${item}` outside of a list"))
}

fn element<T: DeserializeOwned>(scope: &Scope<'_>) -> Result<T, Error> {
    let fit = item(scope)?.parse();
    fit.map_err(|error| Error::permanent(format!("`${{item}}` does not fit: {error}")))
}

/// Whether `value` is one of these, each JSON text of the manifest. Numbers are compared by what they are worth.
pub fn any_of<const N: usize>(value: Bind<Json>, these: [&'static str; N]) -> Bind<bool> {
    let needs = value.needs.clone();
    Bind::new(needs, move |scope| {
        let value: Value = value.read(scope)?.parse().map_err(permanent)?;
        let is_it = |text: &&str| serde_json::from_str(text).is_ok_and(|this| is_equal(&value, &this));
        Ok(these.iter().any(is_it))
    })
}

/// Whether `value` is there; `null` is not.
pub fn exists(value: Bind<Json>) -> Bind<bool> {
    let needs = value.needs.clone();
    Bind::new(needs, move |scope| Ok(value.read(scope)?.text() != "null"))
}

/// Whether `value` is not there, or is `null`.
pub fn is_missing(value: Bind<Json>) -> Bind<bool> {
    let needs = value.needs.clone();
    Bind::new(needs, move |scope| Ok(value.read(scope)?.text() == "null"))
}

fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// The output of `node`, read as the `T` that it was written from.
pub(crate) fn output<T: DeserializeOwned>(node: NodeId) -> Bind<T> {
    Bind::new(vec![node], move |scope| read_output(scope, node))
}

/// The output of `node` if it completed.
pub(crate) fn outcome<T: DeserializeOwned>(node: NodeId) -> Bind<Option<T>> {
    Bind::new(vec![node], move |scope| {
        scope.outputs.of(node).is_some().then(|| read_output(scope, node)).transpose()
    })
}

/// What `pick` finds in the output of `node`.
pub(crate) fn output_path<T, U>(node: NodeId, name: &'static str, pick: fn(&T) -> Option<&U>) -> Bind<U>
where
    T: DeserializeOwned + 'static,
    U: Clone + 'static,
{
    Bind::new(vec![node], move |scope| {
        let whole = read_output::<T>(scope, node)?;
        pick(&whole).cloned().ok_or_else(|| {
            Error::permanent(format!("the output of `{name}` is too short for what is asked of it"))
        })
    })
}

/// What `pick` finds in the output of `node` if it completed.
pub(crate) fn outcome_path<T, U>(node: NodeId, pick: fn(&T) -> Option<&U>) -> Bind<Option<U>>
where
    T: DeserializeOwned + 'static,
    U: Clone + 'static,
{
    Bind::new(vec![node], move |scope| {
        if scope.outputs.of(node).is_none() {
            return Ok(None);
        }
        read_output::<T>(scope, node).map(|whole| pick(&whole).cloned())
    })
}

/// The part at `path` of the JSON that `node` gave, `null` where there is none.
pub(crate) fn output_part<T: DeserializeOwned>(
    node: NodeId,
    name: &'static str,
    path: &'static str,
) -> Bind<T> {
    Bind::new(vec![node], move |scope| match scope.outputs.of(node) {
        Some(output) => part(output, name, path),
        None => part(&Json::null(), name, path),
    })
}

fn read_output<T: DeserializeOwned>(scope: &Scope<'_>, node: NodeId) -> Result<T, Error> {
    let output = scope.outputs.of(node);
    let output = output.ok_or_else(|| Error::permanent("a node that is needed gave no output"))?;
    output.parse().map_err(|error| Error::permanent(format!("the stored output does not fit: {error}")))
}

/// This value.
pub fn constant<T: Clone + Send + Sync + 'static>(value: T) -> Bind<T> {
    Bind::new(Vec::new(), move |_| Ok(value.clone()))
}

/// The value of the manifest whose JSON is `text`.
pub fn literal<T: DeserializeOwned>(text: &'static str) -> Bind<T> {
    let mut bind = Bind::new(Vec::new(), move |_| serde_json::from_str(text).map_err(permanent));
    bind.literal = Some(Literal { text, check: |text| serde_json::from_str::<T>(text).map(drop) });
    bind
}

/// The run's id.
pub fn run_id() -> Bind<String> {
    Bind::new(Vec::new(), |scope| Ok(scope.run_id.to_owned()))
}

/// The secret that a manifest calls `${secret:REFERENCE}`. It is asked for when the node starts, and kept nowhere.
pub fn secret<T: DeserializeOwned>(reference: &'static str) -> Bind<T> {
    let read = move |scope: &Scope<'_>| {
        let found = scope.secrets.iter().find(|(name, _)| *name == reference);
        let (_, secret) = found.ok_or_else(|| Error::permanent("a secret that is named is not there"))?;
        let text = serde_json::to_string(secret.expose()).map_err(permanent)?;
        // What serde says may quote the secret.
        serde_json::from_str(&text).map_err(|_| {
            Error::permanent(format!("the secret `{reference}` is text, and something else is wanted"))
        })
    };
    Bind::new(Vec::new(), read).naming(vec![reference])
}

/// A JSON object of these members.
pub fn object<const N: usize>(members: [(&'static str, Bind<Json>); N]) -> Bind<Json> {
    let needs = members.iter().flat_map(|(_, value)| value.needs.clone()).collect();
    let secrets = members.iter().flat_map(|(_, value)| value.secrets.clone()).collect();
    let read = move |scope: &Scope<'_>| {
        let mut text = String::from("{");
        for (name, value) in &members {
            let comma = if text.len() > 1 { "," } else { "" };
            let name = serde_json::to_string(name).map_err(permanent)?;
            let value = value.read(scope)?;
            // Writing to a `String` does not fail.
            let _ = write!(text, "{comma}{name}:{}", value.text());
        }
        text.push('}');
        Ok(Json::trusted(text))
    };
    Bind::new(needs, read).naming(secrets)
}

/// A JSON array of these elements.
pub fn array<const N: usize>(elements: [Bind<Json>; N]) -> Bind<Json> {
    let needs = elements.iter().flat_map(|value| value.needs.clone()).collect();
    let secrets = elements.iter().flat_map(|value| value.secrets.clone()).collect();
    let read = move |scope: &Scope<'_>| {
        let mut text = String::from("[");
        for value in &elements {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(value.read(scope)?.text());
        }
        text.push(']');
        Ok(Json::trusted(text))
    };
    Bind::new(needs, read).naming(secrets)
}

/// These parts one after the other: text as it is, anything else as JSON.
pub fn text<T: DeserializeOwned, const N: usize>(parts: [Bind<Json>; N]) -> Bind<T> {
    let needs = parts.iter().flat_map(|value| value.needs.clone()).collect();
    let secrets: Vec<_> = parts.iter().flat_map(|value| value.secrets.clone()).collect();
    let is_secret = !secrets.is_empty();
    let read = move |scope: &Scope<'_>| {
        let mut text = String::new();
        for part in &parts {
            let part = part.read(scope)?;
            match part.parse::<String>() {
                Ok(inner) => text.push_str(&inner),
                Err(_) => text.push_str(part.text()),
            }
        }
        serde_json::from_value(Value::String(text)).map_err(|error| {
            if is_secret {
                // What serde says may quote the text.
                Error::permanent("the text, which has a secret in it, does not fit")
            } else {
                permanent(error)
            }
        })
    };
    Bind::new(needs, read).naming(secrets)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn permanent(error: serde_json::Error) -> Error {
    Error::permanent(error.to_string())
}

/// Reads what stands at `path` in `whole`; `root` is its name in the manifest.
pub(crate) fn part<T: DeserializeOwned>(whole: &Json, root: &str, path: &str) -> Result<T, Error> {
    let found = steps(path).try_fold(whole.text(), |text, step| match step {
        Step::Field(name) => {
            let mut members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
            members.remove(&name).map(RawValue::get)
        }
        Step::Index(index) => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            elements.get(index).map(|element| element.get())
        }
    });
    serde_json::from_str(found.unwrap_or("null")).map_err(|error| {
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Error::permanent(if found.is_some_and(|text| text != "null") {
            format!("`${{{root}{dot}{path}}}` does not fit: {error}")
        } else {
            format!("`${{{root}{dot}{path}}}` is not there")
        })
    })
}

enum Step<'a> {
    Field(Cow<'a, str>),
    Index(usize),
}

/// Takes `a.b[0]["c d"]` apart. The compiler has checked the text, so whatever is left over is a field's name.
fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('[') {
            if inner.starts_with('"') {
                let mut stream = serde_json::Deserializer::from_str(inner).into_iter::<String>();
                if let Some(Ok(name)) = stream.next() {
                    rest = inner[stream.byte_offset()..].strip_prefix(']').unwrap_or("");
                    return Some(Step::Field(name.into()));
                }
            } else if let Some((index, after)) = inner.split_once(']')
                && let Ok(index) = index.parse()
            {
                rest = after;
                return Some(Step::Index(index));
            }
        }
        let end = rest[1..].find(['.', '[']).map_or(rest.len(), |at| at + 1);
        let (name, after) = rest.split_at(end);
        rest = after;
        Some(Step::Field(name.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<T: DeserializeOwned>(text: &str, path: &str) -> Result<T, String> {
        part(&Json::from_text(text).unwrap(), "input", path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_goes_into_objects_and_arrays() {
        let text = r#"{"a":{"b":[1,{"c d":"x"}]}}"#;
        assert_eq!(get::<u8>(text, "a.b[0]"), Ok(1));
        assert_eq!(get::<String>(text, r#"a.b[1]["c d"]"#), Ok("x".to_owned()));
        assert_eq!(get::<Option<u8>>(text, "a.x.y"), Ok(None));
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        assert_eq!(get::<u8>("{}", "a.b"), Err("`${input.a.b}` is not there".to_owned()));
        let error = get::<u8>(r#"{"a":"x"}"#, "a").expect_err("text is not a number");
        assert!(error.starts_with("`${input.a}` does not fit: invalid type: string"), "{error}");
    }

    #[test]
    fn literals_are_checked_against_their_type() {
        assert!(literal::<u8>("300").verify().is_err());
        assert!(literal::<u16>("300").verify().is_ok());
    }
}
