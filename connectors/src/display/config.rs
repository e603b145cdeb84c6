//! How to reach the Display API, and where the key of the accounts comes from.

use crate::client::{ClientConfig, Route};
use crate::vault::KeySource;
use secrecy::SecretString;
use serde::Deserialize;

/// Where TikTok's API lives.
pub const BASE_URL: &str = "https://open.tiktokapis.com";

/// Where owners agree (tiktok-surfaces §2).
pub const AUTHORIZE_URL: &str = "https://www.tiktok.com/v2/auth/authorize/";

/// `[display]`: an app with Login Kit and the Display API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisplayConfig {
    /// Scheme and host of the API, without a path.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// The page on which owners agree.
    #[serde(default = "authorize_url")]
    pub authorize_url: String,
    /// The client key of the app.
    pub client_key: String,
    /// The client secret of the app.
    pub client_secret: SecretString,
    /// The port of the redirect address that the app has registered; 0 takes any free one.
    #[serde(default = "redirect_port")]
    pub redirect_port: u16,
    /// The key of the accounts, as text; `key_file` names a file with it.
    #[serde(default)]
    pub key: Option<SecretString>,
    /// A program and its arguments that writes the key to its standard output.
    #[serde(default)]
    pub key_command: Option<Vec<String>>,
    /// Rate, retries and connections; not of the configuration file.
    #[serde(skip, default = "usual")]
    pub http: ClientConfig,
}

impl DisplayConfig {
    /// The usual settings with these credentials and this key.
    pub fn new(client_key: impl Into<String>, client_secret: SecretString, key: SecretString) -> Self {
        Self {
            base_url: base_url(),
            authorize_url: authorize_url(),
            client_key: client_key.into(),
            client_secret,
            redirect_port: redirect_port(),
            key: Some(key),
            key_command: None,
            http: usual(),
        }
    }

    /// Where the key of the accounts comes from.
    ///
    /// # Errors
    /// Unless exactly one place is named.
    pub fn key_source(&self) -> Result<KeySource, String> {
        match (&self.key, &self.key_command) {
            (Some(key), None) => Ok(KeySource::Given(key.clone())),
            (None, Some(words)) => Ok(KeySource::Command(words.clone())),
            (None, None) => Err("a key for the accounts is needed: name key_file or key_command; \
                                 `openssl rand -hex 32 > accounts.key` makes one"
                .into()),
            (Some(_), Some(_)) => Err("key and key_command exclude each other; keep one".into()),
        }
    }
}

fn base_url() -> String {
    BASE_URL.into()
}

fn authorize_url() -> String {
    AUTHORIZE_URL.into()
}

fn redirect_port() -> u16 {
    3455
}

fn usual() -> ClientConfig {
    ClientConfig::of(Route::DisplayApi, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(more: &Value) -> Result<DisplayConfig, String> {
        let mut config = json!({"client_key": "k", "client_secret": "hush"});
        let entries = more.as_object().expect("an object").clone();
        config.as_object_mut().expect("an object").extend(entries);
        serde_json::from_value(config).map_err(|e| e.to_string())
    }

    #[test]
    fn one_key_from_one_place() {
        let given = read(&json!({"key": "hush-key"})).expect("a config");
        assert!(matches!(given.key_source(), Ok(KeySource::Given(_))));
        assert_eq!((given.base_url.as_str(), given.redirect_port), (BASE_URL, 3455));
        assert!(!format!("{given:?}").contains("hush"));
        let command = read(&json!({"key_command": ["kms", "decrypt"]})).expect("a config");
        assert!(matches!(command.key_source(), Ok(KeySource::Command(words)) if words == ["kms", "decrypt"]));
        assert!(read(&json!({})).expect("a config").key_source().is_err_and(|why| why.contains("key_file")));
        let both = read(&json!({"key": "k", "key_command": ["x"]})).expect("a config");
        assert!(both.key_source().is_err_and(|why| why.contains("exclude")));
        assert!(read(&json!({"redirect_prot": 1})).is_err_and(|why| why.contains("redirect_prot")));
    }
}
