//! What TikTok gave for an account. Serialised only into the vault.

use super::scope::Scope;
use crate::reading::{opt_i64, opt_str};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tidelake_schemas::Timestamp;

/// A token is renewed when less than this is left, in seconds, or less than a quarter of its life.
const MARGIN_S: i64 = 300;

/// The tokens of an account and what is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tokens {
    pub(super) open_id: Option<String>,
    /// As TikTok names them, in order.
    pub(super) scopes: Vec<String>,
    #[serde(serialize_with = "expose")]
    pub(super) access_token: SecretString,
    pub(super) issued_at: Timestamp,
    pub(super) access_until: Option<Timestamp>,
    #[serde(serialize_with = "expose_some")]
    pub(super) refresh_token: Option<SecretString>,
    pub(super) refresh_until: Option<Timestamp>,
    /// The owner's word.
    pub(super) granted_at: Timestamp,
    pub(super) username: Option<String>,
    pub(super) display_name: Option<String>,
}

impl Tokens {
    /// Reads an answer of the token endpoint (tiktok-surfaces §2). What it does not repeat stays as it was: the refresh
    /// token *may* change.
    pub(super) fn read(answer: &Value, before: Option<&Self>, now: Timestamp) -> Result<Self, &'static str> {
        let secret = |name| opt_str(answer, name).filter(|text| !text.is_empty()).map(SecretString::from);
        // Life times have changed more than once: they are read, never assumed.
        let until = |name| opt_i64(answer, name).filter(|secs| *secs > 0).map(|secs| now.plus_secs(secs));
        let access_token = secret("access_token").ok_or("the answer has no access_token")?;
        let (refresh_token, refresh_until) = match secret("refresh_token") {
            Some(token) => (Some(token), until("refresh_expires_in")),
            None => before.map_or((None, None), |tokens| (tokens.refresh_token.clone(), tokens.refresh_until)),
        };
        let scopes = opt_str(answer, "scope").map(|list| list_of(&list));
        Ok(Self {
            open_id: opt_str(answer, "open_id").or_else(|| before?.open_id.clone()),
            scopes: scopes.or_else(|| Some(before?.scopes.clone())).unwrap_or_default(),
            access_token,
            issued_at: now,
            access_until: until("expires_in"),
            refresh_token,
            refresh_until,
            granted_at: before.map_or(now, |tokens| tokens.granted_at),
            username: before.and_then(|tokens| tokens.username.clone()),
            display_name: before.and_then(|tokens| tokens.display_name.clone()),
        })
    }

    /// Out of the vault.
    pub(super) fn open(payload: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(payload)
    }

    /// Into the vault.
    pub(super) fn close(&self) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        serde_json::to_vec(self).map(Zeroizing::new)
    }

    pub(super) fn grants(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|name| name == scope.name())
    }

    /// The access token will hold for a while. Without a known end it is used until it is refused.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.access_until.is_none_or(|until| {
            let life = until.secs() - self.issued_at.secs();
            now.plus_secs(MARGIN_S.min(life / 4)) < until
        })
    }

    /// The refresh token, unless it is known to have ended.
    pub(super) fn usable_refresh(&self, now: Timestamp) -> Option<&SecretString> {
        self.refresh_token.as_ref().filter(|_| self.refresh_until.is_none_or(|until| now < until))
    }
}

/// A list with commas, and sometimes blanks.
pub(super) fn list_of(text: &str) -> Vec<String> {
    let names = text.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn expose_some<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose_secret()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_710_081_000_000_000);

    fn answer() -> Value {
        json!({"open_id": "o", "scope": "video.list,user.info.basic", "access_token": "act.hush", "expires_in": 7200,
               "refresh_token": "rft.hush", "refresh_expires_in": "15552000", "token_type": "Bearer"})
    }

    #[test]
    fn lives_are_read_and_nothing_shows_a_token() {
        let tokens = Tokens::read(&answer(), None, NOW).expect("tokens");
        assert_eq!(tokens.scopes, ["user.info.basic", "video.list"]);
        assert_eq!(tokens.refresh_until, Some(NOW.plus_secs(15_552_000)));
        assert!(tokens.is_fresh(NOW.plus_secs(6_899)) && !tokens.is_fresh(NOW.plus_secs(6_900)));
        assert!(tokens.grants(Scope::VideoList) && !tokens.grants(Scope::UserInfoStats));
        assert!(!format!("{tokens:?}").contains("hush"));
        let again = Tokens::open(&tokens.close().expect("JSON")).expect("tokens");
        assert_eq!(again.access_token.expose_secret(), "act.hush");
        let short = Tokens::read(&json!({"access_token": "a", "expires_in": 8}), None, NOW).expect("tokens");
        assert!(short.is_fresh(NOW.plus_secs(5)) && !short.is_fresh(NOW.plus_secs(6)));
    }

    #[test]
    fn what_a_renewal_does_not_repeat_stays() {
        let before = Tokens::read(&answer(), None, NOW).expect("tokens");
        let later = NOW.plus_secs(60);
        let after = Tokens::read(&json!({"access_token": "act.2"}), Some(&before), later).expect("tokens");
        assert_eq!(after.refresh_token.as_ref().map(ExposeSecret::expose_secret), Some("rft.hush"));
        assert_eq!((after.refresh_until, after.scopes.len()), (before.refresh_until, 2));
        assert_eq!((after.granted_at, after.issued_at, after.access_until), (NOW, later, None));
        assert!(after.is_fresh(later.plus_secs(1_000_000)), "used until it is refused");
        assert!(after.usable_refresh(before.refresh_until.expect("an end")).is_none());
        assert!(Tokens::read(&json!({}), Some(&before), later).is_err());
    }
}
