//! The user's project around a manifest: where cargo runs, where files go, and where the packages are that a program
//! depends on.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, TargetKind};

use super::faults;
use super::prepare::Failure;
use crate::diagnostic::Diagnostic;
use crate::manifest::nearest::Nearest;
use crate::plan::Plan;
use crate::project::{Dependencies, Lock, Package, Source};

/// The package of the runtime.
const RUNTIME: &str = "oneiric-runtime";

/// Says where the runtime is, before all else: a folder.
const RUNTIME_VARIABLE: &str = "ONEIRIC_RUNTIME";

/// What a project says about the programs built in it.
pub(crate) struct Workspace {
    /// The folder that cargo runs in.
    pub(crate) root: PathBuf,
    /// Where whatever is built goes.
    pub(crate) target: PathBuf,
    runtime: Origin,
    package: Option<Member>,
    patch: toml::Table,
    lock: Option<Lock>,
}

/// Where a package comes from, its folder as the system knows it.
enum Origin {
    Folder(PathBuf),
    Elsewhere(Source),
}

/// The package that a manifest names.
struct Member {
    name: String,
    folder: PathBuf,
    has_other_library_name: bool,
}

impl Workspace {
    /// Looks around `manifest`, which `plan` was made from.
    pub(crate) fn around(manifest: &Path, plan: &Plan, offline: bool) -> Result<Self, Failure> {
        let folder = manifest.parent().unwrap_or(Path::new("/"));
        if !folder.ancestors().any(|folder| folder.join("Cargo.toml").is_file()) {
            return Self::without_cargo(folder, plan);
        }
        let mut command = MetadataCommand::new();
        command.cargo_path(super::cargo::program()).current_dir(folder).no_deps();
        if offline {
            command.other_options(["--offline".to_owned()]);
        }
        let metadata = command.exec().context("cannot read the cargo workspace around the manifest")?;
        let root = metadata.workspace_root.as_std_path();
        let mut workspace = Self {
            root: root.to_owned(),
            target: metadata.target_directory.as_std_path().to_owned(),
            runtime: installed_runtime()?,
            package: None,
            patch: toml::Table::new(),
            lock: None,
        };
        if plan.package.is_some() {
            workspace.adopt(plan, &metadata)?;
        }
        Ok(workspace)
    }

    /// A manifest that needs no package needs no cargo project either.
    fn without_cargo(folder: &Path, plan: &Plan) -> Result<Self, Failure> {
        if let Some(package) = &plan.package {
            let fault = Diagnostic::error(
                &faults::UNKNOWN_PACKAGE,
                package.span,
                format!("there is no package `{}`", package.value),
            )
            .note(format!("no folder from `{}` upwards has a Cargo.toml", folder.display()));
            return Err(fault.into());
        }
        let here = std::env::current_dir().and_then(|here| here.canonicalize());
        let here = here.context("cannot tell the current folder")?;
        let root = if folder.starts_with(&here) { here.clone() } else { folder.to_owned() };
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .filter(|path| !path.is_empty())
            .map_or_else(|| root.join("target"), |path| here.join(path));
        let runtime = installed_runtime()?;
        Ok(Self { root, target, runtime, package: None, patch: toml::Table::new(), lock: None })
    }

