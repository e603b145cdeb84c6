//! Configuration: one TOML file, `TIDELAKE__SECTION__KEY` overrides, secrets by `*_file`.
//!
//! Every mistake is reported at once, each with path, value and what is accepted. Unknown keys are mistakes.

mod maintain;
mod media;
mod privacy;
mod serve;
mod sources;
mod stages;
mod units;

pub(crate) use maintain::{Every, MaintainConfig};
pub(crate) use media::MediaConfig;
#[cfg(test)]
pub(crate) use media::{Keep, Product};
pub(crate) use privacy::PrivacyConfig;
pub(crate) use serve::ServeConfig;
pub(crate) use sources::{Mistake, Mistakes};
pub(crate) use stages::StagesConfig;
pub(crate) use units::parse_duration;

use crate::log::topics::Layout;
use crate::roles::land::Rotation;
use crate::sources::Clients;
use crate::target::Target;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::annotate::ExternalModelConfig;
use tidelake_connectors::browser::BrowserConfig;
use tidelake_connectors::client::Profile;
use tidelake_connectors::display::DisplayConfig;
use tidelake_connectors::facebook::FacebookConfig;
use tidelake_connectors::oembed::OembedConfig;
use tidelake_connectors::research::ResearchConfig;
use tidelake_connectors::web::WebConfig;
use tidelake_connectors::youtube::YoutubeConfig;
use tidelake_serve::cluster::Cluster;
use tidelake_sinks::lake::WriterOptions;
use tidelake_sinks::query::Backend;
use units::{bytes, duration};

/// Everything configurable, with its defaults.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where the embedded broker, the default lake and history live.
    pub data_dir: PathBuf,
    pub log: LogConfig,
    pub lake: LakeConfig,
    pub logging: Logging,
    pub shutdown: Shutdown,
    /// The Research API, when it is configured.
    pub research: Option<ResearchConfig>,
    /// The Display API, when it is configured.
    pub display: Option<DisplayConfig>,
    /// The oEmbed route, which needs no credentials.
    pub oembed: OembedConfig,
    /// What tidelake is run for: fixes the routes that may be taken. Absent: the official ones.
    pub profile: Option<Profile>,
    /// Public pages over HTTP; off unless the profile and an acknowledgement open them.
    pub web: Option<WebConfig>,
    /// Public pages in a browser; off likewise.
    pub browser: Option<BrowserConfig>,
    /// Pictures and films of what is collected; off by default.
    pub media: MediaConfig,
    /// How tables are kept fast and small.
    pub maintain: MaintainConfig,
    /// Whose data this is, and why it is kept.
    pub privacy: PrivacyConfig,
    /// What runs over captions besides the stages that always do.
    pub stages: StagesConfig,
    /// A model elsewhere that may be asked about captions, when it is configured.
    pub external_model: Option<ExternalModelConfig>,
    /// YouTube's Data API, when it is configured.
    pub youtube: Option<YoutubeConfig>,
    /// Facebook's Graph API, when it is configured.
    pub facebook: Option<FacebookConfig>,
    /// The doors people query the lake through; none is open by default.
    pub serve: ServeConfig,
    pub tasks: Vec<TaskConfig>,
}

/// `[log]`: Kafka.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// `embedded`, or `host:port,…` of any Kafka ≥ 2.8.
    pub broker: String,
    /// Lanes collectors share; data topics have one partition more, for imports.
    pub lanes: i32,
    /// Replicas of each partition.
    pub replication: i32,
    /// How long data topics keep messages.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    /// librdkafka settings passed through: TLS, SASL, …
    pub kafka: BTreeMap<String, String>,
}

impl Default for LogConfig {
    fn default() -> Self {
        let retention = Duration::from_secs(7 * 86_400);
        Self { broker: "embedded".into(), lanes: 4, replication: 1, retention, kafka: BTreeMap::new() }
    }
}

