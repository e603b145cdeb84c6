//! The running process: a broker to talk to, a lake to write to, roles under supervision.

use crate::config::Config;
use crate::log::LogError;
use crate::log::budgets::TopicLender;
use crate::log::client::Connection;
use crate::log::embedded::Embedded;
use crate::log::suppressions::{self, Suppressed};
use crate::log::{tasks, topics};
use crate::roles::annotate::Annotate;
use crate::roles::collect::{Collect, Cut, cut};
use crate::roles::enrich::Enrich;
use crate::roles::land::Land;
use crate::roles::maintain::Maintain;
use crate::roles::media::{Fetchers, Media, Plan};
use crate::roles::serve::Serve;
use crate::roles::{Progress, RoleError, Stop, now};
use crate::sources::Clients;
use futures::future::BoxFuture;
use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tidelake_connectors::client::Lender;
use tidelake_schemas::Task;
use tidelake_sinks::backup::{BackupError, is_unfinished};
use tidelake_sinks::lake::{Lake, LakeError};
use tidelake_sinks::media::{MediaStore, StoreError};
use tidelake_sinks::privacy::{KeyError, PrivacyKey};
use tokio::task::JoinSet;

/// A role of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Collect,
    Enrich,
    Land,
    /// Only where `[media]` is enabled.
    Media,
    /// Only where there is an `[external_model]`.
    Annotate,
    /// Only where `[serve]` has a door.
    Serve,
    Maintain,
}

