//! `Debug` of nothing that holds a secret shows it.

use secrecy::SecretString;
use std::fmt::Debug;
use std::sync::Arc;
use tidelake_connectors::client::{Body, Clock, HttpClient, Profile, Request, Route};
use tidelake_connectors::display::{Callback, DisplayClient, DisplayConfig, DisplaySource, Scope};
use tidelake_connectors::research::{ResearchClient, ResearchConfig, ResearchSource, ResearchTask};
use tidelake_connectors::vault::{KeySource, Vault, VaultKey};
use tidelake_schemas::Timestamp;

const SECRET: &str = "hush-hush";
const KEY: &str = "6875736868757368687573686875736868757368687573686875736868757368";

fn redacts(name: &str, value: &impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        let bytes = shown.contains("104, 117, 115, 104") || shown.contains("68757368");
        assert!(!shown.contains("hush") && !bytes, "{name} shows a secret: {shown}");
        assert!(shown.len() > 4, "{name}: {shown}");
    }
}

#[tokio::test]
async fn nothing_that_holds_a_secret_shows_it() {
    let clock = || Clock::starting_at(Timestamp(1_773_153_000_000_000));
    let research = ResearchConfig::new("app", SecretString::from(SECRET));
    redacts("ResearchConfig", &research);
    redacts("ResearchClient", &ResearchClient::new(research.clone()).expect("a client"));
    let task = serde_json::json!({"kind": "user", "usernames": ["a"]});
    let task = ResearchTask::from_value(&task).expect("a task");
    redacts("ResearchSource", &ResearchSource::new(research, task).expect("a source"));

    let dir = tempfile::tempdir().expect("a directory");
    let display = DisplayConfig::new("app", SecretString::from(SECRET), SecretString::from(KEY));
    redacts("DisplayConfig", &display);
    redacts("KeySource", &display.key_source().expect("a source"));
    redacts("KeySource", &KeySource::Given(SecretString::from(SECRET)));
    let grant = Profile::Creator.grant(Route::DisplayApi, None).expect("a grant");
    let client = Arc::new(DisplayClient::new(display, dir.path(), grant, clock()).expect("a client"));
    redacts("DisplayClient", &client);
    let attempt = client.begin_login(&Scope::ALL, "http://127.0.0.1:3455/callback/").expect("an attempt");
    let shown = format!("{attempt:?}");
    let parameter =
        |name: &str| attempt.url().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert!(!shown.contains(&parameter("state").expect("a state")), "LoginAttempt: {shown}");
    redacts("Callback", &Callback::read(&format!("code={SECRET}&state={SECRET}")));
    let own = serde_json::from_value(serde_json::json!({"kind": "account", "account": "anna"})).expect("a task");
    redacts("DisplaySource", &DisplaySource::with_client(client, own).expect("a source"));

    let key = || VaultKey::read(KEY.as_bytes()).expect("a key");
    redacts("VaultKey", &key());
    let vault = Vault::new(dir.path(), key());
    redacts("Vault", &vault);
    let name = "anna".parse().expect("a name");
    let locked = vault.lock(&name).await.expect("a lock");
    locked.store(SECRET.as_bytes()).expect("stored");
    redacts("Locked", &locked);
    redacts("Stored", &locked.read().expect("readable").expect("an account"));

    let url: url::Url =
        format!("https://me:{SECRET}@h.example/?access_token={SECRET}&code={SECRET}").parse().expect("an address");
    let fields = vec![("client_secret", SecretString::from(SECRET))];
    redacts("Body", &Body::Form(fields.clone()));
    let request = Request::get("asks", url);
    redacts("Request", &Request { bearer: Some(SecretString::from(SECRET)), body: Body::Form(fields), ..request });
    let config = tidelake_connectors::client::ClientConfig::of(Route::DisplayApi, "anna");
    redacts("HttpClient", &HttpClient::new(grant, config, clock()).expect("a client"));
}
