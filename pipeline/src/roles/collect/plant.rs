//! A lane in a log that begins anew: as if an owner had been killed who had published what the lake holds.

use super::lane::CLAIM;
use super::publish::{self, Outgoing, Publisher};
use crate::log::client::Connection;
use crate::roles::RoleError;
use std::collections::BTreeMap;
use tidelake_schemas::{Cursor, TopicPosition};

/// Messages that are on their way together.
const BATCH: usize = 10_000;

/// What a lane is to know.
#[derive(Default)]
pub(crate) struct Plant {
    /// The newest cursor of each task.
    pub cursors: Vec<Cursor>,
    /// Ids that were published in cycles that run, by topic.
    pub published: BTreeMap<&'static str, Vec<String>>,
}

/// Writes a claim, then the ids as messages without records – to be found by whoever takes the lane over, and never landed:
/// the tables go on after them – and then the cursors, which point to where the ids begin.
pub(crate) async fn plant(connection: &Connection, lane: i32, plant: Plant) -> Result<(), RoleError> {
    let mut publisher = Publisher::new(connection, lane)?;
    let claim = publisher.claim(&format!("{CLAIM}{}", uuid::Uuid::now_v7())).await?;
    let fences = publisher.fence(claim).await?;
    for (topic, ids) in plant.published {
        for some in ids.chunks(BATCH) {
            let messages: Vec<Outgoing> = some.iter().map(|id| publish::known(topic, id.clone())).collect();
            publisher.page(&messages, &[], claim, "restored").await?;
        }
    }
    let position = |(topic, fence): (&&'static str, &i64)| TopicPosition { topic: (*topic).into(), offset: fence + 1 };
    let positions: Vec<TopicPosition> = fences.iter().map(position).collect();
    for cursor in plant.cursors {
        publisher.cursor(&Cursor { epoch: claim, positions: positions.clone(), ..cursor }).await?;
    }
    Ok(())
}
