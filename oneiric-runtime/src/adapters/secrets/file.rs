//! Secrets in files: a JSON object, or a folder into which secrets are mounted.
//!
//! In a JSON object the secret `db-password` is the member of that name; a number or a truth value is its text, and `null` is
//! no secret. In a folder it is the file of that name, without a line break at its end, as Cloud Run, Kubernetes and Docker
//! mount them: `path: /run/secrets`. Links are followed within the folder, and no name leads out of it.
//!
//! A file is read whenever it is asked for, so that `cache_ttl` and `secrets rotate` say when a change is seen. Versions are
//! not known here.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{SecretSource, text};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::disk;
use crate::secret::Secret;

/// Where the secrets are.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The file, or the folder.
    pub path: PathBuf,
    /// The format of the file.
    #[serde(default)]
    pub format: Format,
}

/// The format of a file of secrets.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A JSON object.
    #[default]
    Json,
}

/// A file or a folder as a source of secrets.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
}

impl Adapter for File {
    const ID: &'static str = "secrets.file";
    type Settings = Settings;

    async fn open(settings: Settings, _: &Setup<'_>) -> Result<Self, Error> {
        let Settings { path, format: Format::Json } = settings;
        Ok(Self { path })
    }

    async fn health(&self) -> Result<(), Error> {
        // There is no secret of this name; what is asked is whether one can be looked for.
        self.find(String::new()).await.map(drop)
    }
}

impl SecretSource for File {
    fn read<'a>(&'a self, name: &'a str, _: Option<&'a str>) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(self.find(name.to_owned()))
    }
}

impl File {
    async fn find(&self, name: String) -> Result<Option<Secret>, Error> {
        let path = self.path.clone();
        disk::blocking(move || {
            let found = if path.is_dir() { in_folder(&path, &name) } else { in_object(&path, &name) };
            found.map_err(|Fault(kind, what)| Error::new(kind, format!("`{}` {what}", path.display())))
        })
        .await
    }
}

/// Why a secret cannot be looked for.
struct Fault(Kind, String);

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => Kind::Denied,
            io::ErrorKind::NotFound => Kind::Settings,
            _ => Kind::Unavailable,
        };
        Self(kind, format!("cannot be read: {error}"))
    }
}

/// The file `name` in a folder.
fn in_folder(folder: &Path, name: &str) -> Result<Option<Secret>, Fault> {
    // Names that begin with two dots are those of the folders in which Kubernetes keeps the versions of a mount.
    if name.is_empty() || name == "." || name.starts_with("..") || name.contains(['/', '\0']) {
        return Ok(None);
    }
    let folder = folder.canonicalize()?;
    let path = match folder.join(name).canonicalize() {
        Ok(path) => path,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !path.starts_with(&folder) {
        return Err(Fault(Kind::Denied, format!("has a link `{name}` that leads out of it")));
    }
    if !path.is_file() {
        return Ok(None);
    }
    let mut data = match std::fs::read(&path) {
        Ok(data) => data,
        // The mount was changed in this moment, and the secret is no longer part of it.
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if data.ends_with(b"\n") {
        data.pop();
        if data.ends_with(b"\r") {
            data.pop();
        }
    }
    secret(name, data).map(Some)
}

/// The member `name` of a JSON object in a file.
fn in_object(path: &Path, name: &str) -> Result<Option<Secret>, Fault> {
    let data = std::fs::read(path)?;
    let mut members: serde_json::Map<String, Value> = serde_json::from_slice(&data).map_err(|error| {
        // Without what the error quotes.
        let place = format!("is no JSON object (line {}, column {})", error.line(), error.column());
        Fault(Kind::Settings, place)
    })?;
    Ok(match members.remove(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Secret::new(text)),
        Some(other) => Some(Secret::new(other.to_string())),
    })
}

fn secret(name: &str, data: Vec<u8>) -> Result<Secret, Fault> {
    text(data).map_err(|error| Fault(error.kind(), format!("has a file `{name}`, but {error}")))
}

/// Whether a name is one of nothing: there is no such file, a part of its path is none, or it is too long for one.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use serde_json::json;
    use tempfile::TempDir;

    use super::super::conformance::{self, TEXT};
    use super::*;

    async fn open(path: &Path) -> File {
        conformance::open(json!({ "path": path })).await.expect("settings")
    }

    async fn read(source: &File, name: &str) -> Option<String> {
        source.read(name, None).await.expect("no fault").map(|secret| secret.expose().to_owned())
    }

    /// A folder as Kubernetes mounts it: each name is a link into `..data`, which is a link to the present version.
    fn mounted() -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("outside"), "canary").expect("a file");
        let mount = folder.path().join("mount");
        write(&mount, "..v1", TEXT);
        symlink("..v1", mount.join("..data")).expect("a link");
        symlink("..data/db-password", mount.join("db-password")).expect("a link");
        folder
    }

    fn write(mount: &Path, version: &str, text: &str) {
        std::fs::create_dir_all(mount.join(version)).expect("a folder");
        std::fs::write(mount.join(version).join("db-password"), text).expect("a file");
    }

    #[tokio::test]
    async fn a_folder_is_a_source_of_secrets() {
        let folder = mounted();
        let source = open(&folder.path().join("mount")).await;
        conformance::holds(&source, "db-password", TEXT).await;
        assert_eq!(source.health().await, Ok(()));
        std::fs::write(folder.path().join("mount/binary"), [0xff]).expect("a file");
        conformance::fails(&source, "binary", Kind::Rejected).await;
        symlink("../outside", folder.path().join("mount/link")).expect("a link");
        conformance::fails(&source, "link", Kind::Denied).await;
        std::fs::remove_dir_all(folder.path().join("mount")).expect("a folder");
        conformance::fails(&source, "db-password", Kind::Settings).await;
        assert!(source.health().await.is_err());
    }

    #[tokio::test]
    async fn a_mount_is_followed_from_version_to_version() {
        let folder = mounted();
        let mount = folder.path().join("mount");
        let source = open(&mount).await;
        write(&mount, "..v2", "new\r\n");
        symlink("..v2", mount.join("..next")).expect("a link");
        std::fs::rename(mount.join("..next"), mount.join("..data")).expect("a link");
        assert_eq!(read(&source, "db-password").await.as_deref(), Some("new"), "without the line's end");
        assert_eq!(read(&source, "..v1").await, None);
    }

    #[tokio::test]
    async fn an_object_is_a_source_of_secrets() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.json");
        let secrets = json!({ "db-password": TEXT, "port": 5432, "on": true, "gone": null });
        std::fs::write(&path, secrets.to_string()).expect("a file");
        let source = open(&path).await;
        conformance::holds(&source, "db-password", TEXT).await;
        assert_eq!(read(&source, "port").await.as_deref(), Some("5432"));
        assert_eq!(read(&source, "on").await.as_deref(), Some("true"));
        assert_eq!(read(&source, "gone").await, None);
        assert_eq!(source.health().await, Ok(()));
        for text in ["[\"canary\"]", "canary", "{\"db-password\": \"canary"] {
            std::fs::write(&path, text).expect("a file");
            conformance::fails(&source, "db-password", Kind::Settings).await;
        }
        std::fs::remove_file(&path).expect("a file");
        conformance::fails(&source, "db-password", Kind::Settings).await;
        assert!(source.health().await.is_err());
    }
}
