//! Which connector runs a task.

use crate::clock;
use crate::config::{Config, FallbackConfig, RouteConfig, TaskConfig, path_of};
use crate::refresh::{self, StoredIds};
use crate::roles::collect::{MakeSource, Routes};
use crate::stored_counts::StoredCounts;
use crate::target::Target;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::browser::{self, BrowserClient, BrowserSource};
use tidelake_connectors::client::lease::LocalLender;
use tidelake_connectors::client::{Lender, Profile, Route};
use tidelake_connectors::display::{self, DisplayClient, DisplaySource, DisplayTask};
use tidelake_connectors::facebook::{self, FacebookClient, FacebookSource, FacebookTask};
use tidelake_connectors::oembed::{self, OembedClient, OembedSource, OembedTask};
use tidelake_connectors::research::track::{TrackSource, TrackTask};
use tidelake_connectors::research::{self, ResearchClient, ResearchSource, ResearchTask};
use tidelake_connectors::web::{self, PageTask, WebClient, WebSource};
use tidelake_connectors::youtube::{self, YoutubeClient, YoutubeSource, YoutubeTask};
use tidelake_connectors::{Capabilities, Source};
use tidelake_schemas::{Task, TaskRoute, Timestamp};

/// How long the broker may take to hear of what is given back.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// Makes sources of tasks with these clients.
pub(crate) fn maker(clients: Arc<Clients>) -> Arc<MakeSource> {
    Arc::new(move |task: &Task| {
        let preferred = TaskRoute { connector: task.connector.clone(), spec: task.spec.clone() };
        clients.routes(std::iter::once(&preferred).chain(&task.fallback))
    })
}

/// One client per connector, or why there is none, with the credentials of the configuration. Tasks share them: token,
/// rate and quota belong to the credential.
pub(crate) struct Clients {
    /// For the order of routes, and for what is read from the lake.
    config: Config,
    profile: Option<Profile>,
    /// What tasks that track take their videos from.
    stored: Arc<StoredCounts>,
    research: Result<Arc<ResearchClient>, String>,
    pub display: Result<Arc<DisplayClient>, String>,
    pub oembed: Result<Arc<OembedClient>, String>,
    pub web: Result<Arc<WebClient>, String>,
    browser: Result<Arc<BrowserClient>, String>,
    youtube: Result<Arc<YoutubeClient>, String>,
    facebook: Result<Arc<FacebookClient>, String>,
}

impl Clients {
    /// Clients whose daily budgets are lent by `lender`.
    pub(crate) fn of(config: &Config, lender: &Arc<dyn Lender>) -> Self {
        let oembed = OembedClient::going_by(config.oembed.clone(), clock::for_connectors().into()).map(Arc::new);
        Self {
            config: config.clone(),
            profile: config.profile,
            stored: Arc::new(StoredCounts::of(config)),
            research: research_client(config, lender),
            display: display_client(config).map(Arc::new),
            oembed: oembed.map_err(|e| format!("oEmbed's client cannot be made: {e}")),
            web: web_client(config),
            browser: browser_client(config),
            youtube: youtube_client(config, lender),
            facebook: facebook_client(config),
        }
    }

    /// Clients whose daily budgets nobody shares: to check what is configured.
    pub(crate) fn alone(config: &Config) -> Self {
        let nobody: Arc<dyn Lender> = Arc::<LocalLender>::default();
        Self::of(config, &nobody)
    }