impl Role {
    pub(crate) const ALL: [Self; 7] =
        [Self::Collect, Self::Enrich, Self::Land, Self::Media, Self::Annotate, Self::Serve, Self::Maintain];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Collect => "collect",
            Self::Enrich => "enrich",
            Self::Land => "land",
            Self::Media => "media",
            Self::Annotate => "annotate",
            Self::Maintain => "maintain",
            Self::Serve => "serve",
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let role = Self::ALL.into_iter().find(|r| r.to_string() == text);
        role.ok_or_else(|| {
            format!("{text:?} is no role; roles are collect, enrich, land, media, annotate, serve and maintain")
        })
    }
}

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0}")]
    Log(#[from] LogError),
    #[error("{0}")]
    Lake(#[from] LakeError),
    #[error("media.store: {0}")]
    Media(#[from] StoreError),
    #[error("{0}")]
    Key(#[from] KeyError),
    #[error("{0}")]
    Backup(#[from] BackupError),
    #[error("a restore into {0} was begun and not ended. Run the same `tidelake restore` again")]
    Unfinished(url::Url),
}

/// A process that is connected and may run roles.
pub(crate) struct Daemon {
    pub config: Config,
    pub connection: Connection,
    pub lake: Lake,
    pub progress: Progress,
    /// Where files are kept, if any are.
    pub media: Option<MediaStore>,
    /// The key of the hashes that stand for people.
    pub privacy_key: PrivacyKey,
    suppressed: OnceLock<Suppressed>,
    /// Kept running; stops when dropped, after the roles.
    _broker: Option<Embedded>,
}

impl Daemon {
    /// Starts or reaches the broker, makes absent topics, opens the lake.
    pub(crate) async fn start(config: Config) -> Result<Self, StartError> {
        let lake = Lake::at(&config.lake_location(), config.lake.storage.clone())?;
        if is_unfinished(&lake).await? {
            return Err(StartError::Unfinished(lake.root().clone()));
        }
        Self::start_on(lake, config).await
    }

    /// As [`Self::start`], also on a lake that is being restored.
    pub(crate) async fn start_on(lake: Lake, config: Config) -> Result<Self, StartError> {
        let privacy_key = config.privacy.key(&config.data_dir)?;
        let media = media_store(&config)?;
        let (broker, bootstrap) = match config.log.broker.as_str() {
            "embedded" => {
                let broker = Embedded::start(&config.data_dir, None).await?;
                let bootstrap = broker.bootstrap();
                (Some(broker), bootstrap)
            }
            other => (None, other.to_owned()),
        };
        let connection = Connection::new(bootstrap, config.log.kafka.clone());
        let connection = if broker.is_some() { connection.alone() } else { connection };
        topics::ensure(&connection, &config.layout()).await?;
        tracing::info!(broker = connection.bootstrap(), lake = %lake.root(), "ready");
        let (progress, suppressed) = (Progress::default(), OnceLock::new());
        Ok(Self { config, connection, lake, progress, media, privacy_key, suppressed, _broker: broker })
    }

    /// As [`Self::start`], but when another process runs the embedded broker of the data directory, by that one. For
    /// commands that leave partitions alone.
    pub(crate) async fn reach(config: Config) -> Result<Self, StartError> {
        let running = if config.log.broker == "embedded" { Embedded::running(&config.data_dir) } else { None };
        let Some(bootstrap) = running else { return Self::start(config).await };
        let lake = Lake::at(&config.lake_location(), config.lake.storage.clone())?;
        let connection = Connection::new(bootstrap, config.log.kafka.clone());
        // That process may be about to make them.
        topics::ensure(&connection, &config.layout()).await?;
        let privacy_key = config.privacy.key(&config.data_dir)?;
        let (progress, suppressed) = (Progress::default(), OnceLock::new());
        Ok(Self { config, connection, lake, progress, media: None, privacy_key, suppressed, _broker: None })
    }

    /// Publishes the configuration's tasks to the task topic, unless they stand there already. One that was paused
    /// stays paused.
    pub(crate) async fn declare_tasks(&self) -> Result<(), LogError> {
        let (connection, lanes) = (self.connection.clone(), self.config.log.lanes);
        let read = tokio::task::spawn_blocking(move || tasks::declared(&connection, lanes)).await;
        let declared = read.map_err(|e| LogError::Embedded(format!("tasks: {e}")))??;
        let suppressed = suppressions::everybody(&self.connection, &self.privacy_key).await?;
        for record in self.config.tasks.iter().flat_map(|task| crate::sources::records(task, now())) {
            let mut record = match cut(&suppressed, &record) {
                Cut::Whole => record,
                Cut::Less(less) => *less,
                Cut::Nothing => {
                    tracing::warn!("a task of the configuration asks only for what was erased, and is not declared");
                    continue;
                }
            };
            if let Some(old) = declared.get(&record.task) {
                record.paused = old.paused;
                if (Task { declared_at: old.declared_at, ..record.clone() }) == *old {
                    continue;
                }
            }
            tasks::declare(&self.connection, lanes, &record).await?;
        }
        Ok(())
    }

    /// Starts roles, each under supervision.
    pub(crate) fn run(&self, roles: &[Role], stop: &Stop) -> Running {
        let mut work = JoinSet::new();
        let clients = self.clients();
        for role in roles {
            match role {
                Role::Collect => self.supervise(&mut work, *role, stop, self.collect(&clients), Collect::run),
                Role::Enrich => self.supervise(&mut work, *role, stop, self.enrich(), Enrich::run),
                Role::Land => self.supervise(&mut work, *role, stop, self.land(), Land::run),
                Role::Media => {
                    let Some(media) = self.media(&clients) else { continue };
                    let run = if roles.len() > 1 { media_beside_others } else { media_alone };
                    self.supervise(&mut work, *role, stop, media, run);
                }
                Role::Annotate => {
                    let Some(annotate) = self.annotate() else { continue };
                    let run = if roles.len() > 1 { annotate_beside_others } else { annotate_alone };
                    self.supervise(&mut work, *role, stop, annotate, run);
                }
                Role::Maintain => self.supervise(&mut work, *role, stop, self.maintain(), Maintain::run),
                Role::Serve => {
                    let serve = Serve::of(&self.config, self.lake.clone(), &self.privacy_key);
                    let run = if roles.len() > 1 { serve_beside_others } else { serve_alone };
                    self.supervise(&mut work, *role, stop, serve, run);
                }
            }
        }
        Running { work, stop: stop.clone(), clients }
    }

    fn supervise<R, F>(
        &self,
        work: &mut JoinSet<Result<(), RoleError>>,
        role: Role,
        stop: &Stop,
        make: R,
        run: fn(R, Stop) -> F,
    ) where
        R: Clone + Send + 'static,
        F: Future<Output = Result<(), RoleError>> + Send + 'static,
    {
        let stop = stop.clone();
        work.spawn(async move {
            let mut failures = 0_u32;
            loop {
                let begun = std::time::Instant::now();
                let Err(error) = run(make.clone(), stop.clone()).await else { return Ok(()) };
                if error.is_final() || stop.asked() {
                    tracing::error!(%role, %error, "role failed");
                    return Err(error);
                }
                failures = if begun.elapsed() > Duration::from_secs(60) { 1 } else { failures + 1 };
                let pause = Duration::from_millis(250 << failures.min(7));
                tracing::warn!(%role, %error, ?pause, "role failed; starting it again");
                tokio::select! {
                    () = stop.wait() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Clients of the sources, whose daily budgets are shared with every process on the same broker.
    pub(crate) fn clients(&self) -> Arc<Clients> {
        let lender: Arc<dyn Lender> = Arc::new(TopicLender::new(self.connection.clone()));
        Arc::new(Clients::of(&self.config, &lender))
    }

    /// Who is suppressed, followed from the first call on.
    pub(crate) fn suppressed(&self) -> Suppressed {
        let follow = || Suppressed::follow(&self.connection, self.privacy_key.clone());
        self.suppressed.get_or_init(follow).clone()
    }

    fn collect(&self, clients: &Arc<Clients>) -> Collect {
        Collect {
            connection: self.connection.clone(),
            lanes: self.config.log.lanes,
            sources: crate::sources::maker(Arc::clone(clients)),
            media: Plan::of(&self.config).map(Arc::new),
            suppressed: self.suppressed(),
            progress: self.progress.clone(),
        }
    }

    fn media(&self, clients: &Arc<Clients>) -> Option<Media> {
        let (config, clients) = (self.config.clone(), clients.clone());
        Some(Media {
            connection: self.connection.clone(),
            partitions: self.config.layout().partitions(),
            config: self.config.media.clone(),
            fetchers: Arc::new(move || Fetchers::of(&config, clients.clone())),
            store: self.media.clone()?,
            suppressed: self.suppressed(),
        })
    }

    fn annotate(&self) -> Option<Annotate> {
        let (connection, lake) = (self.connection.clone(), self.lake.clone());
        let partitions = self.config.layout().partitions();
        let (config, suppressed) = (self.config.external_model.clone()?, self.suppressed());
        Some(Annotate { connection, partitions, lake, config, suppressed })
    }

    fn enrich(&self) -> Enrich {
        let (connection, lake) = (self.connection.clone(), self.lake.clone());
        let partitions = self.config.layout().partitions();
        let transformers = self.config.stages.transformers();
        Enrich { connection, partitions, lake, transformers, progress: self.progress.clone() }
    }

    fn maintain(&self) -> Maintain {
        let (connection, lake) = (self.connection.clone(), self.lake.clone());
        Maintain { connection, lake, config: Arc::new(self.config.clone()) }
    }

    fn land(&self) -> Land {
        Land {
            connection: self.connection.clone(),
            partitions: self.config.layout().partitions(),
            lake: self.lake.clone(),
            rotation: self.config.rotation(),
            files: self.config.files(),
            suppressed: self.suppressed(),
            progress: self.progress.clone(),
        }
    }
}

type Ending = BoxFuture<'static, Result<(), RoleError>>;

/// Media as the only role: its end is the process's.
fn media_alone(media: Media, stop: Stop) -> Ending {
    Box::pin(media.run(stop))
}

fn media_beside_others(media: Media, stop: Stop) -> Ending {
    beside_others(Role::Media, media.run(stop))
}

fn annotate_alone(annotate: Annotate, stop: Stop) -> Ending {
    Box::pin(annotate.run(stop))
}

fn annotate_beside_others(annotate: Annotate, stop: Stop) -> Ending {
    beside_others(Role::Annotate, annotate.run(stop))
}

fn serve_alone(serve: Serve, stop: Stop) -> Ending {
    Box::pin(serve.run(stop))
}

fn serve_beside_others(serve: Serve, stop: Stop) -> Ending {
    Box::pin(async move {
        match serve.run(stop).await {
            Err(error) if error.is_final() => {
                tracing::error!(%error, "the doors are closed; everything else goes on. Mend this, then start again");
                Ok(())
            }
            outcome => outcome,
        }
    })
}

/// A role that the others can do without: when it fails for good they go on, and what it has to do waits in the log.
fn beside_others(role: Role, run: impl Future<Output = Result<(), RoleError>> + Send + 'static) -> Ending {
    Box::pin(async move {
        match run.await {
            Err(error) if error.is_final() => {
                tracing::error!(
                    %error,
                    "{role} has stopped; collecting goes on, and what it has to do waits in the log as long as \
                     log.retention says. Mend this, then start again: tidelake run, or tidelake run --roles {role}"
                );
                Ok(())
            }
            outcome => outcome,
        }
    })
}

/// Where files are kept.
fn media_store(config: &Config) -> Result<Option<MediaStore>, StoreError> {
    if !config.media.enabled {
        return Ok(None);
    }
    MediaStore::at(&config.media_location(), config.media_storage()).map(Some)
}

/// Roles at work.
pub(crate) struct Running {
    work: JoinSet<Result<(), RoleError>>,
    stop: Stop,
    /// Those of collect.
    clients: Arc<Clients>,
}

impl Running {
    /// Resolves when a role has failed for good or all have ended.
    pub(crate) async fn ended(&mut self) -> Result<(), RoleError> {
        while let Some(outcome) = self.work.join_next().await {
            outcome.map_err(|e| RoleError::Panicked(e.to_string()))??;
        }
        Ok(())
    }

    /// Asks the roles to stop and awaits them; `false` when the grace period ran out first.
    pub(crate) async fn drain(mut self, grace: Duration) -> Result<bool, RoleError> {
        self.stop.ask();
        let ended = tokio::time::timeout(grace, self.ended()).await;
        self.clients.give_back().await;
        match ended {
            Ok(outcome) => outcome.map(|()| true),
            Err(_) => Ok(false),
        }
    }
}