    /// Takes over what the package of `plan` brings: itself, its runtime, its versions.
    fn adopt(&mut self, plan: &Plan, metadata: &Metadata) -> Result<(), Failure> {
        let Some(wanted) = &plan.package else { return Ok(()) };
        let members = metadata.workspace_packages();
        let Some(found) = members.iter().find(|member| *member.name == wanted.value) else {
            let names = members.iter().map(|member| member.name.as_str());
            let mut fault = Diagnostic::error(
                &faults::UNKNOWN_PACKAGE,
                wanted.span,
                format!("there is no package `{}` in this workspace", wanted.value),
            )
            .note(format!("the workspace is `{}`", metadata.workspace_root));
            fault = match Nearest::default().find(&wanted.value, names.clone()) {
                Some(name) => fault.help(format!("there is one of a similar name: `{name}`")),
                None => fault.help(format!("its packages are: {}", names.collect::<Vec<_>>().join(", "))),
            };
            return Err(fault.into());
        };
        let library = found
            .targets
            .iter()
            .find(|target| target.kind.iter().any(|kind| matches!(kind, TargetKind::Lib | TargetKind::RLib)));
        let Some(library) = library else {
            let fault = Diagnostic::error(
                &faults::NO_LIBRARY,
                wanted.span,
                format!("the package `{}` has no library", wanted.value),
            )
            .note("a program calls functions of a library; those of another program cannot be called")
            .help("move the functions to `src/lib.rs` of the package");
            return Err(fault.into());
        };
        let folder = found.manifest_path.parent().context("a Cargo.toml is in a folder")?;
        self.package = Some(Member {
            name: wanted.value.clone(),
            folder: folder.as_std_path().to_owned(),
            has_other_library_name: library.name != found.name.replace('-', "_"),
        });

        let others = members.iter().flat_map(|member| &member.dependencies);
        let mut on_runtime = found
            .dependencies
            .iter()
            .chain(others)
            .filter(|one| one.name == RUNTIME && one.kind == DependencyKind::Normal);
        self.patch = patches(&self.root)?;
        if let Some(dependency) = on_runtime.next() {
            self.share(dependency)?;
        }
        let lock = self.root.join("Cargo.lock");
        if let Ok(text) = std::fs::read_to_string(&lock) {
            let text = text.parse::<Lock>();
            self.lock = Some(text.with_context(|| format!("cannot read `{}`", lock.display()))?);
        }
        Ok(())
    }

    /// Uses the runtime that the package uses: types of two copies of one crate do not match.
    fn share(&mut self, dependency: &Dependency) -> anyhow::Result<()> {
        let theirs = origin(dependency);
        let (Origin::Folder(folder), true) = (&self.runtime, std::env::var_os(RUNTIME_VARIABLE).is_some())
        else {
            self.runtime = theirs;
            return Ok(());
        };
        // The variable goes before all else, so the package is given that copy as well.
        let place = match &theirs {
            Origin::Folder(other) if other.canonicalize().is_ok_and(|other| other == *folder) => {
                return Ok(());
            }
            Origin::Folder(other) => bail!(
                "`{RUNTIME_VARIABLE}` is `{}`, but the package depends on the runtime in `{}`, and a program has but one",
                folder.display(),
                other.display()
            ),
            Origin::Elsewhere(Source::Git { url, .. }) => url.clone(),
            Origin::Elsewhere(_) => "crates-io".to_owned(),
        };
        let path = toml::Table::from_iter([("path".to_owned(), folder.display().to_string().into())]);
        let table = self.patch.entry(place).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let Some(table) = table.as_table_mut() {
            table.insert(RUNTIME.to_owned(), toml::Value::Table(path));
        }
        Ok(())
    }

    /// The dependencies as the crate in `folder` writes them.
    pub(crate) fn dependencies(&self, folder: &Path) -> Dependencies {
        let path = |to: &Path| relative(folder, to, &self.root).display().to_string();
        Dependencies {
            runtime: match &self.runtime {
                Origin::Folder(folder) => Source::Path(path(folder)),
                Origin::Elsewhere(source) => source.clone(),
            },
            package: self.package.as_ref().map(|member| Package {
                name: member.name.clone(),
                path: path(&member.folder),
                has_other_library_name: member.has_other_library_name,
            }),
            patch: self.patch.clone(),
            lock: self.lock.clone(),
        }
    }

    /// The manifest's path as a person in this project writes it.
    pub(crate) fn name(&self, manifest: &Path) -> String {
        manifest.strip_prefix(&self.root).unwrap_or(manifest).display().to_string()
    }
}

