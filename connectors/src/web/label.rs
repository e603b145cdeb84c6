//! Reads documents with the readers of files, and writes where they came from.

use super::ZONE;
use crate::import::{self, ImportContext, Imported, NotUnderstood};
use crate::reading::ReadContext;
use std::path::Path;
use tidelake_schemas::{Observation, Timestamp};

/// Where a document came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label<'a> {
    /// The task's name.
    pub(crate) task: &'a str,
    /// The task's cycle.
    pub(crate) cycle: i64,
    /// When the document came.
    pub(crate) now: Timestamp,
    /// The connector, which is the route too.
    pub(crate) connector: &'static str,
    /// The address it was asked for at.
    pub(crate) origin: &'a str,
}

impl Label<'_> {
    /// Reads a page, or an answer of the website. Event ids are those of task, cycle and entity alone, so that reading
    /// the same thing again in this cycle gives the same ids.
    pub(crate) fn read(&self, document: &[u8]) -> Result<Imported, NotUnderstood> {
        let context = ImportContext { task: self.task.into(), cycle: self.cycle, now: self.now, file_time: None };
        let mut imported = import::read_file(Path::new("answer"), document, &context)?;
        imported.observations.iter_mut().for_each(|record| self.write_on(record));
        Ok(imported)
    }

    /// The context of records that are not read but made.
    pub(crate) fn reading(&self) -> ReadContext<'_> {
        ReadContext {
            task: self.task,
            cycle: self.cycle,
            fetched_at: self.now,
            observed_at: self.now,
            connector: self.connector,
            route: self.connector,
            zone: ZONE,
            origin: Some(self.origin),
        }
    }

    fn write_on(&self, record: &mut Observation) {
        let named = |id: Option<i64>, name: &str| id.map_or_else(|| name.to_lowercase(), |id| id.to_string());
        let entity = match &record {
            Observation::Video(video) => video.video_id.to_string(),
            Observation::Creator(creator) => named(creator.creator_id, &creator.handle),
            Observation::Comment(comment) => comment.comment_id.to_string(),
            Observation::Hashtag(tag) => named(tag.hashtag_id, &tag.name),
            Observation::Sound(sound) => sound.sound_id.to_string(),
        };
        let (event_id, provenance) = (self.reading().event_id(record.kind(), &entity), self.reading().provenance());
        let (id, from) = match record {
            Observation::Video(video) => (&mut video.event_id, &mut video.provenance),
            Observation::Creator(creator) => (&mut creator.event_id, &mut creator.provenance),
            Observation::Comment(comment) => (&mut comment.event_id, &mut comment.provenance),
            Observation::Hashtag(tag) => (&mut tag.event_id, &mut tag.provenance),
            Observation::Sound(sound) => (&mut sound.event_id, &mut sound.provenance),
        };
        (*id, *from) = (event_id, provenance);
    }
}
