//! Addresses of pictures and films: signed, and good for two days, as TikTok's are.

use super::super::answer::Answer;
use super::super::shared::Shared;
use super::Site;
use crate::world::{hash_text, mix};
use std::collections::HashMap;

/// Seconds an address is good for.
const LIFE: i64 = 172_800;

impl Site<'_> {
    /// The address of a picture, with `x-expires` and `x-signature`.
    pub(super) fn picture(&self, name: &str) -> String {
        let (path, expires) = (format!("/obj/{name}.jpeg"), self.expires());
        format!("http://{}{path}?x-expires={expires}&x-signature={}", self.host, signature(&path, expires))
    }

    /// The address of a film or a sound, with `expire` and `signature`.
    pub(super) fn film(&self, name: &str) -> String {
        let (path, expires) = (format!("/video/tos/{name}"), self.expires());
        let signature = signature(&path, expires);
        format!("http://{}{path}?expire={expires}&signature={signature}&tk=tt_chain_token", self.host)
    }

    /// Addresses made in the same hour are the same.
    pub(super) fn expires(&self) -> i64 {
        self.shared.now().timestamp() / 3600 * 3600 + LIFE
    }
}

/// Answers a request for a file: 403 when its address is wrong, or no longer good.
pub(super) fn answer(shared: &Shared, path: &str, parameters: &HashMap<String, String>) -> Answer {
    let parameter = |names: [&str; 2]| names.into_iter().find_map(|name| parameters.get(name)).cloned();
    let expires: Option<i64> = parameter(["x-expires", "expire"]).and_then(|text| text.parse().ok());
    let signed = parameter(["x-signature", "signature"]).unwrap_or_default();
    let path = path.trim_end_matches('/');
    match expires {
        Some(expires) if expires > shared.now().timestamp() && signed == signature(path, expires) => file(path),
        _ => Answer { content_type: "text/plain", ..Answer::html(403, "Access Denied") },
    }
}

fn file(path: &str) -> Answer {
    if path.starts_with("/obj/") {
        // A hue of its own, so that a person can tell one from another.
        let hue = hash_text(path) % 360;
        let picture = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"72\" height=\"128\"><defs><linearGradient id=\"g\" x2=\"1\" \
             y2=\"1\"><stop stop-color=\"hsl({hue},40%,70%)\"/><stop offset=\"1\" stop-color=\"hsl({hue},40%,35%)\"/>\
             </linearGradient></defs><rect width=\"72\" height=\"128\" fill=\"url(#g)\"/></svg>"
        );
        return Answer { content_type: "image/svg+xml", ..Answer::html(200, picture) };
    }
    Answer { content_type: "video/mp4", ..Answer::html(200, "no film, only its place") }
}

fn signature(path: &str, expires: i64) -> String {
    format!("{:016x}", mix(hash_text(path) ^ expires.unsigned_abs()))
}
