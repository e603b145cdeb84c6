//! Where a planner's videos come from when nobody lists them.

use crate::source::Fault;
use async_trait::async_trait;
use tidelake_schemas::Timestamp;

/// One observation of a video, as a planner needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The video.
    pub video_id: i64,
    /// Its publication.
    pub published: Timestamp,
    /// When it was observed.
    pub at: Timestamp,
    /// Its views then, where the source gave them.
    pub views: Option<i64>,
}

/// Which observations are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Of videos published since.
    pub published_from: Timestamp,
    /// Stored at or after this instant; a few from before may be given again.
    pub stored_from: Timestamp,
    /// Stored before this instant.
    pub stored_until: Timestamp,
    /// By these tasks; by all if empty.
    pub tasks: &'a [String],
}

/// A store of observations. It is what a planner of very many videos is made from when it starts, and how it hears of
/// new ones: those that other tasks have found.
#[async_trait]
pub trait CountFeed: Send + Sync + std::fmt::Debug {
    /// Gives the wanted observations one by one, each video's in the order of time.
    ///
    /// # Errors
    /// When the store cannot be read; some may have been given by then.
    async fn counts(&self, wanted: &Wanted<'_>, each: &mut (dyn FnMut(Count) + Send)) -> Result<(), Fault>;
}