    /// Gives back what was lent of daily budgets and is not spent, at an orderly end.
    pub(crate) async fn give_back(&self) {
        let give_back = async {
            if let Ok(research) = &self.research {
                research.give_back().await?;
            }
            match &self.youtube {
                Ok(youtube) => youtube.give_back().await,
                Err(_) => Ok(()),
            }
        };
        match tokio::time::timeout(GIVE_BACK, give_back).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the rest of a lease counts as spent today"),
            Err(_) => tracing::warn!("the broker does not answer: the rest of a lease counts as spent today"),
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
                Ok(Box::new(source.map_err(|e| e.to_string())?.with_feed(self.stored.clone())))
            }
            research::CONNECTOR => {
                let client = self.research.as_ref().map_err(Clone::clone)?;
                let task = read::<ResearchTask>(spec)?;
                let refreshes = matches!(task, ResearchTask::Compliance(_));
                let source = ResearchSource::with_client(client.clone(), task).map_err(|e| e.to_string())?;
                let stored = || Arc::new(StoredIds::of(&self.config));
                Ok(Box::new(if refreshes { source.with_ids(stored()) } else { source }))
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
            youtube::CONNECTOR => {
                let client = self.youtube.as_ref().map_err(Clone::clone)?;
                let source = YoutubeSource::with_client(client.clone(), &read::<YoutubeTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            facebook::CONNECTOR => {
                let client = self.facebook.as_ref().map_err(Clone::clone)?;
                let source = FacebookSource::with_client(client.clone(), read::<FacebookTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            other => {
                let known = [
                    research::CONNECTOR,
                    display::CONNECTOR,
                    oembed::CONNECTOR,
                    web::CONNECTOR,
                    browser::CONNECTOR,
                    youtube::CONNECTOR,
                    facebook::CONNECTOR,
                ];
                Err(format!("unknown connector {other:?}; known are {}", known.join(", ")))
            }
        }
    }
}

/// Reads a task's spec; the error names the place.
fn read<T: DeserializeOwned>(spec: serde_json::Value) -> Result<T, String> {
    serde_path_to_error::deserialize(spec).map_err(|e| format!("{}: {}", path_of("spec", &e), e.inner()))
}

/// The Research API's client, or why there is none.
fn research_client(config: &Config, lender: &Arc<dyn Lender>) -> Result<Arc<ResearchClient>, String> {
    let absent = "connector research-api needs the section [research] with client_key and client_secret";
    let research = config.research.clone().ok_or(absent)?;
    let client = ResearchClient::going_by(research, clock::for_connectors().into())
        .map_err(|e| format!("the Research API's client cannot be made: {e}"))?;
    Ok(Arc::new(client.with_lender(lender)))
}

/// The Display API's client, or why there is none.
pub(crate) fn display_client(config: &Config) -> Result<DisplayClient, String> {
    let absent = "the Display API needs the section [display] with client_key, client_secret and key_file. Register an \
                  app with Login Kit on developers.tiktok.com, and see deploy/tidelake.example.toml";
    let display = config.display.clone().ok_or(absent)?;
    // An owner's consent is what the profile `creator` is about.
    let grant = config.profile.unwrap_or(Profile::Creator).grant(Route::DisplayApi, None).map_err(|e| e.to_string())?;
    let accounts = config.data_dir.join("accounts");
    DisplayClient::new(display, &accounts, grant, clock::for_connectors()).map_err(|e| format!("[display] {e}"))
}

/// The client of public pages over HTTP, or why there is none.
fn web_client(config: &Config) -> Result<Arc<WebClient>, String> {
    let (profile, web) = config.profile.zip(config.web.as_ref()).ok_or_else(|| closed(web::CONNECTOR))?;
    WebClient::new(profile, web, clock::for_connectors()).map(Arc::new).map_err(|e| format!("[web] {e}"))
}

/// The client of public pages in a browser, or why there is none.
fn browser_client(config: &Config) -> Result<Arc<BrowserClient>, String> {
    let (profile, browser) = config.profile.zip(config.browser.clone()).ok_or_else(|| closed(browser::CONNECTOR))?;
    BrowserClient::new(profile, browser, clock::for_connectors()).map(Arc::new).map_err(|e| format!("[browser] {e}"))
}

/// The client of YouTube's Data API, or why there is none.
fn youtube_client(config: &Config, lender: &Arc<dyn Lender>) -> Result<Arc<YoutubeClient>, String> {
    let absent = "connector youtube needs the section [youtube] with api_key, a key of a Google Cloud project in which the \
                  YouTube Data API v3 is enabled";
    let youtube = config.youtube.clone().ok_or(absent)?;
    // Without a profile, official routes are open.
    let grant = config.profile.unwrap_or(Profile::Research).grant(Route::Youtube, None).map_err(|e| e.to_string())?;
    let client = YoutubeClient::new(youtube, grant, clock::for_connectors()).map_err(|e| format!("[youtube] {e}"))?;
    Ok(Arc::new(client.with_lender(lender)))
}

/// The client of Facebook's Graph API, or why there is none.
fn facebook_client(config: &Config) -> Result<Arc<FacebookClient>, String> {
    let absent = "connector facebook needs the section [facebook] with access_token, a page access token with \
                  pages_read_engagement";
    let facebook = config.facebook.clone().ok_or(absent)?;
    let grant = config.profile.unwrap_or(Profile::Creator).grant(Route::Facebook, None).map_err(|e| e.to_string())?;
    FacebookClient::new(facebook, grant, clock::for_connectors()).map(Arc::new).map_err(|e| format!("[facebook] {e}"))
}

/// Public pages are closed unless they are opened.
fn closed(connector: &str) -> String {
    format!(
        "connector {connector} reads public pages and is off: it needs profile = \"web\" and a section [{connector}] with \
         acknowledgement.approval and contact"
    )
}

/// How often a canary is polled when nothing is said.
const CANARY_EVERY: Duration = Duration::from_secs(6 * 3600);
/// What the names of canaries end with.
const CANARY: &str = "/canary";

/// The name of a task's canary.
pub(crate) fn canary_of(task: &str) -> String {
    format!("{task}{CANARY}")
}

/// Finds the connectors of a task, and checks that each can be polled, and its canary, without polling anything; gives what
/// they can do.
pub(crate) fn settle(clients: &Clients, task: &mut TaskConfig) -> Result<Vec<Capabilities>, String> {
    match (task.target.take(), task.connector.is_empty()) {
        (Some(_), false) => Err("target and connector exclude each other; keep one".into()),
        (None, true) => Err("connector is missing; name one, or give a target such as { creator = [\"x\"] }".into()),
        (Some(target), true) => by_profile(clients, &target, task),
        (None, false) => by_name(clients, task),
    }?;
    check_canary(clients, task)?;
    let preferred = TaskRoute { connector: task.connector.clone(), spec: task.spec.to_string() };
    let others: Vec<TaskRoute> = task.fallback.iter().filter_map(route_of).collect();
    let routes = clients.routes(std::iter::once(&preferred).chain(&others))?;
    Ok(routes.iter().map(Source::capabilities).collect())
}

/// Every connector that the profile allows, that is configured, and that can be asked for it; official ones first.
fn by_profile(clients: &Clients, target: &Target, task: &mut TaskConfig) -> Result<(), String> {
    if !task.fallback.is_empty() {
        return Err("target and fallback exclude each other: the profile gives the order".into());
    }
    let config = &clients.config;
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
        "fallback {name}: it is not known how {name} is asked for what this task asks of {connector}; write \
         {{ connector = \"{name}\", spec = {{ … }} }}"
    )
}

/// The canary of a settled task can be polled, too.
fn check_canary(clients: &Clients, task: &TaskConfig) -> Result<(), String> {
    let Some(canary) = &task.canary else { return Ok(()) };
    if canary.at_least == 0 {
        return Err("canary.at_least = 0 would be content with nothing; give at least 1".into());
    }
    let Some(spec) = &canary.spec else { return Ok(()) };
    clients.make(&task.connector, spec.clone()).map(drop).map_err(|why| format!("canary: {why}"))
}

/// A task of the configuration as records of the task topic: its own, and its canary's.
pub(crate) fn records(task: &TaskConfig, declared_at: Timestamp) -> Vec<Task> {
    let mut own = Task {
        task: task.name.clone(),
        connector: task.connector.clone(),
        spec: task.spec.to_string(),
        cadence_s: seconds(every(task)),
        priority: task.priority,
        paused: false,
        declared_at,
        at_least: None,
        fallback: task.fallback.iter().filter_map(route_of).collect(),
    };
    let Some(canary) = &task.canary else { return vec![own] };
    let at_least = Some(i64::from(canary.at_least));
    if canary.spec.is_none() && canary.every.is_zero() {
        own.at_least = at_least;
        return vec![own];
    }
    let every = if canary.every.is_zero() { CANARY_EVERY } else { canary.every };
    let second = Task {
        task: canary_of(&own.task),
        spec: canary.spec.as_ref().map_or_else(|| own.spec.clone(), ToString::to_string),
        cadence_s: seconds(every),
        // Before what depends on it.
        priority: own.priority.saturating_add(1),
        at_least,
        // A canary tells how its own route does.
        fallback: Vec::new(),
        ..own.clone()
    };
    vec![own, second]
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

/// A duty is not done once.
fn every(task: &TaskConfig) -> Duration {
    let duty = task.every.is_zero() && refresh::is_refresh(&task.connector, &task.spec);
    if duty { refresh::CADENCE } else { task.every }
}

/// Cadences are whole seconds, at least one: 0 would mean once.
fn seconds(every: Duration) -> i64 {
    let whole = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
    if every.is_zero() { 0 } else { whole.max(1) }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
