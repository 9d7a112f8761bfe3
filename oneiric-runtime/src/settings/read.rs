//! Reading a setting into a type: serde's `Deserializer` for a [`Setting`].
//!
//! Text of the environment is read as whatever the type asks for. An error names the path to the value and where the value
//! comes from, and never shows a secret.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, Unexpected,
    Visitor,
};

use super::{Origin, Setting, Value};

/// Why a setting cannot be read.
#[derive(Debug)]
pub(crate) struct Error {
    path: Vec<String>,
    origin: Option<Origin>,
    message: String,
    /// The message with the value in it, for values that may be shown.
    revealing: Option<String>,
}

impl Setting {
    /// Reads it as a `T`.
    ///
    /// # Errors
    /// What is wrong, with its path and where the value comes from. Values that are not the manifest's own are not in it.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(self).map_err(|mut error| {
            error.message = self.redact(&error.message);
            error
        })
    }
}

impl Error {
    fn revealing(revealing: &str, message: &str) -> Self {
        Self {
            path: Vec::new(),
            origin: None,
            message: message.to_owned(),
            revealing: Some(revealing.to_owned()),
        }
    }

    fn within(mut self, name: &str) -> Self {
        self.path.push(name.to_owned());
        self
    }

    /// The value was found to be wrong; the innermost one counts.
    fn from(mut self, origin: &Origin) -> Self {
        if self.origin.is_none() {
            match (origin, self.revealing.take()) {
                (Origin::Secret, _) => "the secret does not fit".clone_into(&mut self.message),
                (Origin::Plan, Some(revealing)) => self.message = revealing,
                _ => {}
            }
            self.origin = Some(origin.clone());
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.path.iter().rev().enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { "." })?;
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: Vec::new(), origin: None, message: message.to_string(), revealing: None }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::revealing(
            &format!("invalid type: {found}, expected {expected}"),
            &format!("invalid type, expected {expected}"),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::revealing(
            &format!("invalid value: {found}, expected {expected}"),
            &format!("invalid value, expected {expected}"),
        )
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Self::revealing(
            &format!("unknown variant `{variant}`, expected one of {known}"),
            &format!("unknown variant, expected one of {known}"),
        )
    }
}

