//! JSON text whose keys stand in a chosen order, the same every time.
//!
//! `serde_json`'s own map sorts its keys, which would put `edge_count` before `id`.

use std::fmt::Write as _;

/// A JSON value to be written.
#[derive(Clone, Debug)]
pub enum Json {
    /// Text, a number, a boolean or null.
    Value(serde_json::Value),
    /// A list.
    List(Vec<Json>),
    /// A mapping in the order of its keys.
    Object(Vec<(String, Json)>),
}

/// The longest value that [`Json::pretty`] leaves on one line, in characters.
const LINE: usize = 100;

impl Json {
    /// Text, a number or a boolean.
    pub fn value(value: impl Into<serde_json::Value>) -> Self {
        Self::Value(value.into())
    }

    /// A list of what each item becomes.
    pub fn list<T>(items: impl IntoIterator<Item = T>, each: impl FnMut(T) -> Self) -> Self {
        Self::List(items.into_iter().map(each).collect())
    }

    /// A mapping without the keys that have no value.
    pub fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Option<Self>)>) -> Self {
        Self::Object(entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// All on one line.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// One value a line where they are short, ending with a line break.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out.push('\n');
        out
    }

    /// Writes it at an indentation, or on one line where that is `None`.
    fn write(&self, out: &mut String, indent: Option<usize>) {
        let (open, close, len) = match self {
            Self::Value(value) => {
                _ = write!(out, "{value}");
                return;
            }
            Self::List(items) => ('[', ']', items.len()),
            Self::Object(entries) => ('{', '}', entries.len()),
        };
        let indent = indent.filter(|indent| indent + self.width(LINE) > LINE);
        out.push(open);
        for position in 0..len {
            if position > 0 {
                out.push_str(if indent.is_some() { "," } else { ", " });
            }
            if let Some(indent) = indent {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent + 2));
            }
            let inner = indent.map(|indent| indent + 2);
            match self {
                Self::Value(_) => {}
                Self::List(items) => items[position].write(out, inner),
                Self::Object(entries) => {
                    let (key, value) = &entries[position];
                    _ = write!(out, "{}: ", serde_json::Value::from(key.as_str()));
                    value.write(out, inner);
                }
            }
        }
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push(close);
    }

    /// About how wide it is on one line; any number above `most` where it is wider than that.
    fn width(&self, most: usize) -> usize {
        let mut width = 2;
        match self {
            Self::Value(value) => {
                width = value.as_str().map_or_else(|| value.to_string().len(), |text| text.len() + 2);
            }
            Self::List(items) => {
                for item in items {
                    if width > most {
                        break;
                    }
                    width += 2 + item.width(most - width.min(most));
                }
            }
            Self::Object(entries) => {
                for (key, value) in entries {
                    if width > most {
                        break;
                    }
                    width += 6 + key.len() + value.width(most - width.min(most));
                }
            }
        }
        width
    }
}

/// As deep as the value; what comes from a manifest has a bound.
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Array(items) => Self::list(items, Self::from),
            serde_json::Value::Object(map) => {
                Self::Object(map.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
            plain => Self::Value(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_long_values_break() {
        let short =
            Json::object([("z", Some(Json::value(1))), ("a", Some(Json::value("é\n"))), ("gone", None)]);
        assert_eq!(short.compact(), r#"{"z": 1, "a": "é\n"}"#);
        assert_eq!(short.pretty(), "{\"z\": 1, \"a\": \"é\\n\"}\n");
        let long =
            Json::object([("x", Some(Json::value("x".repeat(90)))), ("list", Some(Json::List(vec![short])))]);
        assert_eq!(
            long.pretty(),
            format!(
                "{{\n  \"x\": \"{}\",\n  \"list\": [{{\"z\": 1, \"a\": \"é\\n\"}}]\n}}\n",
                "x".repeat(90)
            )
        );
        assert_eq!(Json::List(vec![]).pretty(), "[]\n");
    }
}