/// `[lake]`: where tables are and when they are committed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LakeConfig {
    /// A directory or URL; default `<data_dir>/lake`.
    pub location: Option<String>,
    /// Storage options (credentials, region, endpoint) as object_store names them.
    pub storage: HashMap<String, String>,
    /// Who answers SQL: `ballista://host:port`; absent: this process.
    pub engine: Option<Cluster>,
    /// Commit at this many rows.
    pub commit_rows: usize,
    /// Commit at this many bytes of Parquet.
    #[serde(deserialize_with = "bytes")]
    pub commit_bytes: u64,
    /// Commit when the oldest buffered record has waited this long.
    #[serde(deserialize_with = "duration")]
    pub commit_age: Duration,
    /// Zstd level, 1 to 22.
    pub zstd_level: i32,
}

/// Erasure deletes files of erased people that nobody has committed within an hour.
const LONGEST_COMMIT_AGE: Duration = Duration::from_secs(30 * 60);

impl Default for LakeConfig {
    fn default() -> Self {
        Self {
            location: None,
            engine: None,
            storage: HashMap::new(),
            commit_rows: 500_000,
            commit_bytes: 128 * 1024 * 1024,
            commit_age: Duration::from_secs(15),
            zstd_level: 3,
        }
    }
}

/// `[logging]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Logging {
    /// `pretty`, `json`, or `auto`: pretty on a terminal, JSON otherwise.
    pub format: String,
    /// `error`, `warn`, `info`, `debug`, `trace`, or tracing directives.
    pub level: String,
}

impl Default for Logging {
    fn default() -> Self {
        Self { format: "auto".into(), level: "info".into() }
    }
}

/// `[shutdown]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shutdown {
    /// How long roles may take to finish what they hold.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { grace: Duration::from_secs(30) }
    }
}

/// `[[tasks]]`: what to collect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskConfig {
    /// Unique name; provenance and cursors go by it.
    pub name: String,
    /// `research-api`, `display-api`, `oembed`, `web`, `browser`, `youtube` or `facebook`. Absent where a target is given.
    #[serde(default)]
    pub connector: String,
    /// Time from the start of a cycle to that of the next; absent = once, but every 14 days where what is stored is
    /// refreshed.
    #[serde(default, deserialize_with = "duration")]
    pub every: Duration,
    /// Higher goes first.
    #[serde(default)]
    pub priority: i32,
    /// The connector's own settings. Absent where a target is given.
    #[serde(default)]
    pub spec: serde_json::Value,
    /// Connectors to go on with, in order, when the one before cannot be used.
    #[serde(default)]
    pub fallback: Vec<FallbackConfig>,
    /// What to collect, by whichever connectors the profile allows, in its order.
    #[serde(default)]
    pub target: Option<Target>,
    /// What is known to be there, so that nothing is told from no answer.
    #[serde(default)]
    pub canary: Option<CanaryConfig>,
}

/// A connector to go on with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum FallbackConfig {
    /// The same, asked for in this connector's words.
    Name(String),
    /// Asked for in words of its own.
    Full(RouteConfig),
}

/// A connector and its settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteConfig {
    /// As [`TaskConfig::connector`].
    pub connector: String,
    /// As [`TaskConfig::spec`].
    pub spec: serde_json::Value,
}

/// `canary` of a task: a known-good query. With `every` or `spec` it is polled as a task of its own, `NAME/canary`; without,
/// each cycle of the task itself has to bring so many records.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanaryConfig {
    /// Time between polls of the canary; 6h if only `spec` is given.
    #[serde(default, deserialize_with = "duration")]
    pub every: Duration,
    /// Records that are there at the least.
    #[serde(default = "one")]
    pub at_least: u32,
    /// Settings of a query that is known to bring something; absent: the task's own.
    #[serde(default)]
    pub spec: Option<serde_json::Value>,
}

fn one() -> u32 {
    1
}

#[rustfmt::skip]
const SECTIONS: [&str; 20] = [
    "data_dir", "profile", "log", "lake", "logging", "shutdown", "research", "display", "oembed", "web", "browser", "youtube",
    "facebook", "tasks", "media", "stages", "external_model",
    "serve", "maintain", "privacy",
];

