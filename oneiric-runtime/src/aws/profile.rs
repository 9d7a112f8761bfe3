//! Profiles in the files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`.
//!
//! The form is that of <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>, without what it nests. Profiles
//! that take another program, a browser or a second profile to get at credentials are refused by name.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Keys;
use super::chain::keys;
use crate::adapters::{Error, Kind};
use crate::disk;
use crate::secret::Secret;

/// What a profile says.
pub(super) enum Profile {
    Keys(Keys),
    WebIdentity { file: PathBuf, role: String, session: Option<String> },
}

/// What is set in a profile.
type Section = HashMap<String, String>;

/// Settings that say how to get at credentials, and are not known here.
const UNKNOWN: [&str; 5] =
    ["credential_process", "credential_source", "source_profile", "sso_session", "sso_start_url"];

/// The profile `name`, or the default one, which may be missing.
pub(super) async fn read(
    name: Option<&str>,
    environment: &(impl Fn(&str) -> Option<String> + Sync),
) -> Result<Option<Profile>, Error> {
    let path = |variable, file| {
        let home = || Some(Path::new(&environment("HOME")?).join(".aws").join(file));
        environment(variable).map(PathBuf::from).or_else(home)
    };
    let wanted = name.unwrap_or("default");
    let mut section = Section::new();
    let mut is_there = false;
    // The file of credentials comes last, because it wins.
    let files = [path("AWS_CONFIG_FILE", "config"), path("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    for path in files.into_iter().flatten() {
        if let Some(found) = parse(&text(&path).await?, wanted) {
            is_there = true;
            section.extend(found);
        }
    }
    if !is_there && name.is_some() {
        return Err(fault(wanted, "is in none of the shared files"));
    }
    meaning(wanted, section, name.is_some())
}

/// What a file says of the profile `wanted`.
fn parse(text: &str, wanted: &str) -> Option<Section> {
    let mut section: Option<Section> = None;
    let mut is_wanted = false;
    for line in text.lines() {
        // Lines that are indented belong to a setting that is nested.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default().trim();
            let name =
                name.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(name);
            is_wanted = name.trim() == wanted;
            if is_wanted {
                section.get_or_insert_default();
            }
        } else if let (true, Some(section), Some((key, value))) =
            (is_wanted, &mut section, line.split_once('='))
        {
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    section
}

fn meaning(name: &str, mut section: Section, is_named: bool) -> Result<Option<Profile>, Error> {
    let token = section.remove("aws_session_token").map(Secret::new);
    let secret = section.remove("aws_secret_access_key").map(Secret::new);
    if let Some(keys) = keys(section.remove("aws_access_key_id"), secret, token) {
        return Ok(Some(Profile::Keys(keys)));
    }
    if let (Some(file), Some(role)) = (section.remove("web_identity_token_file"), section.remove("role_arn"))
    {
        let session = section.remove("role_session_name");
        return Ok(Some(Profile::WebIdentity { file: file.into(), role, session }));
    }
    if let Some(unknown) = UNKNOWN.into_iter().find(|unknown| section.contains_key(*unknown)) {
        return Err(fault(name, &format!("has its credentials from `{unknown}`, which is not known here")));
    }
    if is_named { Err(fault(name, "has no credentials")) } else { Ok(None) }
}

/// What is in a file; nothing, if there is none.
async fn text(path: &Path) -> Result<String, Error> {
    match disk::read(path).await {
        Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(String::new())
        }
        Err(error) => {
            Err(Error::new(Kind::Settings, format!("the file `{}` cannot be read: {error}", path.display())))
        }
    }
}

fn fault(name: &str, what: &str) -> Error {
    Error::new(Kind::Settings, format!("the AWS profile `{name}` {what}"))
}
