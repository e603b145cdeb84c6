//! The outer suite's harness: a broker, processes of the real binary, and what the lake says afterwards.
//!
//! `TIDELAKE_TEST_BROKER=host:port` runs the suite on that broker instead of the embedded one; its Tidelake topics are
//! deleted before each test.

#![allow(clippy::missing_panics_doc, reason = "a harness fails by panicking")]

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tidelake_schemas::topics;

/// Tests that share an outside broker take turns.
static TURN: Mutex<()> = Mutex::new(());

/// The binary under test: built by the same `cargo test --workspace`.
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let binary = path.join("tidelake");
    assert!(binary.exists(), "{} is not built: run cargo test --workspace", binary.display());
    binary
}

/// Waits until something is so that another process brings about.
pub fn until(what: &str, at_most: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < at_most, "{what}: not within {at_most:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A data directory and a broker for one test.
pub struct Stage {
    dir: TempDir,
    bootstrap: String,
    broker: Option<Process>,
    _turn: MutexGuard<'static, ()>,
}

/// A data directory with a lake that nothing has landed in: it may be asked before a daemon is there.
fn set_up() -> TempDir {
    let dir = tempfile::tempdir().expect("temp dir");
    std::fs::create_dir(dir.path().join("lake")).expect("a lake");
    dir
}

impl Stage {
    /// A fresh one.
    pub fn set() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = set_up();
        match std::env::var("TIDELAKE_TEST_BROKER") {
            Ok(bootstrap) => {
                delete_topics(&bootstrap);
                Self { dir, bootstrap, broker: None, _turn: turn }
            }
            Err(_) => {
                let bootstrap = free_address();
                let mut stage = Self { dir, bootstrap: bootstrap.clone(), broker: None, _turn: turn };
                stage.broker = Some(stage.start(&["broker", "--listen", &bootstrap], &[]));
                stage.wait_for_broker();
                stage
            }
        }
    }

    /// A fresh one without a broker of its own: each process brings the embedded one, unless an outside broker is given.
    pub fn alone() -> Self {
        if std::env::var("TIDELAKE_TEST_BROKER").is_ok() {
            return Self::set();
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = set_up();
        Self { dir, bootstrap: "embedded".into(), broker: None, _turn: turn }
    }

    /// Does each process bring its own broker?
    pub fn is_embedded(&self) -> bool {
        self.bootstrap == "embedded"
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `host:port` of the broker.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn wait_for_broker(&self) {
        let begun = Instant::now();
        while !self.run(&["check"]).status.success() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the broker did not start");
        }
    }

    /// Resolves once a process has taken the data directory; at once where each process does not bring its own broker.
    pub fn wait_for_embedded_broker(&self) {
        let lock = self.dir.path().join("broker").join("lock");
        let taken = || std::fs::read_to_string(&lock).is_ok_and(|holder| holder.contains("broker"));
        until("the embedded broker starts", Duration::from_secs(30), || !self.is_embedded() || taken());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).args(["--data-dir", self.dir.path().to_str().expect("UTF-8")]);
        command.env("RUST_LOG", std::env::var("TIDELAKE_TEST_LOG").unwrap_or_else(|_| "error".into()));
        if arguments.first() != Some(&"broker") {
            command.env("TIDELAKE__LOG__BROKER", &self.bootstrap);
        }
        // Short, so that a killed member's partitions are soon another's. 6 s is the least a real Kafka allows.
        command
            .env("TIDELAKE__LOG__KAFKA", "{ \"session.timeout.ms\" = \"6000\", \"heartbeat.interval.ms\" = \"500\" }");
        command.env("TIDELAKE__LAKE__COMMIT_AGE", "300ms");
        command.env("TIDELAKE__LOG__RETENTION", "1h");
        command
    }

    /// Starts a process of the binary.
    pub fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stdin(Stdio::null());
        Process { child: command.spawn().expect("starts") }
    }

    /// Starts a process of the binary that adds what it says to a file.
    pub fn start_logged(&self, arguments: &[&str], environment: &[(&str, &str)], log: &Path) -> Process {
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stdin(Stdio::null()).stderr(log);
        Process { child: command.spawn().expect("starts") }
    }

    /// The binary's own summary of a run, with other settings than the tests'.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        self.command(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).output().expect("runs")
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("runs")
    }

    /// Runs the binary to its end and expects success; gives standard output.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tidelake {arguments:?}: {}\n{errors}", output.status);
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A query's rows.
    pub fn sql(&self, query: &str) -> Vec<serde_json::Value> {
        let text = self.done(&["sql", "--format", "json", query]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// A query's first value, an integer.
    pub fn integer(&self, query: &str) -> i64 {
        let rows = self.sql(query);
        let value =
            rows.first().and_then(|r| r.as_object()).and_then(|r| r.values().next()).cloned().unwrap_or_default();
        value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{query}: {value}"))
    }

    /// The audit's report; its exit code must agree with its verdict.
    pub fn audit(&self) -> serde_json::Value {
        let output = self.run(&["audit", "--json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.success(), report["balanced"] == true);
        report
    }
}

/// A process of the binary; killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }

    /// Sends a signal by name: TERM, STOP, CONT.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.is_ok_and(|s| s.success()), "kill -{name}");
    }

    /// Waits for the end; gives the exit code.
    pub fn wait(&mut self, at_most: Duration) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < at_most {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return status.code();
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        panic!("process {} did not end within {at_most:?}", self.child.id())
    }

    /// The most memory it has held so far (resident set), in bytes. Linux only: 0 elsewhere.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Processor time it has used so far, of all its threads. Linux only: 0 elsewhere.
    pub fn processor_time(&self) -> Duration {
        // Fields 14 and 15 count from the beginning; the name in parentheses may hold blanks, so count after it.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// Has it ended by itself?
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("waits").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback address nobody listens on.
pub fn free_address() -> String {
    let probe = TcpListener::bind("127.0.0.1:0").and_then(|p| p.local_addr()).expect("a free port");
    probe.to_string()
}

fn delete_topics(bootstrap: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    let admin: AdminClient<DefaultClientContext> = config.create().expect("admin");
    let mut names: Vec<&str> = topics::COLLECTED.to_vec();
    let others = [
        topics::VIDEO_ENRICHED,
        topics::MEDIA,
        topics::ANNOTATIONS,
        topics::TASKS,
        topics::CURSORS,
        topics::PROFILES,
        topics::SUPPRESSIONS,
        topics::BUDGETS,
        topics::MAINTENANCE,
    ];
    names.extend(others);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    _ = runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())).expect("asks for deletion");
    // Deletion is asynchronous: wait until the last is gone.
    let consumer: BaseConsumer = config.create().expect("consumer");
    let begun = Instant::now();
    loop {
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).expect("metadata");
        if !metadata.topics().iter().any(|t| names.contains(&t.name()) && !t.partitions().is_empty()) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "topics are still there");
        std::thread::park_timeout(Duration::from_millis(100));
    }
}