/// A method that reads text of the environment as this type, if it can be read so, and lets the type say what it wants
/// otherwise.
macro_rules! parsed {
    ($($method:ident: $type:ty => $visit:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self.value {
                Value::Untyped(text) => match text.parse::<$type>() {
                    Ok(value) => visitor.$visit(value).map_err(|error: Error| error.from(&self.origin)),
                    Err(_) => self.deserialize_any(visitor),
                },
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for &Setting {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let read = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::Text(text) | Value::Untyped(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Value::Map(members) => visitor.visit_map(Members { rest: members.iter(), value: None }),
        };
        read.map_err(|error| error.from(&self.origin))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.json() {
            Some(list) => list.deserialize_any(visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.json() {
            Some(map) => map.deserialize_any(visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let read = match &self.value {
            Value::Text(text) | Value::Untyped(text) => {
                visitor.visit_enum(StringDeserializer::<Error>::new(text.clone()))
            }
            Value::Map(members) => {
                visitor.visit_enum(MapAccessDeserializer::new(Members { rest: members.iter(), value: None }))
            }
            _ => return self.deserialize_any(visitor),
        };
        read.map_err(|error| error.from(&self.origin))
    }

    parsed! {
        deserialize_bool: bool => visit_bool,
        deserialize_i8: i64 => visit_i64,
        deserialize_i16: i64 => visit_i64,
        deserialize_i32: i64 => visit_i64,
        deserialize_i64: i64 => visit_i64,
        deserialize_u8: u64 => visit_u64,
        deserialize_u16: u64 => visit_u64,
        deserialize_u32: u64 => visit_u64,
        deserialize_u64: u64 => visit_u64,
        deserialize_f32: f64 => visit_f64,
        deserialize_f64: f64 => visit_f64,
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl Setting {
    /// A list or a mapping, where text of the environment is JSON of one.
    pub(super) fn json(&self) -> Option<Self> {
        let Value::Untyped(text) = &self.value else { return None };
        let value = serde_json::from_str::<serde_json::Value>(text).ok()?;
        (value.is_array() || value.is_object()).then(|| Self::of(value, &self.origin))
    }
}

impl IntoDeserializer<'_, Error> for &Setting {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The members of a mapping, one after the other.
struct Members<'a> {
    rest: std::slice::Iter<'a, (String, Setting)>,
    value: Option<&'a (String, Setting)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.rest.next();
        let Some((name, value)) = self.value else { return Ok(None) };
        let key = seed.deserialize(StringDeserializer::<Error>::new(name.clone()));
        key.map(Some).map_err(|error| error.from(&value.origin))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, value) = self.value.expect("serde asks for a key before its value");
        seed.deserialize(value).map_err(|error| error.within(name))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        port: u16,
        #[serde(default)]
        on: bool,
        #[serde(default)]
        names: Vec<String>,
        #[serde(default)]
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Fast,
    }

    fn member(name: &str, value: Value, origin: Origin) -> (String, Setting) {
        (name.to_owned(), Setting { value, origin })
    }

    fn variable(name: &str, text: &str) -> (String, Setting) {
        member(name, Value::Untyped(text.to_owned()), Origin::Variable(format!("X__{name}")))
    }

    fn read(members: Vec<(String, Setting)>) -> Result<Sample, String> {
        let setting = Setting { value: Value::Map(members), origin: Origin::Plan };
        setting.read().map_err(|error| error.to_string())
    }

    #[test]
    fn text_of_the_environment_becomes_what_is_asked_for() {
        let sample = read(vec![
            variable("port", "80"),
            variable("on", "true"),
            variable("names", r#"["a"]"#),
            variable("mode", "fast"),
        ]);
        let expected = Sample { port: 80, on: true, names: vec!["a".to_owned()], mode: Some(Mode::Fast) };
        assert_eq!(sample, Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named_with_where_it_comes_from() {
        let fault = read(vec![variable("port", "high")]).unwrap_err();
        assert_eq!(fault, "port: invalid type, expected u16 (from X__port)");
        let fault = read(vec![member("port", Value::Text("80".to_owned()), Origin::File)]).unwrap_err();
        assert!(fault.ends_with("(from config file)"), "a file has types: {fault}");
        let fault = read(vec![variable("port", "1"), variable("prot", "2")]).unwrap_err();
        assert!(fault.starts_with("unknown field `prot`, expected one of `port`"), "{fault}");
        assert!(fault.ends_with("(from X__prot)"), "{fault}");
        assert_eq!(read(Vec::new()).unwrap_err(), "missing field `port` (from manifest)");
    }

    #[test]
    fn only_what_the_manifest_says_is_shown() {
        let fault = |value: Value, origin| read(vec![member("port", value, origin)]).unwrap_err();
        let text = || Value::Text("canary".to_owned());
        assert!(fault(text(), Origin::Plan).contains("string \"canary\""));
        for origin in [Origin::File, Origin::Variable("X".to_owned()), Origin::Secret] {
            assert!(!fault(text(), origin.clone()).contains("canary"));
            assert!(!fault(Value::Number(123_456_789.into()), origin.clone()).contains("123456789"));
            let mode = read(vec![
                member("port", Value::Number(1.into()), Origin::Plan),
                member("mode", text(), origin.clone()),
            ]);
            assert!(!mode.unwrap_err().contains("canary"));
            let setting = Setting { value: text(), origin };
            let fault = setting.read::<crate::settings::Period>().unwrap_err().to_string();
            assert!(!fault.contains("canary"), "{fault}");
        }
        let list = r#"{"inner": ["a \"canary\""]}"#.to_owned();
        let setting = Setting { value: Value::Untyped(list), origin: Origin::Variable("X".to_owned()) };
        assert_eq!(setting.redact("what of `a \"canary\"`?"), "what of `…`?");
        assert_eq!(setting.redact(&format!("what of {:?}?", "a \"canary\"")), "what of \"…\"?");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let fault = read(vec![member("port", Value::Text("canary".to_owned()), Origin::Secret)]).unwrap_err();
        assert_eq!(fault, "port: the secret does not fit (from secret)");
    }
}
