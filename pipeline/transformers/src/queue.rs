//! The models' thread, and the queue before it.

use crate::categories::Categories;
use crate::embeddings::Embeddings;
use crate::entities::Entities;
use crate::sentiment::Sentiment;
use crate::{Device, Settings, TransformersError};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use tidelake_schemas::TransformerFindings;

/// Raised when the same models may find something else in the same caption.
const VERSION: u32 = 1;

type Outcome = Result<Vec<TransformerFindings>, TransformersError>;

/// Captions, and where their findings go.
struct Job {
    texts: Vec<String>,
    reply: SyncSender<Outcome>,
}

/// Loaded models, on a thread of their own that ends with the last of these.
#[derive(Clone, Debug)]
pub struct Transformers {
    jobs: SyncSender<Job>,
    label: String,
}

impl Transformers {
    /// Loads the models; returns when they are ready.
    ///
    /// # Errors
    /// When a directory or the device cannot be used.
    pub fn start(settings: &Settings) -> Result<Self, TransformersError> {
        let (jobs, waiting) = sync_channel::<Job>(settings.queue);
        let (ready, loaded) = sync_channel(1);
        let settings = settings.clone();
        let work = move || match Models::load(&settings) {
            Ok(models) => {
                // Nobody listens any more: then there will be no job either.
                _ = ready.send(Ok(models.label()));
                waiting.iter().for_each(|job| _ = job.reply.send(models.run(&job.texts)));
            }
            Err(error) => _ = ready.send(Err(error)),
        };
        let spawned = std::thread::Builder::new().name("transformers".to_owned()).spawn(work);
        spawned.map_err(|e| TransformersError::Run(format!("no thread for the models: {e}")))?;
        let label = loaded.recv().map_err(|_| TransformersError::Ended)??;
        Ok(Self { jobs, label })
    }

    /// What ran, for a record's provenance: `transformers@1+NAME@REVISION+…`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Hands a batch over; waits while the queue is full.
    ///
    /// # Errors
    /// [`TransformersError::Ended`].
    pub fn submit(&self, texts: Vec<String>) -> Result<Pending, TransformersError> {
        let (reply, outcome) = sync_channel(1);
        self.jobs.send(Job { texts, reply }).map_err(|_| TransformersError::Ended)?;
        Ok(Pending(outcome))
    }
}

/// A batch on its way.
#[derive(Debug)]
pub struct Pending(Receiver<Outcome>);

impl Pending {
    /// The findings, one per caption in order, if they are there. They are given once.
    pub fn poll(&self) -> Option<Outcome> {
        match self.0.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(TransformersError::Ended)),
        }
    }

    /// Awaits the findings, one per caption in order.
    ///
    /// # Errors
    /// When the models failed.
    pub fn wait(self) -> Outcome {
        self.0.recv().map_err(|_| TransformersError::Ended)?
    }
}

/// Those of the models that are configured.
struct Models {
    embeddings: Option<Embeddings>,
    sentiment: Option<Sentiment>,
    entities: Option<Entities>,
    categories: Option<Categories>,
    /// `name@revision` of each, in that order.
    labels: Vec<String>,
}

impl Models {
    fn load(settings: &Settings) -> Result<Self, TransformersError> {
        if settings.threads > 0 {
            tch::set_num_threads(i32::try_from(settings.threads).unwrap_or(i32::MAX));
        }
        let (device, tokens) = (device(settings.device)?, settings.batch_tokens);
        let embeddings = settings.embeddings.as_ref().map(|path| Embeddings::load(path, device, tokens)).transpose()?;
        let sentiment = settings.sentiment.as_ref().map(|path| Sentiment::load(path, device, tokens)).transpose()?;
        let entities = settings.ner.as_ref().map(|path| Entities::load(path, device, tokens)).transpose()?;
        let names = &settings.category_names;
        let categories = settings.categories.as_ref().map(|path| Categories::load(path, names, device, tokens));
        let categories = categories.transpose()?;
        let models = [
            embeddings.as_ref().map(|model| &model.0),
            sentiment.as_ref().map(|model| &model.0),
            entities.as_ref().map(|model| &model.0),
            categories.as_ref().map(|categories| &categories.model),
        ];
        let labels = models.into_iter().flatten().map(|model| model.label.clone()).collect();
        Ok(Self { embeddings, sentiment, entities, categories, labels })
    }

    fn label(&self) -> String {
        let stage = format!("transformers@{VERSION}");
        [stage].iter().chain(&self.labels).map(String::as_str).collect::<Vec<_>>().join("+")
    }

    fn run(&self, texts: &[String]) -> Outcome {
        let found = TransformerFindings { models: self.labels.clone(), ..TransformerFindings::default() };
        let mut all = vec![found; texts.len()];
        if let Some(model) = &self.embeddings {
            all.iter_mut().zip(model.run(texts)?).for_each(|(found, embedding)| found.embedding = embedding);
        }
        if let Some(model) = &self.sentiment {
            all.iter_mut().zip(model.run(texts)?).for_each(|(found, verdict)| found.sentiment = Some(verdict));
        }
        if let Some(model) = &self.entities {
            all.iter_mut().zip(model.run(texts)?).for_each(|(found, entities)| found.entities = entities);
        }
        if let Some(model) = &self.categories {
            all.iter_mut().zip(model.run(texts)?).for_each(|(found, categories)| found.categories = categories);
        }
        Ok(all)
    }
}

fn device(device: Device) -> Result<tch::Device, TransformersError> {
    match device {
        Device::Cpu => Ok(tch::Device::Cpu),
        Device::Cuda(number) if (number as i64) < tch::Cuda::device_count() => Ok(tch::Device::Cuda(number)),
        Device::Cuda(_) => {
            let count = tch::Cuda::device_count();
            Err(TransformersError::Device(format!("{device} is not there: libtorch finds {count} GPU(s); write cpu")))
        }
    }
}
