//! The installed Rust, and which of its targets gives a static program here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// A target may be added over the network; whoever waits for a build is not to wait longer than this for it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What makes a program of glibc static, and has rustc pass on what the linker says about it.
const FLAGS: [&str; 2] = ["-Ctarget-feature=+crt-static", "-Wlinker-messages"];

/// Packs the relocations of a program of musl, which are a fifteenth of a small one. A linker that does not know how says so
/// in a warning and goes on.
const MUSL_LINK_FLAGS: [&str; 1] = ["-Clink-arg=-Wl,-z,pack-relative-relocs"];

/// Leaves out of compiled C what only unwinding through it would need, which nothing does: a panic in a callback stays there.
const MUSL_C_FLAGS: &str = "-fno-asynchronous-unwind-tables -fno-unwind-tables";

/// The active toolchain.
pub(crate) struct Toolchain {
    sysroot: PathBuf,
    host: String,
}

/// What a program is compiled for.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name, such as `x86_64-unknown-linux-musl`.
    pub(crate) triple: String,
    /// Why this one.
    pub(crate) reason: String,
    /// Whether the program can run on this machine.
    pub(crate) is_native: bool,
    compiler: Compiler,
}

/// The C compiler for a target.
#[derive(Debug)]
enum Compiler {
    Missing,
    /// One that the `cc` crate finds by itself.
    Known,
    /// One that it has to be told of.
    Named(&'static str),
}

impl Toolchain {
    /// The toolchain that is active in `folder`.
    pub(crate) fn active(folder: &Path) -> anyhow::Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .current_dir(folder)
            .args(["--print", "sysroot", "--print", "host-tuple"])
            .output()
            .context("cannot start `rustc`: is Rust installed? https://rustup.rs")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines = text.lines();
        let sysroot = lines.next().context("`rustc` says no sysroot")?.into();
        let host = lines.next().context("`rustc` says no host")?.to_owned();
        Ok(Self { sysroot, host })
    }

    /// The target to build for: `asked`, or the one that makes the smallest static program. `memory` is where a failed
    /// attempt to add a target is kept, so that it is made once.
    pub(crate) fn target(&self, asked: Option<&str>, offline: bool, memory: &Path) -> Target {
        if let Some(triple) = asked {
            let compiler =
                if triple.contains("-musl") { Compiler::of(triple, &self.host) } else { Compiler::Known };
            return self.chosen(triple.to_owned(), "as asked".into(), compiler);
        }
        let Some(musl) = musl_of(&self.host) else {
            let reason = "the host; static linking is proven on Linux only".into();
            return self.chosen(self.host.clone(), reason, Compiler::Known);
        };
        let why_not = match Compiler::of(&musl, &self.host) {
            Compiler::Missing => "no C compiler for musl: install `musl-tools`".to_owned(),
            compiler => match self.install(&musl, offline, memory) {
                Ok(()) => return self.chosen(musl, "the smallest and quickest to start".into(), compiler),
                Err(why) => why,
            },
        };
        self.chosen(self.host.clone(), why_not, Compiler::Known)
    }

    fn chosen(&self, triple: String, reason: String, compiler: Compiler) -> Target {
        let is_native = triple == self.host || musl_of(&self.host).as_ref() == Some(&triple);
        Target { triple, reason, is_native, compiler }
    }

    /// Whether there is a standard library for `triple`.
    fn has(&self, triple: &str) -> bool {
        self.sysroot.join("lib/rustlib").join(triple).join("lib").is_dir()
    }

    /// Sees to it that there is a standard library for `triple`, or says why not.
    fn install(&self, triple: &str, offline: bool, memory: &Path) -> Result<(), String> {
        if self.has(triple) {
            return Ok(());
        }
        let advice = format!("`{triple}` is not installed: `rustup target add {triple}`");
        let is_rustup = self.sysroot.parent().is_some_and(|folder| folder.ends_with("toolchains"));
        let Some(toolchain) = self.sysroot.file_name().filter(|_| is_rustup && !offline) else {
            return Err(advice);
        };
        let attempt = format!("{triple} for {}\n", self.sysroot.display());
        if std::fs::read_to_string(memory).is_ok_and(|text| text == attempt) {
            return Err(advice);
        }
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", triple, "--toolchain"]).arg(toolchain);
        if finishes(&mut rustup) && self.has(triple) {
            return Ok(());
        }
        // If this cannot be kept, the attempt is made again.
        let _ = std::fs::create_dir_all(memory.parent().unwrap_or(Path::new(".")));
        let _ = std::fs::write(memory, attempt);
        Err(advice)
    }
}

