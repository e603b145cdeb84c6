//! A browser that is driven: one window, one page at a time.

use super::config::BrowserConfig;
use super::fault::{DriverFault, DriverKind};
use super::marks::{LOOK, Marks, SCROLL};
use crate::client::transport::TransportConfig;
use fantoccini::wd::{Capabilities, TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::future::Future;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use url::{ParseError, Url};

/// Chromium keeps bodies of answers up to this many bytes in all, so that none is gone before it is fetched.
const BUFFER: u64 = 64 << 20;

/// … and of one answer.
const BODY: u64 = 16 << 20;

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    patience: Duration,
    /// The address of its driver.
    pub(super) driver: String,
    /// Pages shown so far.
    pub(super) pages: u32,
    /// Its place in the pool, free again when the session is gone.
    _place: OwnedSemaphorePermit,
}

/// A command of chromedriver's that is no part of the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (reqwest::Method, Option<String>) {
        (reqwest::Method::POST, Some(self.body.to_string()))
    }
}

impl Session {
    /// Asks a driver for a browser, and gives it our name.
    pub(super) async fn start(
        driver: &str,
        config: &BrowserConfig,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, DriverFault> {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        // The driver itself ends what takes longer than a page may: one that is silent for twice as long hangs.
        let patience = config.page_timeout * 2;
        let connect = builder.capabilities(capabilities(config)).connect(driver);
        let client = tokio::time::timeout(patience, connect).await.map_err(|_| silent("starting a browser"))??;
        let session = Self { client, patience, driver: driver.to_owned(), pages: 0, _place: place };
        session.settle(config).await?;
        Ok(session)
    }

    async fn settle(&self, config: &BrowserConfig) -> Result<(), DriverFault> {
        let limits = TimeoutConfiguration::new(Some(config.page_timeout), Some(config.page_timeout), None);
        self.within("setting time-outs", self.client.update_timeouts(limits)).await?;
        self.cdp("Network.enable", json!({"maxTotalBufferSize": BUFFER, "maxResourceBufferSize": BODY})).await?;
        let version = self.cdp("Browser.getVersion", json!({})).await?;
        let own = version.get("userAgent").and_then(Value::as_str).unwrap_or_default();
        let transport = TransportConfig { contact: config.contact.clone(), ..TransportConfig::default() };
        let name = format!("{own} {}", transport.user_agent());
        self.cdp("Network.setUserAgentOverride", json!({"userAgent": name.trim()})).await.map(drop)
    }

    /// Shows a page. What was heard of the page before is forgotten. A page that could not be fetched is told by the log.
    pub(super) async fn show(&mut self, url: &Url) -> Result<(), DriverFault> {
        self.log().await?;
        self.pages += 1;
        match self.within("showing a page", self.client.goto(url.as_str())).await {
            Err(fault) if fault.said.contains("net::ERR_") => Ok(()),
            shown => shown,
        }
    }

    /// Leaves the page, and its script with it.
    pub(super) async fn leave(&self) -> Result<(), DriverFault> {
        self.within("leaving a page", self.client.goto("about:blank")).await
    }

    /// What the performance log holds since the last call.
    pub(super) async fn log(&self) -> Result<Vec<Value>, DriverFault> {
        match self.extension("se/log", json!({"type": "performance"})).await? {
            Value::Array(entries) => Ok(entries),
            other => Err(DriverFault::new(DriverKind::Other, &format!("a log that is no list: {other}"))),
        }
    }

    /// The body of an answer; `None` when Chromium has thrown it away.
    pub(super) async fn body(&self, request: &str) -> Result<Option<String>, DriverFault> {
        match self.cdp("Network.getResponseBody", json!({ "requestId": request })).await {
            Ok(answer) => {
                let binary = answer.get("base64Encoded").and_then(Value::as_bool).unwrap_or(false);
                let text = answer.get("body").and_then(Value::as_str).filter(|_| !binary);
                Ok(text.map(str::to_owned))
            }
            Err(fault) if fault.said.contains("No resource with given") || fault.said.contains("No data found") => {
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Scrolls to the end of the page.
    pub(super) async fn scroll(&self) -> Result<(), DriverFault> {
        self.within("scrolling", self.client.execute(SCROLL, Vec::new())).await.map(drop)
    }

    /// What the page shows beside its data.
    pub(super) async fn look(&self) -> Result<Marks, DriverFault> {
        let seen = self.within("looking at the page", self.client.execute(LOOK, Vec::new())).await?;
        Ok(serde_json::from_value(seen).unwrap_or_default())
    }

    /// Ends the browser.
    pub(super) async fn close(self) {
        if let Err(fault) = self.within("closing", self.client.clone().close()).await {
            tracing::debug!(?fault, "the session was gone already");
        }
    }

    /// A command of the Chrome DevTools Protocol, through chromedriver.
    async fn cdp(&self, command: &str, parameters: Value) -> Result<Value, DriverFault> {
        self.extension("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    async fn extension(&self, path: &'static str, body: Value) -> Result<Value, DriverFault> {
        self.within(path, self.client.issue_cmd(Extension { path, body })).await
    }

    async fn within<T, E: Into<DriverFault>>(
        &self,
        what: &str,
        command: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DriverFault> {
        tokio::time::timeout(self.patience, command).await.map_err(|_| silent(what))?.map_err(Into::into)
    }
}

fn silent(what: &str) -> DriverFault {
    DriverFault::new(DriverKind::DriverSilent, &format!("no word while {what}"))
}

/// No flag here hides that the browser is driven.
fn capabilities(config: &BrowserConfig) -> Capabilities {
    // Containers have little shared memory. By a pipe, nobody else on this machine can drive the browser, and it ends
    // when its driver does.
    let mut arguments = vec!["--headless", "--disable-dev-shm-usage", "--remote-debugging-pipe"];
    if !config.sandbox {
        arguments.push("--no-sandbox");
    }
    let chrome = json!({
        "binary": config.chromium, "args": arguments,
        "perfLoggingPrefs": {"enableNetwork": true, "enablePage": false},
    });
    let mut wanted = Capabilities::new();
    wanted.insert("browserName".into(), json!("chrome"));
    // Pictures may come when they like: what is wanted is listened to.
    wanted.insert("pageLoadStrategy".into(), json!("eager"));
    wanted.insert("goog:chromeOptions".into(), chrome);
    wanted.insert("goog:loggingPrefs".into(), json!({"performance": "ALL"}));
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_that_the_browser_is_driven() {
        for sandbox in [true, false] {
            let wanted = capabilities(&BrowserConfig { sandbox, ..BrowserConfig::default() });
            let text = Value::Object(wanted).to_string();
            for mark in ["AutomationControlled", "excludeSwitches", "useAutomationExtension", "user-agent", "proxy"] {
                assert!(!text.contains(mark), "{mark} in {text}");
            }
            assert_eq!(text.contains("--no-sandbox"), !sandbox);
        }
    }
}
