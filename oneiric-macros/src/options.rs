//! What stands in the parentheses of an attribute, and what node options share with it: `retry` and `timeout`.

use std::time::Duration;

use oneiric_build::manifest::{self, Retry};
use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, Meta, Result, Token};

/// The options of an attribute, each read when it is asked for.
pub(crate) struct Options(Vec<Meta>);

impl Options {
    /// The options in `tokens`, of which only those in `known` may be there, each once.
    pub(crate) fn parse(tokens: TokenStream, known: &[&str]) -> Result<Self> {
        let list = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens)?;
        for (index, option) in list.iter().enumerate() {
            let path = option.path();
            if !known.iter().any(|name| path.is_ident(name)) {
                let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                return Err(Error::new_spanned(path, format!("there is no such option; there is {names}")));
            }
            if list
                .iter()
                .take(index)
                .any(|before| path.get_ident().is_some_and(|name| before.path().is_ident(name)))
            {
                return Err(Error::new_spanned(path, "this option stands twice"));
            }
        }
        Ok(Self(list.into_iter().collect()))
    }

    fn get(&self, name: &str) -> Option<&Meta> {
        self.0.iter().find(|option| option.path().is_ident(name))
    }

    /// Whether a word stands there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Meta::Path(_)) => Ok(true),
            Some(other) => Err(Error::new_spanned(other, format!("write just `{name}`"))),
        }
    }

    /// `timeout = "30s"`
    pub(crate) fn timeout(&self) -> Result<Option<Duration>> {
        let Some(option) = self.get("timeout") else { return Ok(None) };
        let Meta::NameValue(option) = option else {
            return Err(Error::new_spanned(option, "write `timeout = \"30s\"`"));
        };
        let timeout = text_duration(&option.value)?;
        if timeout.is_zero() {
            return Err(Error::new_spanned(&option.value, "a timeout of zero would fail every time"));
        }
        Ok(Some(timeout))
    }

    /// `name = 8`
    pub(crate) fn count(&self, name: &str) -> Result<Option<u32>> {
        let Some(option) = self.get(name) else { return Ok(None) };
        let Meta::NameValue(option) = option else {
            return Err(Error::new_spanned(option, format!("write `{name} = 8`")));
        };
        count(&option.value).map(Some)
    }

    /// `retry = 5` or `retry(attempts = 5, base_delay = "1s", max_delay = "1m", jitter = 0.5)`
    pub(crate) fn retry(&self) -> Result<Option<Retry>> {
        const FORM: &str = "write `retry = 5`, or `retry(attempts = 5, base_delay = \"1s\", max_delay = \"1m\", jitter = 0.5)`";
        let mut retry = Retry { attempts: 0, base_delay: None, max_delay: None, jitter: None };
        match self.get("retry") {
            None => return Ok(None),
            Some(Meta::Path(option)) => return Err(Error::new_spanned(option, FORM)),
            Some(Meta::NameValue(option)) => retry.attempts = count(&option.value)?,
            Some(Meta::List(option)) => {
                let known = ["attempts", "base_delay", "max_delay", "jitter"];
                let inner = Self::parse(option.tokens.clone(), &known)?;
                let value = |name| match inner.get(name) {
                    None => Ok(None),
                    Some(Meta::NameValue(option)) => Ok(Some(&option.value)),
                    Some(other) => Err(Error::new_spanned(other, FORM)),
                };
                let Some(attempts) = value("attempts")? else {
                    return Err(Error::new_spanned(option, "`retry` needs `attempts`"));
                };
                retry.attempts = count(attempts)?;
                retry.base_delay = value("base_delay")?.map(text_duration).transpose()?;
                retry.max_delay = value("max_delay")?.map(text_duration).transpose()?;
                retry.jitter = value("jitter")?.map(ratio).transpose()?;
                if let (Some(base), Some(max), Some(at)) =
                    (retry.base_delay, retry.max_delay, value("max_delay")?)
                    && max < base
                {
                    return Err(Error::new_spanned(at, "`max_delay` is shorter than `base_delay`"));
                }
            }
        }
        Ok(Some(retry))
    }
}

/// A duration as text, such as `"1h30m"`.
fn text_duration(value: &Expr) -> Result<Duration> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = value else {
        return Err(Error::new(
            value.span(),
            "a duration is text such as `\"30s\"`, `\"5m\"` or `\"1h30m\"`",
        ));
    };
    manifest::duration(&text.value())
        .map_err(|why| Error::new(text.span(), format!("`{}` is not a duration: {why}", text.value())))
}

/// A whole number from 1.
pub(crate) fn count(value: &Expr) -> Result<u32> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse()? {
            0 => Err(Error::new_spanned(number, "it is at least 1")),
            count => Ok(count),
        },
        _ => Err(Error::new_spanned(value, "this is a whole number such as `5`")),
    }
}

/// A number from 0 to 1.
pub(crate) fn ratio(value: &Expr) -> Result<f64> {
    let number = match value {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse::<f64>()?,
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse::<f64>()?,
        _ => -1.0,
    };
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(Error::new_spanned(value, "this is a number from 0 to 1"))
    }
}
