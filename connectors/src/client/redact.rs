//! Addresses and texts without secrets, for messages, logs and snapshots.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// What stands for a secret.
pub(super) const HIDDEN: &str = "***";

/// A query parameter is secret when its name contains one of these, written without case and punctuation.
/// `msToken`, `X-Bogus`, `X-Gnarly`, `verifyFp`: tiktok-surfaces §6.5; the rest are OAuth's (§2) and signed links'.
const SECRET_PARTS: [&str; 16] = [
    "token",
    "secret",
    "password",
    "passwd",
    "signature",
    "credential",
    "session",
    "cookie",
    "apikey",
    "clientkey",
    "auth",
    "jwt",
    "bogus",
    "gnarly",
    "verifyfp",
    "verifier",
];

/// … or is one of these.
const SECRET_NAMES: [&str; 7] = ["key", "code", "sig", "sign", "state", "pass", "pwd"];

/// How deep addresses inside addresses are looked into.
const DEPTH: u8 = 3;

/// An address without user, password, fragment and the values of secret parameters.
pub fn url(address: &Url) -> String {
    redacted(address, DEPTH)
}

fn redacted(address: &Url, depth: u8) -> String {
    let mut clean = address.clone();
    // These fail only for addresses that cannot carry a user.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    clean.set_fragment(None);
    if address.query().is_some() {
        clean.query_pairs_mut().clear();
        for (name, value) in address.query_pairs() {
            let value = if is_secret(&name) { HIDDEN.to_owned() } else { inner(&value, depth) };
            clean.query_pairs_mut().append_pair(&name, &value);
        }
    }
    clean.into()
}

/// A value that is an address itself, as oEmbed's `url`.
fn inner(value: &str, depth: u8) -> String {
    match Url::parse(value) {
        Ok(address) if address.has_host() && depth > 0 => redacted(&address, depth - 1),
        Ok(address) if address.has_host() => HIDDEN.to_owned(),
        _ => value.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.contains(&plain.as_str()) || SECRET_PARTS.iter().any(|part| plain.contains(part))
}

/// A text of the source without a secret that it may repeat.
pub fn scrub(text: &str, secret: Option<&SecretString>) -> String {
    match secret.map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()) {
        Some(secret) => text.replace(secret, HIDDEN),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(address: &str) -> String {
        url(&Url::parse(address).expect("an address"))
    }

    #[test]
    fn secrets_are_hidden_and_the_rest_is_kept() {
        assert_eq!(clean("https://me:pw@h.example/a?x=1&access_token=T#f"), "https://h.example/a?x=1&access_token=***");
        for name in
            ["msToken", "X-Bogus", "verifyFp", "client_secret", "code", "Authorization", "x-signature", "api_key"]
        {
            assert!(!clean(&format!("https://h.example/?{name}=hush")).contains("hush"), "{name}");
        }
        assert_eq!(clean("https://h.example/?keyword=k&cursor=3"), "https://h.example/?keyword=k&cursor=3");
        assert_eq!(clean("https://h.example/a"), "https://h.example/a");
    }

    #[test]
    fn addresses_inside_addresses() {
        let outer = |inner: &str| {
            let mut url = Url::parse("https://h.example/oembed").expect("an address");
            url.query_pairs_mut().append_pair("url", inner);
            url.to_string()
        };
        assert!(clean(&outer("https://t.example/@a/video/1")).contains("video%2F1"));
        let nested = outer(&outer(&outer(&outer(&outer("https://u:hush@t.example/?token=hush")))));
        assert!(!clean(&nested).contains("hush"), "{}", clean(&nested));
        assert!(!clean(&outer("https://u:hush@t.example/?token=hush")).contains("hush"));
    }

    #[test]
    fn texts_are_scrubbed() {
        let secret = SecretString::from("hush");
        assert_eq!(scrub("token hush is bad", Some(&secret)), "token *** is bad");
        assert_eq!(scrub("text", Some(&SecretString::from(""))), "text");
        assert_eq!(scrub("text", None), "text");
    }
}
