//! What owners granted: codes, access tokens, refresh tokens. Ends are told by the simulated clock.

use crate::Endpoint;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A code is good for this long.
const CODE_S: i64 = 600;

/// The window of the rate limit.
const WINDOW: Duration = Duration::from_secs(60);

/// An owner's word for an app.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    /// Position of the creator who agreed.
    pub(super) creator: u64,
    pub(super) client_key: String,
    pub(super) scopes: BTreeSet<String>,
}

/// A consent that waits for its code to be redeemed.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) consent: Consent,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    ends: DateTime<Utc>,
}

/// A token, and the consent behind it.
#[derive(Debug)]
struct Token {
    consent: u64,
    ends: DateTime<Utc>,
}

/// Tokens as they are handed out.
pub(super) struct Issued {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) consent: Consent,
}

/// Everything that was granted and is not over.
#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: HashMap<String, Pending>,
    consents: HashMap<u64, Consent>,
    access: HashMap<String, Token>,
    refresh: HashMap<String, Token>,
    asked: HashMap<(Endpoint, u64), VecDeque<Instant>>,
    serial: u64,
}

/// How long tokens live, in seconds, and whether a refresh token changes when it is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lives {
    pub(super) access_s: u64,
    pub(super) refresh_s: u64,
    pub(super) rotates: bool,
}

fn after(now: DateTime<Utc>, secs: i64) -> DateTime<Utc> {
    TimeDelta::try_seconds(secs).and_then(|life| now.checked_add_signed(life)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Grants {
    /// Keeps a consent until its code is redeemed.
    pub(super) fn promise(
        &mut self,
        code: String,
        consent: Consent,
        redirect_uri: String,
        challenge: Option<String>,
        now: DateTime<Utc>,
    ) {
        self.codes.insert(code, Pending { consent, redirect_uri, challenge, ends: after(now, CODE_S) });
    }

    /// Takes a code: it is good once, whatever comes of it.
    pub(super) fn redeem(&mut self, code: &str, now: DateTime<Utc>) -> Option<Pending> {
        self.codes.remove(code).filter(|pending| now < pending.ends)
    }

    /// First tokens for a consent; `text` makes a token of its kind.
    pub(super) fn issue(
        &mut self,
        consent: Consent,
        lives: Lives,
        now: DateTime<Utc>,
        text: impl Fn(&str) -> String,
    ) -> Issued {
        self.serial += 1;
        self.consents.insert(self.serial, consent.clone());
        let (access, refresh) = (text("act"), text("rft"));
        self.keep(self.serial, &access, &refresh, lives, now);
        Issued { access, refresh, consent }
    }

    /// New tokens for a refresh token, which ends with that when tokens rotate.
    pub(super) fn renew(
        &mut self,
        refresh: &str,
        client_key: &str,
        lives: Lives,
        now: DateTime<Utc>,
        text: impl Fn(&str) -> String,
    ) -> Option<Issued> {
        let id = self.refresh.get(refresh).filter(|token| now < token.ends)?.consent;
        let consent = self.consents.get(&id).filter(|consent| consent.client_key == client_key)?.clone();
        let (access, next) = (text("act"), if lives.rotates { text("rft") } else { refresh.to_owned() });
        self.refresh.remove(refresh);
        self.keep(id, &access, &next, lives, now);
        Some(Issued { access, refresh: next, consent })
    }

    fn keep(&mut self, consent: u64, access: &str, refresh: &str, lives: Lives, now: DateTime<Utc>) {
        let ends = |secs: u64| after(now, i64::try_from(secs).unwrap_or(i64::MAX));
        self.access.insert(access.to_owned(), Token { consent, ends: ends(lives.access_s) });
        self.refresh.insert(refresh.to_owned(), Token { consent, ends: ends(lives.refresh_s) });
    }

    /// The consent behind an access token, and its number.
    pub(super) fn consent(&self, access: &str, now: DateTime<Utc>) -> Option<(u64, Consent)> {
        let id = self.access.get(access).filter(|token| now < token.ends)?.consent;
        self.consents.get(&id).map(|consent| (id, consent.clone()))
    }

    /// Ends one access token.
    pub(super) fn end_access(&mut self, access: &str) {
        self.access.remove(access);
    }

    /// Ends everything that hangs on a token's consent; whether there was one.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let known = self.access.get(token).or_else(|| self.refresh.get(token)).map(|token| token.consent);
        let Some(id) = known else { return false };
        self.consents.remove(&id);
        self.access.retain(|_, token| token.consent != id);
        self.refresh.retain(|_, token| token.consent != id);
        true
    }

    /// Counts a request; whether it is within the rate of its endpoint.
    pub(super) fn within_rate(&mut self, endpoint: Endpoint, consent: u64, per_minute: usize) -> bool {
        let now = Instant::now();
        let asked = self.asked.entry((endpoint, consent)).or_default();
        while asked.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            asked.pop_front();
        }
        let within = asked.len() < per_minute;
        if within {
            asked.push_back(now);
        }
        within
    }
}
