//! Pictures and films under signed addresses, which are good for two days, as TikTok's are.

use super::super::answer::Answer;
use super::super::shared::Shared;
use super::{Site, film, picture};
use crate::world::{Video, hash_text, mix};
use crate::{Endpoint, FaultKind};
use std::collections::HashMap;

/// Seconds an address is good for.
const LIFE: i64 = 172_800;

/// The address of a video's cover, good until `expires` (Unix seconds), with `x-expires` and `x-signature`.
pub(in super::super) fn cover(host: &str, video: &Video<'_>, expires: i64) -> String {
    picture_at(host, &format!("cover-{}", video.id()), expires)
}

fn picture_at(host: &str, name: &str, expires: i64) -> String {
    let path = format!("/obj/{name}.jpeg");
    format!("http://{host}{path}?x-expires={expires}&x-signature={}", signature(&path, expires))
}

impl Site<'_> {
    /// The address of a picture.
    pub(super) fn picture(&self, name: &str) -> String {
        picture_at(self.host, name, self.expires())
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
    let good = |expires: &i64| *expires > shared.now().timestamp() && signed == signature(path, *expires);
    if expires.filter(good).is_none() {
        return Answer { content_type: "text/plain", ..Answer::html(403, "Access Denied") };
    }
    let mut file = file(shared.world.config().seed, path);
    if shared.strikes(FaultKind::HalfFile, Endpoint::Media) {
        file.body.truncate(file.body.len() / 2);
    }
    file
}

/// The file of an address: the same for the same world, and of one in eight pictures the same for several addresses.
fn file(seed: u64, path: &str) -> Answer {
    let look = mix(seed ^ hash_text(path));
    let (content_type, body) =
        if path.starts_with("/obj/") { picture::draw(look) } else { ("video/mp4", film::make(look)) };
    Answer { content_type, body, ..Answer::html(200, "") }
}

fn signature(path: &str, expires: i64) -> String {
    format!("{:016x}", mix(hash_text(path) ^ expires.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_can_be_decoded_and_some_are_equal() {
        let drawn: Vec<Answer> = (0..32).map(|n| file(1, &format!("/obj/cover-{n}.jpeg"))).collect();
        let mut kinds: Vec<&str> = drawn.iter().map(|picture| picture.content_type).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds, ["image/jpeg", "image/png", "image/webp"]);
        for picture in &drawn {
            let decoded = image::load_from_memory(&picture.body).expect("a picture");
            assert_eq!((decoded.width(), decoded.height()), (picture::WIDTH, picture::HEIGHT));
        }
        let different: std::collections::HashSet<&[u8]> = drawn.iter().map(|picture| picture.body.as_slice()).collect();
        assert!((20..32).contains(&different.len()), "{}", different.len());
        assert_eq!(drawn[3].body, file(1, "/obj/cover-3.jpeg").body);
    }

    #[test]
    fn films_are_boxes_within_their_length() {
        let film = file(1, "/video/tos/7").body;
        let (mut at, mut names) = (0, Vec::new());
        while at < film.len() {
            let size = u32::from_be_bytes(film[at..at + 4].try_into().expect("four bytes")) as usize;
            names.push(String::from_utf8_lossy(&film[at + 4..at + 8]).into_owned());
            at += size;
        }
        assert_eq!((at, names.join(" ")), (film.len(), "ftyp moov mdat".to_owned()));
    }
}