/// The runtime for programs whose package does not bring one.
fn installed_runtime() -> anyhow::Result<Origin> {
    if let Some(path) = std::env::var_os(RUNTIME_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        let folder = path.canonicalize();
        let folder =
            folder.with_context(|| format!("`{RUNTIME_VARIABLE}` is no folder: `{}`", path.display()))?;
        return Ok(Origin::Folder(folder));
    }
    // Where this compiler was built from its sources they are used, so that both are of one state.
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(RUNTIME);
    Ok(match beside.canonicalize() {
        Ok(folder) if folder.join("Cargo.toml").is_file() => Origin::Folder(folder),
        _ => Origin::Elsewhere(Source::Registry(format!("={}", env!("CARGO_PKG_VERSION")))),
    })
}

fn origin(dependency: &Dependency) -> Origin {
    if let Some(path) = &dependency.path {
        return Origin::Folder(path.as_std_path().to_owned());
    }
    let git = dependency.source.as_ref().and_then(|source| source.repr.strip_prefix("git+"));
    let Some(git) = git else {
        return Origin::Elsewhere(Source::Registry(dependency.req.to_string()));
    };
    let git = git.split('#').next().unwrap_or(git);
    let (url, query) = git.split_once('?').unwrap_or((git, ""));
    let reference = query.split_once('=').map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    Origin::Elsewhere(Source::Git { url: url.to_owned(), reference })
}

/// The `[patch]` of the workspace, whose folders are said from the root: the generated crate is elsewhere.
fn patches(root: &Path) -> anyhow::Result<toml::Table> {
    let manifest = root.join("Cargo.toml");
    let unreadable = || format!("cannot read `{}`", manifest.display());
    let text = std::fs::read_to_string(&manifest).with_context(unreadable)?;
    let mut manifest: toml::Table = text.parse().with_context(unreadable)?;
    let Some(toml::Value::Table(mut patch)) = manifest.remove("patch") else { return Ok(toml::Table::new()) };
    for (_, packages) in &mut patch {
        let packages = packages.as_table_mut().into_iter().flatten();
        for (_, package) in packages {
            if let Some(path) = package.get_mut("path")
                && let Some(text) = path.as_str()
            {
                *path = root.join(text).display().to_string().into();
            }
        }
    }
    Ok(patch)
}

/// The way from `folder` to `to` where both are in `root`, so that a project can be moved; else `to` itself.
fn relative(folder: &Path, to: &Path, root: &Path) -> PathBuf {
    let (Ok(from), Ok(inside)) = (folder.strip_prefix(root), to.strip_prefix(root)) else {
        return to.to_owned();
    };
    let mut path: PathBuf = from.components().map(|_| "..").collect();
    path.push(inside);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_the_project_are_relative() {
        let way = |folder: &str, to: &str| relative(Path::new(folder), Path::new(to), Path::new("/p"));
        assert_eq!(way("/p/target/oneiric/a", "/p/shop"), Path::new("../../../shop"));
        assert_eq!(way("/tmp/a", "/p/shop"), Path::new("/p/shop"));
        assert_eq!(way("/p/target/oneiric/a", "/q"), Path::new("/q"));
    }

    #[test]
    fn patches_are_found_from_anywhere() {
        let root = tempfile::tempdir().unwrap();
        let text = "[workspace]\n[patch.crates-io]\na = { path = \"../a\" }\nb = { git = \"https://b\" }\n";
        std::fs::write(root.path().join("Cargo.toml"), text).unwrap();
        let patch = patches(root.path()).unwrap();
        let beside = root.path().join("../a").display().to_string();
        assert_eq!(patch["crates-io"]["a"]["path"].as_str(), Some(beside.as_str()));
        assert_eq!(patch["crates-io"]["b"]["git"].as_str(), Some("https://b"));
    }
}