impl Target {
    /// Whether the program has to be static, so that it can be proven to be.
    pub(crate) fn is_linux(&self) -> bool {
        self.triple.contains("-linux-")
    }

    /// The C library that is linked in.
    pub(crate) fn libc(&self) -> Option<&'static str> {
        match self.triple.split("-linux-").nth(1)? {
            abi if abi.starts_with("musl") => Some("musl"),
            abi if abi.starts_with("gnu") => Some("glibc"),
            _ => None,
        }
    }

    /// Tells cargo what this target needs.
    pub(crate) fn configure(&self, cargo: &mut Command) {
        if let Compiler::Named(compiler) = &self.compiler {
            cargo.env(format!("CC_{}", self.triple.replace('-', "_")), compiler);
        }
        match self.libc() {
            Some("glibc") => {}
            Some("musl") => return self.configure_c(cargo),
            _ => return,
        }
        // Flags in the environment replace those of the settings, so what is there is added to. Settings merge.
        let environment = |name| std::env::var(name).ok().filter(|flags| !flags.is_empty());
        if let Some(flags) = environment("CARGO_ENCODED_RUSTFLAGS") {
            cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("{flags}\x1f{}", FLAGS.join("\x1f")));
        } else if let Some(flags) = environment("RUSTFLAGS") {
            cargo.env("RUSTFLAGS", format!("{flags} {}", FLAGS.join(" ")));
        } else {
            cargo.arg("--config").arg(format!("target.{}.rustflags={FLAGS:?}", self.triple));
        }
    }

    /// Tells the compiler of C what is not needed, unless somebody tells it something else.
    fn configure_c(&self, cargo: &mut Command) {
        let of_target = format!("CFLAGS_{}", self.triple.replace('-', "_"));
        let others = [format!("CFLAGS_{}", self.triple), "TARGET_CFLAGS".to_owned(), "CFLAGS".to_owned()];
        if others.iter().chain([&of_target]).all(|name| std::env::var_os(name).is_none()) {
            cargo.env(of_target, MUSL_C_FLAGS);
        }
    }

    /// What rustc is told when it links a program.
    pub(crate) fn link_flags(&self) -> &'static [&'static str] {
        if self.libc() == Some("musl") { &MUSL_LINK_FLAGS } else { &[] }
    }
}

/// The musl target of the same machine.
fn musl_of(host: &str) -> Option<String> {
    let (machine, abi) = host.split_once("-linux-")?;
    Some(format!("{machine}-linux-{}", abi.replace("gnu", "musl")))
}

impl Compiler {
    fn of(triple: &str, host: &str) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let machine = triple.split('-').next().unwrap_or(triple);
        let variables =
            [format!("CC_{triple}"), format!("CC_{}", triple.replace('-', "_")), "TARGET_CC".to_owned()];
        if variables.iter().any(|name| is_set(name)) || is_on_path(&format!("{machine}-linux-musl-gcc")) {
            return Self::Known;
        }
        match host.split('-').next() == Some(machine) && is_on_path("musl-gcc") {
            true if machine == "x86_64" => Self::Known,
            true => Self::Named("musl-gcc"),
            false => Self::Missing,
        }
    }
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Whether a command succeeds before patience ends.
fn finishes(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = silent.spawn() else { return false };
    let end = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_linux_has_its_musl() {
        assert_eq!(musl_of("x86_64-unknown-linux-gnu").as_deref(), Some("x86_64-unknown-linux-musl"));
        assert_eq!(
            musl_of("armv7-unknown-linux-gnueabihf").as_deref(),
            Some("armv7-unknown-linux-musleabihf")
        );
        assert_eq!(musl_of("aarch64-apple-darwin"), None);
    }
}