impl Config {
    /// Reads the file (none: defaults), then the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Mistakes> {
        let mut table = sources::read(file)?;
        let mut mistakes = Vec::new();
        sources::overlay(&mut table, std::env::vars_os(), &mut mistakes);
        let config = Self::from_table(table, &mut mistakes);
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    fn from_table(mut table: toml::Table, mistakes: &mut Vec<Mistake>) -> Self {
        for key in table.keys().filter(|k| !SECTIONS.contains(&k.as_str())) {
            let why = format!("unknown section; known are {}", SECTIONS.join(", "));
            mistakes.push(Mistake { path: key.clone(), why });
        }
        sources::secrets(&mut table, mistakes);
        serve::secrets(&mut table, mistakes);
        let data_dir = section(&mut table, "data_dir", mistakes).unwrap_or_else(|| PathBuf::from(".tidelake"));
        let mut config = Self {
            data_dir,
            log: section(&mut table, "log", mistakes).unwrap_or_default(),
            lake: section(&mut table, "lake", mistakes).unwrap_or_default(),
            logging: section(&mut table, "logging", mistakes).unwrap_or_default(),
            shutdown: section(&mut table, "shutdown", mistakes).unwrap_or_default(),
            research: section(&mut table, "research", mistakes),
            display: section(&mut table, "display", mistakes),
            oembed: section(&mut table, "oembed", mistakes).unwrap_or_default(),
            profile: section(&mut table, "profile", mistakes),
            web: section(&mut table, "web", mistakes),
            browser: section(&mut table, "browser", mistakes),
            media: section(&mut table, "media", mistakes).unwrap_or_default(),
            maintain: section(&mut table, "maintain", mistakes).unwrap_or_default(),
            privacy: section(&mut table, "privacy", mistakes).unwrap_or_default(),
            stages: section(&mut table, "stages", mistakes).unwrap_or_default(),
            external_model: section(&mut table, "external_model", mistakes),
            youtube: section(&mut table, "youtube", mistakes),
            facebook: section(&mut table, "facebook", mistakes),
            serve: section(&mut table, "serve", mistakes).unwrap_or_default(),
            tasks: tasks(&mut table, mistakes),
        };
        config.check(mistakes);
        config.settle_tasks(mistakes);
        config
    }

    /// What no single section can tell.
    fn check(&self, mistakes: &mut Vec<Mistake>) {
        let mut wrong = |path: &str, why: String| mistakes.push(Mistake { path: path.to_owned(), why });
        if !(1..=1024).contains(&self.log.lanes) {
            wrong("log.lanes", format!("{} is not from 1 to 1024", self.log.lanes));
        }
        if self.log.replication < 1 {
            wrong("log.replication", format!("{} is not at least 1", self.log.replication));
        }
        if !(1..=22).contains(&self.lake.zstd_level) {
            wrong("lake.zstd_level", format!("{} is not from 1 to 22", self.lake.zstd_level));
        }
        if self.lake.commit_age > LONGEST_COMMIT_AGE {
            let why = "files that wait so long for their commit could be taken for left behind; write 30m or less";
            wrong("lake.commit_age", why.to_owned());
        }
        if self.maintain.grace <= self.lake.commit_age {
            let why = "files may wait as long for their commit (lake.commit_age); write more";
            wrong("maintain.grace", format!("{:?}: {why}", self.maintain.grace));
        }
        if !["auto", "pretty", "json"].contains(&self.logging.format.as_str()) {
            wrong("logging.format", format!("{:?} is not auto, pretty or json", self.logging.format));
        }
        if let Some(Err(why)) = self.display.as_ref().map(DisplayConfig::key_source) {
            wrong("display.key_file", why);
        }
        self.stages.check(&mut wrong);
        self.maintain.check(&mut wrong);
        self.serve.check(&mut wrong);
        for (key, why) in self.external_model.iter().flat_map(ExternalModelConfig::mistakes) {
            wrong(&format!("external_model.{key}"), why);
        }
        let mut names = std::collections::HashSet::new();
        for (i, task) in self.tasks.iter().enumerate() {
            if !names.insert(&task.name) {
                wrong(&format!("tasks[{i}].name"), format!("{:?} is taken by an earlier task", task.name));
            }
        }
    }

