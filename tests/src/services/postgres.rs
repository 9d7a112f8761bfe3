//! A Postgres server, from Debian's package or another installation.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::thread;

use tempfile::TempDir;

use crate::LIMIT;

/// The password of the user `postgres` over TCP. Over the socket none is asked for.
const PASSWORD: &str = "correct horse battery staple";

/// Runs the server until the pipe on standard input is closed, which it is when whoever holds it ends. What is read
/// before says how it is to end.
const KEEPER: &str = r#"
"$@" </dev/null & server=$!
if read -r signal; then
  kill -s "$signal" "$server"; wait "$server"
else
  kill -s INT "$server"; wait "$server"; rm -rf "$DIR"
fi
"#;

/// A server on a Unix socket and on a port of this machine.
pub struct Postgres {
    bin: PathBuf,
    /// The user of the system who runs it, if that must be another one.
    user: Option<u32>,
    dir: PathBuf,
    port: u16,
    keeper: Mutex<Option<Child>>,
}

impl Postgres {
    /// The server of this test process. Tests that share it keep apart by their schemas.
    ///
    /// # Panics
    /// If Postgres is not installed, or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server for one test, which may do what it likes with it.
    ///
    /// # Panics
    /// If Postgres is not installed, or does not start.
    pub fn start() -> Self {
        let bin = installed();
        let user = user();
        let dir = TempDir::with_prefix("postgres-").expect("a temporary folder can be made").keep();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("it is ours");
        if let Some(user) = user {
            chown(&dir, Some(user), None).expect("root may give a folder away");
        }
        let password = dir.join("password");
        fs::write(&password, PASSWORD).expect("the folder can be written to");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port is free")
            .port();
        let server = Self { bin, user, dir, port, keeper: Mutex::default() };
        let made = server
            .command("initdb")
            .args(["--no-sync", "--no-instructions", "--username=postgres", "--encoding=UTF8", "--locale=C"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(format!("--pgdata={}", server.data().display()))
            .output()
            .expect("initdb can be started");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        server.begin();
        server
    }

    /// The directory of its Unix socket.
    pub fn socket(&self) -> &Path {
        &self.dir
    }

    /// Its port, on 127.0.0.1 and as the number in the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of the user `postgres` over TCP.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A connection string over the socket, without a password.
    pub fn dsn(&self) -> String {
        format!("host={} port={} user=postgres dbname=postgres", self.dir.display(), self.port)
    }

    /// A name for a schema that no other test of this process uses.
    pub fn schema(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// What `psql` prints for `sql`: one line a row, columns between bars.
    ///
    /// # Panics
    /// If the server refuses it.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        let output = Command::new(self.bin.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .args(["--dbname", &self.dsn(), "--command", sql])
            .output()
            .expect("psql can be started");
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Lets connections over TCP be encrypted, with this certificate and its key, both in PEM.
    ///
    /// # Panics
    /// If the server does not take them.
    pub fn encrypt(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            fs::write(&path, text).expect("the folder can be written to");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
            if let Some(user) = self.user {
                chown(&path, Some(user), None).expect("root may give a file away");
            }
        }
        self.sql("ALTER SYSTEM SET ssl = on");
        self.sql("SELECT pg_reload_conf()");
    }

    /// Ends it as a crash does: nothing is tidied up, and every connection breaks.
    ///
    /// # Panics
    /// If it is not running.
    pub fn crash(&self) {
        let mut keeper = self.keeper().take().expect("it runs");
        let pipe = keeper.stdin.as_mut().expect("it is piped");
        pipe.write_all(b"QUIT\n").expect("the keeper reads");
        keeper.wait().expect("the keeper ends");
    }

    /// Starts it, again if it was ended.
    ///
    /// # Panics
    /// If it does not start.
    pub fn begin(&self) {
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(&self.dir).arg("-p").arg(self.port.to_string());
        server.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_connections=60",
            "-c",
            "shared_buffers=32MB",
        ]);
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(server.get_program()).args(server.get_args());
        keeper.env("DIR", &self.dir).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = keeper.spawn().expect("a shell can be started");
        let log = child.stderr.take().expect("it is piped");
        let (ready, is_ready) = mpsc::channel();
        thread::spawn(move || {
            let mut said = String::new();
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.contains("ready to accept connections") {
                    let _ = ready.send(Ok(()));
                }
                said.push_str(&line);
                said.push('\n');
            }
            // Without effect if it was ready before.
            let _ = ready.send(Err(said));
        });
        match is_ready.recv_timeout(LIMIT).expect("it gets ready, or says why not") {
            Ok(()) => *self.keeper() = Some(child),
            Err(said) => panic!("Postgres does not start:\n{said}"),
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// One of its programs, as the user who may run it.
    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = match self.user {
            None => Command::new(path),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), "--regid=postgres".into(), "--init-groups".into()]);
                command.arg(path);
                command
            }
        };
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    fn keeper(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper().take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
        // The keeper has done it already, unless it was crashed last.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Where Postgres is installed: the newest version of Debian's packages, or wherever `initdb` is found.
fn installed() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.map(|version| version.path().join("bin"));
    let newest = versions.filter(|bin| bin.join("initdb").is_file()).max_by_key(|bin| version(bin));
    let searched = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).find(|dir| dir.join("initdb").is_file())
    };
    newest.or_else(searched).expect("Postgres is installed (Debian's package is called `postgresql`)")
}

fn version(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().parse().unwrap_or_default()
}

/// Postgres does not run as root, so root lends it the user that its package made.
fn user() -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let output = Command::new("id").args(["-u", "postgres"]).output().expect("`id` can be started");
    let id = String::from_utf8_lossy(&output.stdout).trim().parse();
    Some(id.expect("there is a user `postgres`, whom the package makes"))
}
