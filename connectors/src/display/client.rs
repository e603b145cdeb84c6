//! Requests for an account, with its token.

use super::config::DisplayConfig;
use super::fault::{self, About};
use super::oauth::OAuth;
use super::scope::Scope;
use super::session::{Access, Keeper};
use crate::client::{ClientConfig, Clock, Grant, HttpClient, Request};
use crate::source::{Fault, FaultClass};
use crate::vault::{AccountName, Vault};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tidelake_schemas::Timestamp;
use tokio::sync::OnceCell;
use url::Url;

/// A client of the Display API for all accounts of one app. Tasks share it. One HTTP client per account: TikTok counts
/// requests per account's token.
#[derive(Debug)]
pub struct DisplayClient {
    config: DisplayConfig,
    base: Url,
    dir: PathBuf,
    grant: Grant,
    clock: Clock,
    oauth: Arc<OAuth>,
    /// Opened when the first account is needed: a command may have to be run for its key.
    keeper: OnceCell<Keeper>,
    accounts: Mutex<HashMap<AccountName, Arc<Account>>>,
}

#[derive(Debug)]
struct Account {
    http: HttpClient,
    /// The version whose use is known in the vault.
    confirmed: AtomicU64,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An address is none.
    #[error("{key}: {given:?} is no http or https address: {why}. Correct it in [display].")]
    Address {
        /// The configuration's key.
        key: &'static str,
        /// As given.
        given: String,
        /// What is wrong.
        why: String,
    },
    /// The key of the accounts.
    #[error("{0}.")]
    Key(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}. Check the machine's certificates.")]
    Http(#[from] reqwest::Error),
}

/// What the requests of one poll cost.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) requests: i32,
    /// The last fault that was waited out.
    pub(super) survived: Option<String>,
}

/// A question to the API.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) operation: &'static str,
    pub(super) path: &'static str,
    pub(super) fields: &'a [&'static str],
    /// None asks with GET.
    pub(super) body: Option<Value>,
    pub(super) scope: Scope,
}

/// The data of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) data: Value,
    pub(super) at: Timestamp,
}

impl DisplayClient {
    /// A client whose accounts are in this directory. Sends nothing yet, and does not ask for the key.
    ///
    /// # Errors
    /// When an address is none, the key has no place, or TLS cannot be set up.
    pub fn new(config: DisplayConfig, dir: &Path, grant: Grant, clock: Clock) -> Result<Self, SetupError> {
        let base = address("base_url", &config.base_url)?;
        address("authorize_url", &config.authorize_url)?;
        config.key_source().map_err(SetupError::Key)?;
        let http = ClientConfig { credential: config.client_key.clone(), ..config.http.clone() };
        let http = HttpClient::new(grant, http, clock.clone())?;
        let oauth = Arc::new(OAuth::new(http, base.clone(), &config, clock.clone()));
        let (keeper, accounts) = (OnceCell::new(), Mutex::default());
        Ok(Self { config, base, dir: dir.to_owned(), grant, clock, oauth, keeper, accounts })
    }

