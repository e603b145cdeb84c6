//! `POST /v2/research/user/info/`

use super::answer::Refusal;
use super::body::read_text;
use super::fields::{Fields, Item};
use super::shared::Shared;
use serde_json::Value;
use std::collections::HashMap;

#[rustfmt::skip]
const FIELDS: [&str; 9] = [
    "display_name", "bio_description", "avatar_url", "is_verified", "follower_count", "following_count", "likes_count",
    "video_count", "bio_url",
];

/// Answers a request for one account. The answer does not repeat the username.
pub(super) fn answer(shared: &Shared, parameters: &HashMap<String, String>, body: &Value) -> Result<Value, Refusal> {
    let fields = Fields::read(parameters, &FIELDS)?;
    let username = read_text(body, "username")?.ok_or_else(|| Refusal::params("username is required"))?;
    let unknown = || Refusal::params(format!("username {username} is invalid: cannot find the user"));
    let creator = shared.world.creator_by_handle(username).ok_or_else(unknown)?;
    if creator.is_restricted {
        return Err(Refusal::params("API cannot return this user's information"));
    }
    let now = shared.now();
    let mut item = Item::new(&fields);
    item.set("display_name", || creator.display_name.clone())
        .set("bio_description", || creator.bio.clone())
        .set("avatar_url", || creator.avatar_url.clone())
        .set("is_verified", || creator.is_verified)
        .set("follower_count", || creator.followers_at(now))
        .set("following_count", || creator.following)
        .set("likes_count", || creator.likes_at(now))
        .set("video_count", || creator.videos_at(now))
        .set_some("bio_url", || creator.bio_url.clone());
    shared.take_records(1);
    Ok(item.into_value())
}
