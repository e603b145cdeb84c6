//! Comments and replies.

use super::Video;
use super::captions::Writer;
use super::hash::Room;
use chrono::{DateTime, TimeDelta, Utc};

/// Every so many comments a new thread begins; those between are threads of their own or replies to it.
const THREAD: u64 = 8;

/// Only so many comments of a video are ever shown.
pub(crate) const REACHABLE: u64 = 4000;

/// One comment or reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its number among the comments of its video, in the order of time.
    pub number: u64,
    /// 19-digit id.
    pub id: i64,
    /// The video's id, or the id of the comment it replies to.
    pub parent_id: i64,
    /// The text; may be empty (a sticker or a picture). Contact data is masked with asterisks.
    pub text: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Hearts.
    pub likes: i64,
    /// Whether its author deleted it.
    pub is_deleted: bool,
}

impl Video<'_> {
    /// How many comments and replies there are at an instant and can be shown.
    pub fn comments_at(&self, at: DateTime<Utc>) -> u64 {
        (self.stats_at(at).comments.max(0) as u64).min(REACHABLE)
    }

    /// The numbers of top-level comments that exist at an instant, deleted ones too.
    pub fn threads_at(&self, at: DateTime<Utc>) -> impl Iterator<Item = u64> + '_ {
        (0..self.comments_at(at)).filter(|&number| !self.is_reply(number))
    }

    /// The numbers of the replies to a comment that exist at an instant, deleted ones too.
    pub fn replies_at(&self, number: u64, at: DateTime<Utc>) -> impl Iterator<Item = u64> + '_ {
        let replied = number.is_multiple_of(THREAD);
        let end = if replied { (number + THREAD).min(self.comments_at(at)) } else { 0 };
        (number + 1..end).filter(|&reply| self.is_reply(reply))
    }

    fn is_reply(&self, number: u64) -> bool {
        !number.is_multiple_of(THREAD) && self.comment_roll(number, 1).chance(0.3)
    }

    /// The comment of this number as it is at an instant; `None` when it is not yet written.
    pub fn comment(&self, number: u64, at: DateTime<Utc>) -> Option<Comment> {
        (number < self.comments_at(at)).then(|| self.written(number, at))
    }

    fn written(&self, number: u64, at: DateTime<Utc>) -> Comment {
        let (id, created_at) = self.comment_id(number, at);
        let parent_id = match self.is_reply(number) {
            true => self.comment_id(number - number % THREAD, at).0,
            false => self.id(),
        };
        let mut writer = Writer::new(self, self.comment_roll(number, 0));
        let likes = (writer.roll.pareto(0.8) - 1.0) * 0.4;
        let is_deleted = writer.roll.chance(0.02);
        let text = text(&mut writer);
        Comment { number, id, parent_id, text, created_at, likes: likes as i64, is_deleted }
    }

    /// Id and time of a comment that exists at an instant.
    fn comment_id(&self, number: u64, at: DateTime<Utc>) -> (i64, DateTime<Utc>) {
        let age = (at - self.created_at()).num_seconds().max(0) as u64;
        let second = self.curve().second_of_comment(number, age + 1);
        let created_at = self.created_at() + TimeDelta::seconds(second as i64);
        let low = self.comment_roll(number, 2).bits() >> 45 << 13 | number & 0x1FFF;
        ((created_at.timestamp() << 32) | low as i64, created_at)
    }

    fn comment_roll(&self, number: u64, part: u64) -> super::Roll {
        self.world().roll(Room::Comment, self.index() << 20 ^ number << 3 ^ part)
    }
}

fn text(writer: &mut Writer<'_>) -> String {
    match writer.roll.below(100) {
        0..6 => String::new(),
        6..8 => "call me *** *** **** or ****@****.***".to_owned(),
        8..14 => writer.emoji(),
        _ => {
            let template = writer.roll.pick(writer.lexicon.comments);
            writer.fill(template)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{World, WorldConfig};
    use chrono::TimeDelta;
    use std::collections::HashSet;

    #[test]
    fn comments_stay_what_they_were() {
        let world = World::new(WorldConfig::default()).expect("a world");
        let (now, later) = (world.end(), world.end() + TimeDelta::days(30));
        let video = (0..2000).filter_map(|i| world.video(i)).find(|v| v.comments_at(now) > 60).expect("a busy video");
        let read = |at| -> Vec<_> { (0..60).filter_map(|number| video.comment(number, at)).collect() };
        assert_eq!(read(now), read(later));
        let comments = read(now);
        let ids: HashSet<_> = comments.iter().map(|comment| comment.id).collect();
        assert_eq!(ids.len(), 60);
        assert!(comments.iter().all(|c| c.created_at >= video.created_at() && c.created_at <= now));
        let replies: Vec<_> = comments.iter().filter(|c| c.parent_id != video.id()).collect();
        assert!(!replies.is_empty() && replies.iter().all(|reply| ids.contains(&reply.parent_id)));
        assert_eq!(video.threads_at(now).filter(|n| *n < 60).count() + replies.len(), 60);
    }
}
