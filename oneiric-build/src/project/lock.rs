//! Cargo's lock file: versions that were chosen once and are to be kept.
//!
//! Only read and merged here; cargo resolves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The packages of a lock file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lock {
    packages: BTreeMap<Id, Entry>,
}

/// What tells two packages apart. A package without a source is a folder's.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Id {
    name: String,
    version: String,
    source: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    checksum: Option<String>,
    dependencies: BTreeSet<Id>,
}

/// Text that is no lock file.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a lock file of cargo's: {}", self.0)
    }
}

impl std::error::Error for Error {}

impl Lock {
    /// Its packages and those of `other` that it has no compatible version of. Where it has one, what pointed at
    /// `other`'s points at its own.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        let kept: BTreeMap<&Id, Id> = other
            .packages
            .keys()
            .map(|id| {
                let own = self.packages.keys().find(|own| own.is_compatible(id));
                (id, own.unwrap_or(id).clone())
            })
            .collect();
        for (id, entry) in &other.packages {
            if kept[id] != *id || self.packages.contains_key(id) {
                continue;
            }
            let dependencies = entry.dependencies.iter().map(|id| kept[id].clone()).collect();
            self.packages.insert(id.clone(), Entry { checksum: entry.checksum.clone(), dependencies });
        }
        self
    }

    /// What `later` holds from a registry or a repository that is not pinned here.
    pub fn missing<'a>(&'a self, later: &'a Self) -> impl Iterator<Item = String> + 'a {
        later
            .packages
            .keys()
            .filter(|id| id.source.is_some() && !self.packages.contains_key(id))
            .map(|id| format!("{} {}", id.name, id.version))
    }
}

impl Id {
    /// Whether cargo would let one stand for the other.
    fn is_compatible(&self, other: &Self) -> bool {
        /// The part of a version that a compatible one shares: up to the first number that is not zero.
        fn line(version: &str) -> &str {
            let mut end = 0;
            for part in version.split('.') {
                end += part.len();
                if part != "0" {
                    break;
                }
                end += 1;
            }
            version.get(..end).unwrap_or(version)
        }
        self.name == other.name && self.source == other.source && line(&self.version) == line(&other.version)
    }

    fn read(table: &toml::Table) -> Result<Self, Error> {
        let text = |key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let missing = |key: &str| Error(format!("a package has no {key}"));
        Ok(Self {
            name: text("name").ok_or_else(|| missing("name"))?,
            version: text("version").ok_or_else(|| missing("version"))?,
            source: text("source"),
        })
    }
}

impl FromStr for Lock {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let file: toml::Table =
            text.parse().map_err(|error: toml::de::Error| Error(error.message().into()))?;
        let no_packages = toml::Value::Array(Vec::new());
        let tables: Vec<&toml::Table> = file
            .get("package")
            .unwrap_or(&no_packages)
            .as_array()
            .and_then(|packages| packages.iter().map(toml::Value::as_table).collect())
            .ok_or_else(|| Error("`package` is no list of tables".into()))?;
        let ids = tables.iter().map(|table| Id::read(table)).collect::<Result<Vec<_>, _>>()?;

        let mut packages = BTreeMap::new();
        for (table, id) in tables.iter().zip(&ids) {
            let names = table.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
            let dependencies = names.filter_map(|name| find(&ids, name.as_str()?)).cloned().collect();
            let checksum = table.get("checksum").and_then(toml::Value::as_str).map(str::to_owned);
            packages.insert(id.clone(), Entry { checksum, dependencies });
        }
        Ok(Self { packages })
    }
}

/// A dependency is named by as much as it takes: `name`, `name version` or `name version (source)`.
fn find<'a>(ids: &'a [Id], reference: &str) -> Option<&'a Id> {
    let mut words = reference.splitn(3, ' ');
    let name = words.next()?;
    let version = words.next();
    let source = words.next().map(|source| source.trim_matches(['(', ')']));
    ids.iter().find(|id| {
        id.name == name
            && version.is_none_or(|version| id.version == version)
            && source.is_none_or(|source| id.source.as_deref() == Some(source))
    })
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "version = 4")?;
        for (id, entry) in &self.packages {
            writeln!(f, "\n[[package]]\nname = {:?}\nversion = {:?}", id.name, id.version)?;
            if let Some(source) = &id.source {
                writeln!(f, "source = {source:?}")?;
            }
            if let Some(checksum) = &entry.checksum {
                writeln!(f, "checksum = {checksum:?}")?;
            }
            if !entry.dependencies.is_empty() {
                writeln!(f, "dependencies = [")?;
                for id in &entry.dependencies {
                    let Id { name, version, source } = id;
                    let source = source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
                    writeln!(f, " \"{name} {version}{source}\",")?;
                }
                writeln!(f, "]")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn lock(packages: &[(&str, &str, &[&str])]) -> Lock {
        let mut text = String::from("version = 4\n");
        for (name, version, dependencies) in packages {
            let _ = write!(
                text,
                "[[package]]\nname = {name:?}\nversion = {version:?}\nsource = {REGISTRY:?}\n\
                 dependencies = {dependencies:?}\n"
            );
        }
        text.parse().unwrap()
    }

    #[test]
    fn a_lock_survives_being_written() {
        let lock = lock(&[("a", "1.0.0", &["b 2.0.0"]), ("b", "1.0.0", &[]), ("b", "2.0.0", &[])]);
        assert_eq!(lock.to_string().parse::<Lock>().unwrap(), lock);
    }

    #[test]
    fn the_users_versions_win_and_the_rest_is_added() {
        let users = lock(&[("serde", "1.0.5", &[]), ("rand", "0.8.0", &[])]);
        let ours = lock(&[("serde", "1.0.9", &[]), ("rand", "0.9.0", &["serde"])]);
        let merged = lock(&[("serde", "1.0.5", &[]), ("rand", "0.8.0", &[]), ("rand", "0.9.0", &["serde"])]);
        assert_eq!(users.or(&ours), merged);
    }

    #[test]
    fn what_was_not_pinned_is_named() {
        let pinned = lock(&[("a", "1.0.0", &[])]);
        let later = lock(&[("a", "1.0.1", &[]), ("a", "1.0.0", &[])]);
        assert_eq!(pinned.missing(&later).collect::<Vec<_>>(), ["a 1.0.1"]);
    }

    #[test]
    fn what_is_no_lock_is_refused() {
        assert!("package = 1".parse::<Lock>().is_err());
        assert!("[[package]]\nname = \"a\"".parse::<Lock>().is_err());
    }
}
