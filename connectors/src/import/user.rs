//! Accounts: as authors of items, as profiles, as entries of a user search.

use super::counts;
use super::fields::{any, any_flag, any_text, flag, handle, opt_id, text, time};
use super::scope::Scope;
use super::sink::Sink;
use crate::reading::PLATFORM;
use serde_json::Value;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{CreatorObservation, CreatorStats, EntityKind, Observation};

const ID: [&str; 4] = ["id", "uid", "userId", "user_id"];
const HANDLE: [&str; 2] = ["uniqueId", "unique_id"];
const NICKNAME: [&str; 3] = ["nickname", "nickName", "nick_name"];
const SEC_UID: [&str; 2] = ["secUid", "sec_uid"];

/// The author of a record as its `author` or `user` describes it.
pub(super) fn author(user: &Value) -> AuthorRef {
    if let Some(name) = user.as_str() {
        let name = crate::reading::clean_handle(name);
        return AuthorRef { handle: Some(name).filter(|n| !n.is_empty()), ..AuthorRef::default() };
    }
    AuthorRef {
        id: opt_id(user, &ID),
        handle: handle(user, &HANDLE),
        nickname: text(user, &NICKNAME),
        sec_uid: text(user, &SEC_UID),
        verified: flag(user, &["verified", "is_verified"]),
        private: any_flag(user, &["privateAccount", "isSecret", "secret"]),
        ..AuthorRef::default()
    }
}

/// A profile: `{user, stats, statsV2}`, or one object with everything.
pub(super) fn read_info(info: &Value, scope: &Scope, sink: &mut Sink) {
    sink.show(EntityKind::Creator, info);
    let user = info.get("user").filter(|user| user.is_object()).unwrap_or(info);
    let exact = info.get("statsV2").filter(|stats| counts_something(stats));
    let stats = counts::creator(&[exact, info.get("stats"), Some(info)]);
    if handle(user, &HANDLE).is_none() {
        sink.reject("missing_id", "this profile has no handle; look at the payload".into(), None, info);
        return;
    }
    // Profiles give exact numbers as text beside rounded ones.
    if let Some(creator) = creator(user, stats, exact.is_none(), scope) {
        sink.push(Observation::Creator(creator));
    }
}

fn counts_something(stats: &Value) -> bool {
    !counts::none_known(&counts::creator(&[Some(stats)]))
}

/// The creator of an item, when the item counts for them.
pub(super) fn read_author_stats(item: &Value, author: &AuthorRef, scope: &Scope, sink: &mut Sink) {
    let stats = counts::creator(&[item.get("authorStats"), item.get("authorStatsV2")]);
    let user = any(item, &["author", "authorInfos"]).unwrap_or(&Value::Null);
    if counts::none_known(&stats) {
        return;
    }
    // Where the author is no object, all that is known stands beside it.
    let found = match creator(user, stats.clone(), true, scope) {
        Some(found) if user.is_object() => Some(found),
        _ => author.handle.clone().map(|named| CreatorObservation {
            nickname: author.nickname.clone(),
            sec_uid: author.sec_uid.clone(),
            private: author.private,
            ..blank(named, author.id, stats, scope)
        }),
    };
    if let Some(found) = found {
        sink.push_side(Observation::Creator(found));
    }
}

/// A creator observation; `None` without a handle.
fn creator(user: &Value, stats: CreatorStats, rounded: bool, scope: &Scope) -> Option<CreatorObservation> {
    let author = author(user);
    let commerce = any(user, &["commerceUserInfo"]).unwrap_or(&Value::Null);
    Some(CreatorObservation {
        nickname: author.nickname,
        sec_uid: author.sec_uid,
        bio: any_text(user, &["signature"]),
        bio_url: user.get("bioLink").and_then(|link| text(link, &["link"])),
        verified: author.verified,
        private: author.private,
        region: text(user, &["region"]),
        language: super::fields::language(user, &["language"]),
        created_at: time(user, &["createTime"]),
        commerce: flag(commerce, &["commerceUser"]),
        category: text(commerce, &["category"]),
        counts_rounded: rounded,
        ..blank(author.handle?, author.id, stats, scope)
    })
}

/// A creator of whom no more is known.
pub(super) fn blank(handle: String, id: Option<i64>, stats: CreatorStats, scope: &Scope) -> CreatorObservation {
    let entity = id.map_or_else(|| handle.to_lowercase(), |id| id.to_string());
    CreatorObservation {
        event_id: scope.side_event_id(EntityKind::Creator, &entity),
        platform: PLATFORM.into(),
        creator_id: id,
        handle,
        observed_at: scope.observed_at,
        provenance: scope.provenance(),
        stats,
        counts_rounded: true,
        ..CreatorObservation::default()
    }
}
