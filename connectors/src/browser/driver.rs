//! chromedriver: one that runs somewhere, or one of our own that is started when it is needed and ended with us.

use super::config::BrowserConfig;
use super::fault::{DriverFault, DriverKind};
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// Until a driver of our own says that it listens.
const START: Duration = Duration::from_secs(20);

/// Becomes the driver, and leaves a shell beside it that holds the other end of our pipe. The kernel closes the pipe
/// however we end, killed or not; the shell then ends the driver, whose browsers end without it, removes their profiles,
/// and ends whatever of its group is left.
const LEASH: &str = r#"
exec 3<&0
(read -r _ <&3; kill -KILL $$; sleep 1; rm -rf -- "$TMPDIR"; kill -KILL 0) >/dev/null &
exec "$0" --port=0 3<&- </dev/null"#;

/// Where sessions are asked for.
#[derive(Debug)]
pub(super) struct Driver {
    config: BrowserConfig,
    own: Mutex<Option<Own>>,
}

/// A driver of our own.
#[derive(Debug)]
struct Own {
    /// Its input is our end of the leash.
    child: Child,
    pid: u32,
    url: String,
    /// Where its browsers keep their profiles; gone with it.
    _scratch: TempDir,
}

impl Driver {
    pub(super) fn new(config: BrowserConfig) -> Self {
        Self { config, own: Mutex::default() }
    }

    /// The driver's address. Starts one when there is none, or when ours has ended.
    pub(super) async fn url(&self) -> Result<String, DriverFault> {
        if let Some(url) = &self.config.driver_url {
            return Ok(url.clone());
        }
        let mut own = self.own.lock().await;
        if let Some(running) = own.as_mut()
            && running.runs()
        {
            return Ok(running.url.clone());
        }
        *own = None;
        let started = Own::start(&self.config).await?;
        tracing::info!(pid = started.pid, url = started.url, "chromedriver started");
        Ok(own.insert(started).url.clone())
    }

    /// Ends the driver at this address, if it is ours, and its browsers with it; the next call of [`url`](Self::url) starts
    /// another.
    pub(super) async fn end(&self, url: &str) {
        if let Some(own) = self.own.lock().await.take_if(|own| own.url == url) {
            tracing::warn!(pid = own.pid, "chromedriver is ended; another one is started when it is needed");
        }
    }

    /// The process id of a driver of our own, while it runs.
    pub(super) async fn pid(&self) -> Option<u32> {
        let mut own = self.own.lock().await;
        own.as_mut().and_then(|own| own.runs().then_some(own.pid))
    }
}

impl Own {
    async fn start(config: &BrowserConfig) -> Result<Self, DriverFault> {
        let cannot = |why: String| DriverFault::new(DriverKind::NoDriver, &why);
        let name = config.chromedriver.display();
        let scratch = tempfile::tempdir().map_err(|error| cannot(format!("no temporary directory: {error}")))?;
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", LEASH]).arg(&config.chromedriver);
        for place in ["TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env(place, scratch.path());
        }
        // A group of its own: its browsers are in it, and end with it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let spawned = Command::from(command).kill_on_drop(true).spawn();
        let mut child = spawned.map_err(|error| cannot(format!("/bin/sh: {error}")))?;
        let pid = child.id().ok_or_else(|| cannot(format!("{name} ended at once")))?;
        let output = child.stdout.take();
        // From here on it is ended, whatever happens.
        let mut own = Self { child, pid, url: String::new(), _scratch: scratch };
        let output = output.ok_or_else(|| cannot(format!("{name} has no output")))?;
        let port = tokio::time::timeout(START, listening(output)).await;
        let port = port.map_err(|_| cannot(format!("{name} did not say within {START:?} that it listens")))?;
        let port = port.ok_or_else(|| cannot(format!("{name} cannot be run, or ended at once")))?;
        own.url = format!("http://127.0.0.1:{port}");
        Ok(own)
    }

    fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        // The shell and the browsers outlive their driver, so that the group is there even when the driver is not.
        if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
            tracing::debug!(%error, pid = self.pid, "chromedriver's group was gone already");
        }
    }
}

/// The port that a driver says it listens on. What it says after that is read and forgotten, so that it never waits.
async fn listening(output: impl AsyncRead + Unpin + Send + 'static) -> Option<u16> {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(port) = port_of(&line) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(port);
        }
    }
    None
}

/// `ChromeDriver was started successfully on port 36149.`
fn port_of(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end().trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read() {
        assert_eq!(port_of("ChromeDriver was started successfully on port 36149."), Some(36149));
        assert_eq!(port_of("Starting ChromeDriver 156.0 on port 0"), None);
    }

    #[tokio::test]
    async fn a_driver_that_is_not_there_is_a_fault_that_says_what_to_install() {
        for program in ["/nowhere/chromedriver", "/bin/true"] {
            let config = BrowserConfig { chromedriver: program.into(), ..BrowserConfig::default() };
            let fault = Driver::new(config).url().await.expect_err("no driver").fault(0);
            assert!(fault.message.contains(program) && fault.action.contains("chromium-driver"), "{fault}");
        }
    }
}