    /// The settings.
    pub fn config(&self) -> &DisplayConfig {
        &self.config
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    pub(super) async fn keeper(&self) -> Result<&Keeper, Fault> {
        let open = || async {
            let source = self.config.key_source().map_err(|why| {
                fault::new(FaultClass::Auth, "display accounts", why, "Correct [display] in the configuration.")
            })?;
            let vault = Vault::new(&self.dir, source.key().await?);
            Ok(Keeper { oauth: Arc::clone(&self.oauth), vault, clock: self.clock.clone() })
        };
        self.keeper.get_or_try_init(open).await
    }

    /// Fresh tokens of an account.
    pub(super) async fn access(&self, account: &AccountName, spent: &mut Spent) -> Result<Access, Fault> {
        let access = self.keeper().await?.access(account).await?;
        spent.requests += access.requests;
        Ok(access)
    }

    /// Asks for an account; when its token is refused, once more with a new one.
    pub(super) async fn ask(
        &self,
        account: &AccountName,
        access: Access,
        ask: &Ask<'_>,
        spent: &mut Spent,
    ) -> Result<Answer, Fault> {
        let about = About { account: Some(account), scope: Some(ask.scope) };
        if !access.tokens.grants(ask.scope) {
            return Err(spent.fault(about.not_granted(ask.operation)));
        }
        let known = self.account(account)?;
        let refused = match known.http.send(self.request(ask, &access)).await {
            Ok(response) => return self.answered(account, &known, access.version, ask, response, spent).await,
            Err(refused) => refused,
        };
        if refused.context.code.as_deref() != Some("access_token_invalid") {
            return Err(spent.fault(about.fault(refused)));
        }
        spent.requests += i32::try_from(refused.requests).unwrap_or(i32::MAX);
        spent.survived = Some(format!("{}: {}", refused.class, refused.context.details));
        let access = self.keeper().await?.renew(account, Some(access.version)).await;
        let access = access.map_err(|refusal| spent.fault(refusal.fault))?;
        spent.requests += access.requests;
        let response = known.http.send(self.request(ask, &access)).await;
        let response = response.map_err(|refused| spent.fault(about.fault(refused)))?;
        self.answered(account, &known, access.version, ask, response, spent).await
    }

    async fn answered(
        &self,
        account: &AccountName,
        known: &Account,
        version: u64,
        ask: &Ask<'_>,
        response: crate::client::Response,
        spent: &mut Spent,
    ) -> Result<Answer, Fault> {
        spent.requests += i32::try_from(response.requests).unwrap_or(i32::MAX);
        spent.survived = response.survived.clone().or(spent.survived.take());
        if known.confirmed.load(Ordering::Relaxed) != version {
            match self.keeper().await?.confirm(account, version).await {
                Ok(true) => known.confirmed.store(version, Ordering::Relaxed),
                Ok(false) => {}
                // The answer is good all the same.
                Err(error) => tracing::warn!(%account, %error, "the version before could not be removed"),
            }
        }
        let unreadable = |what: String| spent.fault(fault::unreadable(ask.operation, what));
        let mut document: Value = response.json().map_err(|e| unreadable(format!("the answer is no JSON: {e}")))?;
        match document.get_mut("data").map(Value::take) {
            Some(data @ Value::Object(_)) => Ok(Answer { data, at: response.at }),
            _ => Err(unreadable("the answer has no data".into())),
        }
    }

    fn request(&self, ask: &Ask<'_>, access: &Access) -> Request {
        let mut url = self.base.clone();
        url.set_path(ask.path);
        url.query_pairs_mut().append_pair("fields", &ask.fields.join(","));
        let request = match &ask.body {
            Some(body) => Request::post(ask.operation, url, body.clone()),
            None => Request::get(ask.operation, url),
        };
        Request { bearer: Some(access.tokens.access_token.clone()), ..request }
    }

    fn account(&self, name: &AccountName) -> Result<Arc<Account>, Fault> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = accounts.get(name) {
            return Ok(Arc::clone(known));
        }
        let config = ClientConfig { credential: name.to_string(), ..self.config.http.clone() };
        let http = HttpClient::new(self.grant, config, self.clock.clone()).map_err(|error| {
            let message = format!("the HTTP client cannot be set up: {error}");
            fault::new(FaultClass::Request, "display", message, "Check the machine's certificates.")
        })?;
        let known = Arc::new(Account { http, confirmed: AtomicU64::new(0) });
        accounts.insert(name.clone(), Arc::clone(&known));
        Ok(known)
    }
}

impl Spent {
    /// A fault that counts what was spent before it.
    pub(super) fn fault(&self, fault: Fault) -> Fault {
        Fault { requests: fault.requests.saturating_add(self.requests), ..fault }
    }
}

fn address(key: &'static str, given: &str) -> Result<Url, SetupError> {
    crate::client::wire::address(given).map_err(|why| SetupError::Address { key, given: given.to_owned(), why })
}
