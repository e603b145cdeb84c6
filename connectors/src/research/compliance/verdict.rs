//! What an answer of batch compliance says about a batch.

use crate::reading::{PLATFORM, ReadContext};
use crate::research::Category;
use std::collections::HashSet;
use tidelake_schemas::{CommentObservation, EntityKind, Observation, VideoObservation, ids};

/// Why a video is gone: deleted, private, moderated; the answer does not tell them apart.
const UNAVAILABLE: &str = "not_available";

/// The ids of the batch that are not among the valid ones, each once, in the batch's order.
///
/// # Errors
/// When the answer names an id that is not in the batch: it belongs to another one, or was cut.
pub(super) fn gone(batch: &[i64], valid: &[i64]) -> Result<Vec<i64>, &'static str> {
    let mut left: HashSet<i64> = batch.iter().copied().collect();
    let known = left.clone();
    for id in valid {
        if !known.contains(id) {
            return Err("the answer names ids that were not submitted");
        }
        left.remove(id);
    }
    Ok(batch.iter().copied().filter(|id| left.remove(id)).collect())
}

/// One observation per id that is gone. Nothing is said about the others: an observation without counts would hide the
/// last one that has some.
pub(super) fn observations(
    category: Category,
    gone: &[i64],
    task_id: &str,
    context: &ReadContext<'_>,
) -> Vec<Observation> {
    let origin = format!("validation_task {task_id}");
    let context = ReadContext { origin: Some(&origin), ..*context };
    gone.iter()
        .map(|&id| match category {
            Category::Video => Observation::Video(gone_video(id, &context)),
            Category::Comment => Observation::Comment(gone_comment(id, &context)),
        })
        .collect()
}

fn gone_video(id: i64, context: &ReadContext<'_>) -> VideoObservation {
    let created_at = ids::time_of_id(id);
    VideoObservation {
        event_id: context.event_id(EntityKind::Video, &id.to_string()),
        platform: PLATFORM.into(),
        video_id: id,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at,
        created_at_derived: created_at.is_some(),
        unavailable: Some(UNAVAILABLE.into()),
        ..VideoObservation::default()
    }
}

fn gone_comment(id: i64, context: &ReadContext<'_>) -> CommentObservation {
    CommentObservation {
        event_id: context.event_id(EntityKind::Comment, &id.to_string()),
        platform: PLATFORM.into(),
        comment_id: id,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at: ids::time_of_id(id),
        ..CommentObservation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_valid_is_gone_once() {
        assert_eq!(gone(&[1, 2, 3, 2, 4], &[3, 1]), Ok(vec![2, 4]));
        assert_eq!(gone(&[1, 2], &[2, 1, 2]), Ok(vec![]));
        assert_eq!(gone(&[1, 2], &[]), Ok(vec![1, 2]));
        assert!(gone(&[12345, 2], &[2, 1234]).is_err(), "a cut id");
    }

    proptest::proptest! {
        #[test]
        fn valid_and_gone_make_the_batch(
            mut batch in proptest::collection::vec(1_i64..500, 0..200),
            cut in 0_usize..200,
        ) {
            batch.sort_unstable();
            batch.dedup();
            let valid: Vec<_> = batch.iter().copied().take(cut).collect();
            let gone = gone(&batch, &valid).expect("they are of the batch");
            let together: Vec<_> = valid.into_iter().chain(gone).collect();
            proptest::prop_assert_eq!(together, batch);
        }
    }
}
