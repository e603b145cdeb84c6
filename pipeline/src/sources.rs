//! Which connector runs a task.

use crate::clock::now;
use crate::config::{Config, TaskConfig};
use crate::roles::collect::MakeSource;
use crate::stored_counts::StoredCounts;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::Source;
use tidelake_connectors::browser::{self, BrowserClient, BrowserSource};
use tidelake_connectors::client::{Clock, Profile, Route};
use tidelake_connectors::display::{self, DisplayClient, DisplaySource, DisplayTask};
use tidelake_connectors::oembed::{self, OembedClient, OembedSource, OembedTask};
use tidelake_connectors::research::track::{TrackSource, TrackTask};
use tidelake_connectors::research::{self, ResearchClient, ResearchSource, ResearchTask};
use tidelake_connectors::web::{self, PageTask, WebClient, WebSource};
use tidelake_schemas::{Task, Timestamp};

/// Makes sources of tasks, with the credentials of the configuration. One client per credential, shared: its token
/// and its quota are.
pub(crate) fn maker(config: &Config) -> Arc<MakeSource> {
    let clients = Clients::of(config);
    Arc::new(move |task: &Task| {
        let spec = serde_json::from_str(&task.spec).map_err(|e| format!("its spec is not JSON: {e}"))?;
        clients.make(&task.connector, spec)
    })
}

/// One client per connector, or why there is none.
struct Clients {
    profile: Option<Profile>,
    /// What tasks that track take their videos from.
    stored: Arc<StoredCounts>,
    research: Result<Arc<ResearchClient>, String>,
    display: Result<Arc<DisplayClient>, String>,
    oembed: Result<Arc<OembedClient>, String>,
    web: Result<Arc<WebClient>, String>,
    browser: Result<Arc<BrowserClient>, String>,
}

impl Clients {
    fn of(config: &Config) -> Self {
        let oembed = OembedClient::new(config.oembed.clone()).map(Arc::new);
        Self {
            profile: config.profile,
            stored: Arc::new(StoredCounts::of(config)),
            research: research_client(config),
            display: display_client(config).map(Arc::new),
            oembed: oembed.map_err(|e| format!("oEmbed's client cannot be made: {e}")),
            web: web_client(config),
            browser: browser_client(config),
        }
    }

    /// A profile fixes the routes. Those to public pages are refused where their clients are made.
    fn allow(&self, connector: &str) -> Result<(), String> {
        let route = Route::ALL.into_iter().find(|route| route.name() == connector && !route.is_web());
        let asked = self.profile.zip(route).map(|(profile, route)| profile.grant(route, None));
        asked.transpose().map(drop).map_err(|error| error.to_string())
    }

    fn make(&self, connector: &str, spec: serde_json::Value) -> Result<Box<dyn Source>, String> {
        self.allow(connector)?;
        match connector {
            research::CONNECTOR if spec["kind"] == "track" => {
                let client = self.research.as_ref().map_err(Clone::clone)?;
                let source = TrackSource::with_client(client.clone(), read::<TrackTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?.with_feed(self.stored.clone())))
            }
            research::CONNECTOR => {
                let client = self.research.as_ref().map_err(Clone::clone)?;
                let source = ResearchSource::with_client(client.clone(), read::<ResearchTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            display::CONNECTOR => {
                let client = self.display.as_ref().map_err(Clone::clone)?;
                let source = DisplaySource::with_client(client.clone(), read::<DisplayTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            oembed::CONNECTOR => {
                let client = self.oembed.as_ref().map_err(Clone::clone)?;
                let source = OembedSource::with_client(client.clone(), &read::<OembedTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            web::CONNECTOR => {
                let client = self.web.as_ref().map_err(Clone::clone)?;
                let source = WebSource::with_client(client.clone(), &read::<PageTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            browser::CONNECTOR => {
                let client = self.browser.as_ref().map_err(Clone::clone)?;
                let source = BrowserSource::with_client(client.clone(), &read::<PageTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            other => {
                let known =
                    [research::CONNECTOR, display::CONNECTOR, oembed::CONNECTOR, web::CONNECTOR, browser::CONNECTOR];
                Err(format!("unknown connector {other:?}; known are {}", known.join(", ")))
            }
        }
    }
}

/// Reads a task's spec; the error names the place.
fn read<T: DeserializeOwned>(spec: serde_json::Value) -> Result<T, String> {
    serde_path_to_error::deserialize(spec).map_err(|e| format!("spec.{}: {}", e.path(), e.inner()))
}

/// The Research API's client, or why there is none.
fn research_client(config: &Config) -> Result<Arc<ResearchClient>, String> {
    let absent = "connector research-api needs the section [research] with client_key and client_secret";
    let research = config.research.clone().ok_or(absent)?;
    ResearchClient::new(research).map(Arc::new).map_err(|e| format!("the Research API's client cannot be made: {e}"))
}

/// The Display API's client, or why there is none.
pub(crate) fn display_client(config: &Config) -> Result<DisplayClient, String> {
    let absent = "the Display API needs the section [display] with client_key, client_secret and key_file. Register an \
                  app with Login Kit on developers.tiktok.com, and see deploy/tidelake.example.toml";
    let display = config.display.clone().ok_or(absent)?;
    // An owner's consent is what the profile `creator` is about.
    let grant = config.profile.unwrap_or(Profile::Creator).grant(Route::DisplayApi, None).map_err(|e| e.to_string())?;
    let accounts = config.data_dir.join("accounts");
    DisplayClient::new(display, &accounts, grant, Clock::new(now)).map_err(|e| format!("[display] {e}"))
}

/// The client of public pages over HTTP, or why there is none.
fn web_client(config: &Config) -> Result<Arc<WebClient>, String> {
    let (profile, web) = config.profile.zip(config.web.as_ref()).ok_or_else(|| closed(web::CONNECTOR))?;
    WebClient::new(profile, web, Clock::new(now)).map(Arc::new).map_err(|e| format!("[web] {e}"))
}

/// The client of public pages in a browser, or why there is none.
fn browser_client(config: &Config) -> Result<Arc<BrowserClient>, String> {
    let (profile, browser) = config.profile.zip(config.browser.clone()).ok_or_else(|| closed(browser::CONNECTOR))?;
    BrowserClient::new(profile, browser, Clock::new(now)).map(Arc::new).map_err(|e| format!("[browser] {e}"))
}

/// Public pages are closed unless they are opened.
fn closed(connector: &str) -> String {
    format!(
        "connector {connector} reads public pages and is off: it needs profile = \"web\" and a section [{connector}] with \
         acknowledgement.approval and contact"
    )
}

/// Checks a task of the configuration without polling anything.
pub(crate) fn check(config: &Config, task: &TaskConfig) -> Result<(), String> {
    Clients::of(config).make(&task.connector, task.spec.clone()).map(drop)
}

/// A task of the configuration as a record of the task topic.
pub(crate) fn record(task: &TaskConfig, declared_at: Timestamp) -> Task {
    Task {
        task: task.name.clone(),
        connector: task.connector.clone(),
        spec: task.spec.to_string(),
        cadence_s: seconds(task.every),
        priority: task.priority,
        paused: false,
        declared_at,
    }
}

/// Cadences are whole seconds, at least one: 0 would mean once.
fn seconds(every: Duration) -> i64 {
    let whole = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
    if every.is_zero() { 0 } else { whole.max(1) }
}
