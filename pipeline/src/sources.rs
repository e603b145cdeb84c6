//! Which connector runs a task.

use crate::clock::now;
use crate::config::{Config, FallbackConfig, RouteConfig, TaskConfig};
use crate::roles::collect::{MakeSource, Routes};
use crate::target::Target;
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
use tidelake_schemas::{Task, TaskRoute, Timestamp};

/// Makes sources of tasks, with the credentials of the configuration. One client per credential, shared: its token
/// and its quota are.
pub(crate) fn maker(config: &Config) -> Arc<MakeSource> {
    let clients = Clients::of(config);
    Arc::new(move |task: &Task| {
        let preferred = TaskRoute { connector: task.connector.clone(), spec: task.spec.clone() };
        clients.routes(std::iter::once(&preferred).chain(&task.fallback))
    })
}

/// One client per connector, or why there is none.
struct Clients {
    profile: Option<Profile>,
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
            research: research_client(config),
            display: display_client(config).map(Arc::new),
            oembed: oembed.map_err(|e| format!("oEmbed's client cannot be made: {e}")),
            web: web_client(config),
            browser: browser_client(config),
        }
    }

    /// The routes that can be taken, in order. Configurations change: one that can be taken no more does not keep the
    /// others from being taken.
    fn routes<'r>(&self, routes: impl Iterator<Item = &'r TaskRoute>) -> Result<Routes, String> {
        let mut made: Option<Routes> = None;
        let mut wrong = Vec::new();
        for route in routes {
            let spec = serde_json::from_str(&route.spec).map_err(|e| format!("its spec is not JSON: {e}"));
            match (spec.and_then(|spec| self.make(&route.connector, spec)), &mut made) {
                (Ok(source), Some(routes)) => routes.then(source),
                (Ok(source), None) => made = Some(Routes::one(source)),
                (Err(why), _) => wrong.push(why),
            }
        }
        let routes = made.ok_or_else(|| wrong.join("; "))?;
        wrong.iter().for_each(|why| tracing::warn!(why, "a route of a task cannot be taken; the others are"));
        Ok(routes)
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
                Ok(Box::new(source.map_err(|e| e.to_string())?))
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

/// Finds the connectors of a task, and checks that each can be polled, without polling anything.
pub(crate) fn settle(config: &Config, task: &mut TaskConfig) -> Result<(), String> {
    let clients = Clients::of(config);
    match (task.target.take(), task.connector.is_empty()) {
        (Some(_), false) => Err("target and connector exclude each other; keep one".into()),
        (None, true) => Err("connector is missing; name one, or give a target such as { creator = [\"x\"] }".into()),
        (Some(target), true) => by_profile(config, &clients, &target, task),
        (None, false) => by_name(&clients, task),
    }
}

/// Every connector that the profile allows, that is configured, and that can be asked for it; official ones first.
fn by_profile(config: &Config, clients: &Clients, target: &Target, task: &mut TaskConfig) -> Result<(), String> {
    if !task.fallback.is_empty() {
        return Err("target and fallback exclude each other: the profile gives the order".into());
    }
    let words = config.web.as_ref().and_then(|web| web.acknowledgement.as_ref());
    let words = words.or(config.browser.as_ref().and_then(|browser| browser.acknowledgement.as_ref()));
    let official = || Route::ALL.into_iter().filter(|route| !route.is_web()).collect();
    let allowed = config.profile.map_or_else(official, |profile| profile.routes(words));
    let mut why = Vec::new();
    let mut usable = allowed.into_iter().filter_map(|route| {
        let spec = target.spec(route.name())?;
        let made = clients.make(route.name(), spec.clone());
        why.extend(made.as_ref().err().cloned());
        made.ok().map(|_| RouteConfig { connector: route.name().to_owned(), spec })
    });
    let first = usable.next();
    task.fallback = usable.map(FallbackConfig::Full).collect();
    let RouteConfig { connector, spec } = first.ok_or_else(|| match why.is_empty() {
        true => "no connector that the profile allows can be asked for this target".to_owned(),
        false => format!("no connector can be used for this target: {}", why.join("; ")),
    })?;
    (task.connector, task.spec) = (connector, spec);
    Ok(())
}

/// The connectors that the task names.
fn by_name(clients: &Clients, task: &mut TaskConfig) -> Result<(), String> {
    clients.make(&task.connector, task.spec.clone())?;
    let mut named = vec![task.connector.clone()];
    for fallback in &mut task.fallback {
        let RouteConfig { connector, spec } = match fallback {
            FallbackConfig::Full(route) => route.clone(),
            FallbackConfig::Name(name) => {
                let target = Target::of(&task.connector, &task.spec);
                let spec = target.and_then(|target| target.spec(name)).ok_or_else(|| unlike(name, &task.connector))?;
                RouteConfig { connector: name.clone(), spec }
            }
        };
        if named.contains(&connector) {
            return Err(format!("fallback {connector}: is named twice; each connector is taken once"));
        }
        clients.make(&connector, spec.clone()).map_err(|why| format!("fallback {connector}: {why}"))?;
        named.push(connector.clone());
        *fallback = FallbackConfig::Full(RouteConfig { connector, spec });
    }
    Ok(())
}

fn unlike(name: &str, connector: &str) -> String {
    format!(
        "fallback {name}: it is not known how {name} is asked for what this task asks of {connector}; write          {{ connector = \"{name}\", spec = {{ … }} }}"
    )
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
        fallback: task.fallback.iter().filter_map(route_of).collect(),
    }
}

/// A settled fallback as it is declared.
fn route_of(fallback: &FallbackConfig) -> Option<TaskRoute> {
    match fallback {
        FallbackConfig::Full(RouteConfig { connector, spec }) => {
            Some(TaskRoute { connector: connector.clone(), spec: spec.to_string() })
        }
        FallbackConfig::Name(_) => None,
    }
}

/// Cadences are whole seconds, at least one: 0 would mean once.
fn seconds(every: Duration) -> i64 {
    let whole = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
    if every.is_zero() { 0 } else { whole.max(1) }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