    /// Finds the connectors of every task, and checks that each can be polled.
    fn settle_tasks(&mut self, mistakes: &mut Vec<Mistake>) {
        let mut tasks = std::mem::take(&mut self.tasks);
        let mut settled = Vec::new();
        // Made once, and only where something is to be collected.
        let clients = std::cell::LazyCell::new(|| Clients::alone(self));
        for (i, task) in tasks.iter_mut().enumerate() {
            match crate::sources::settle(&clients, task) {
                Ok(of_task) => settled.extend(of_task),
                Err(why) => mistakes.push(Mistake { path: format!("tasks[{i}] ({})", task.name), why }),
            }
        }
        drop(clients);
        self.tasks = tasks;
        let mut wrong = |path: &str, why: String| mistakes.push(Mistake { path: path.to_owned(), why });
        self.check_media(&settled, &mut wrong);
    }

    /// Where the lake is.
    pub(crate) fn lake_location(&self) -> String {
        let default = || self.data_dir.join("lake").display().to_string();
        self.lake.location.clone().unwrap_or_else(default)
    }

    /// Who runs queries; `None` = this process.
    pub(crate) fn backend(&self) -> Option<Arc<dyn Backend>> {
        self.lake.engine.clone().map(|cluster| Arc::new(cluster) as _)
    }

    /// How topics are laid out.
    pub(crate) fn layout(&self) -> Layout {
        Layout { lanes: self.log.lanes, replication: self.log.replication, retention: self.log.retention }
    }

    /// When land commits.
    pub(crate) fn rotation(&self) -> Rotation {
        Rotation {
            rows: self.lake.commit_rows,
            bytes: usize::try_from(self.lake.commit_bytes).unwrap_or(usize::MAX),
            age: self.lake.commit_age,
        }
    }

    /// How land writes files.
    pub(crate) fn files(&self) -> WriterOptions {
        WriterOptions { zstd_level: self.lake.zstd_level, ..WriterOptions::default() }
    }
}

/// Where a mistake is. Within values of several forms the path is not known: it is then that of the value.
pub(crate) fn path_of<E>(key: &str, error: &serde_path_to_error::Error<E>) -> String {
    match error.path().to_string().trim_matches('.') {
        "" => key.to_owned(),
        inner => format!("{key}.{inner}"),
    }
}

/// What is wrong there; a secret is not repeated.
fn why(path: &str, error: toml::de::Error) -> String {
    if sources::is_secret(path) {
        return "a text in quotes is expected".to_owned();
    }
    error.to_string().trim().to_owned()
}

/// Takes a section out of the table; `None` when it is absent or wrong (then its mistake is noted).
fn section<T: DeserializeOwned>(table: &mut toml::Table, key: &str, mistakes: &mut Vec<Mistake>) -> Option<T> {
    let value = table.remove(key)?;
    match serde_path_to_error::deserialize(value) {
        Ok(section) => Some(section),
        Err(error) => {
            let path = path_of(key, &error);
            mistakes.push(Mistake { why: why(&path, error.into_inner()), path });
            None
        }
    }
}

fn tasks(table: &mut toml::Table, mistakes: &mut Vec<Mistake>) -> Vec<TaskConfig> {
    let Some(value) = table.remove("tasks") else { return Vec::new() };
    let toml::Value::Array(list) = value else {
        mistakes.push(Mistake { path: "tasks".into(), why: "expected a list: write [[tasks]]".into() });
        return Vec::new();
    };
    let mut tasks = Vec::new();
    for (i, value) in list.into_iter().enumerate() {
        let mut one = toml::Table::from_iter([(format!("tasks[{i}]"), value)]);
        tasks.extend(section::<TaskConfig>(&mut one, &format!("tasks[{i}]"), mistakes));
    }
    tasks
}

#[cfg(test)]
mod tests;
