//! Logging in and out: the authorise address with PKCE, the redirect, the list of accounts, revocation.

use super::client::{Ask, DisplayClient, Spent};
use super::fault;
use super::scope::Scope;
use super::session::{self, Access, about, disk};
use super::tokens::Tokens;
use crate::reading::opt_str;
use crate::source::{Fault, FaultClass};
use crate::vault::{AccountName, Vault};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write;
use tidelake_schemas::Timestamp;
use url::Url;

const OPERATION: &str = "display login";

/// A login that waits for its redirect.
pub struct LoginAttempt {
    url: Url,
    redirect_uri: String,
    asked: Vec<Scope>,
    state: SecretString,
    pub(super) verifier: SecretString,
}

/// The parameters that TikTok's page adds to the redirect address.
#[derive(Clone)]
pub struct Callback(Vec<(String, String)>);

/// An account that was logged in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The account as it is now stored.
    pub account: AccountState,
    /// Scopes that were asked for and not granted.
    pub declined: Vec<Scope>,
    /// The name was in use by the same owner: their tokens were replaced.
    pub renewed: bool,
}

/// What may be shown of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Its name here.
    pub name: AccountName,
    /// Its handle, where the owner granted `user.info.profile`.
    pub username: Option<String>,
    /// Its shown name.
    pub display_name: Option<String>,
    /// What the owner granted.
    pub scopes: Vec<String>,
    /// When the owner agreed.
    pub granted_at: Timestamp,
    /// When the access token ends; it is renewed before.
    pub access_until: Option<Timestamp>,
    /// When the owner must agree again, unless it is renewed before.
    pub refresh_until: Option<Timestamp>,
}

/// What became of an owner's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// TikTok has taken it back.
    Revoked,
    /// TikTok did not know it any more.
    Gone,
}

impl std::fmt::Debug for LoginAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginAttempt").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl LoginAttempt {
    /// Where the owner agrees.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Callback {
    /// Reads the query of the redirect, without its `?`.
    pub fn read(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether it answers this attempt. What does not is no part of the login, and is to be ignored.
    pub fn answers(&self, attempt: &LoginAttempt) -> bool {
        let (given, sent) = (self.get("state").unwrap_or_default(), attempt.state.expose_secret());
        verify_slices_are_equal(given.as_bytes(), sent.as_bytes()).is_ok()
    }
}

impl DisplayClient {
    /// Begins a login: the address of TikTok's page, with a state and a PKCE challenge of its own.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn begin_login(&self, scopes: &[Scope], redirect_uri: &str) -> Result<LoginAttempt, Fault> {
        let (state, verifier) = (random()?, random()?);
        let mut url = Url::parse(&self.config().authorize_url)
            .map_err(|e| fault::unreadable(OPERATION, format!("[display] authorize_url is no address: {e}")))?;
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        // TikTok's challenge is the hash in hexadecimal digits, where RFC 7636 has base64url (tiktok-surfaces §2).
        let challenge = hex(digest(&SHA256, verifier.expose_secret().as_bytes()).as_ref());
        url.query_pairs_mut()
            .append_pair("client_key", &self.config().client_key)
            .append_pair("scope", &names.join(","))
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state.expose_secret())
            .append_pair("code_challenge", challenge.expose_secret())
            .append_pair("code_challenge_method", "S256");
        Ok(LoginAttempt { url, redirect_uri: redirect_uri.to_owned(), asked: scopes.to_vec(), state, verifier })
    }

    /// Ends a login: checks the redirect, takes the tokens and stores them under a name.
    ///
    /// # Errors
    /// When the redirect belongs to another login, the owner declined, TikTok refuses, or the name belongs to another
    /// owner.
    pub async fn finish_login(
        &self,
        attempt: LoginAttempt,
        callback: &Callback,
        name: &AccountName,
    ) -> Result<LoggedIn, Fault> {
        let code = check(&attempt, callback, name)?;
        let keeper = self.keeper().await?;
        let granted = self.oauth().exchange(code, &attempt.redirect_uri, attempt.verifier).await;
        let tokens = granted.map_err(|refusal| refusal.fault)?;
        let declined = attempt.asked.into_iter().filter(|scope| !tokens.grants(*scope)).collect();
        let locked = keeper.vault.lock(name).await?;
        let (locked, before) = disk(move || locked.read().map(|stored| (locked, stored))).await?;
        let before = before.map(session::read).transpose()?;
        if before.as_ref().is_some_and(|before| before.tokens.open_id != tokens.open_id) {
            let message = format!("the name {name} belongs to another TikTok account");
            let action = format!("Choose another --account, or run `tidelake logout {name}` first.");
            return Err(fault::new(FaultClass::Auth, OPERATION, message, action));
        }
        let version = session::store(locked, &tokens).await?;
        let tokens = self.named(name, Access { version, tokens, requests: 0 }).await;
        Ok(LoggedIn { account: AccountState::of(name, &tokens), declined, renewed: before.is_some() })
    }

    /// Asks who the account is and keeps that with it. Who cannot be asked stays without a name.
    async fn named(&self, name: &AccountName, access: Access) -> Tokens {
        let mut tokens = access.tokens.clone();
        let fields = user_fields(&tokens);
        let ask = Ask {
            operation: "display user/info",
            path: "v2/user/info/",
            fields: &fields,
            body: None,
            scope: Scope::UserInfoBasic,
        };
        let told = self.ask(name, access, &ask, &mut Spent::default()).await;
        let Some(user) = told.ok().and_then(|answer| answer.data.get("user").cloned()) else { return tokens };
        tokens.username = opt_str(&user, "username");
        tokens.display_name = opt_str(&user, "display_name");
        if let Err(error) = self.keep_names(name, &tokens).await {
            tracing::warn!(account = %name, %error, "the account's names could not be stored");
        }
        tokens
    }

    async fn keep_names(&self, name: &AccountName, named: &Tokens) -> Result<(), Fault> {
        let locked = self.keeper().await?.vault.lock(name).await?;
        let (locked, stored) = disk(move || locked.read().map(|stored| (locked, stored))).await?;
        // Somebody may have renewed it meanwhile: only the names are ours.
        let Some(mut tokens) = stored.map(session::read).transpose()?.map(|access| access.tokens) else {
            return Ok(());
        };
        (tokens.username, tokens.display_name) = (named.username.clone(), named.display_name.clone());
        session::store(locked, &tokens).await.map(drop)
    }

    /// Every account, or why it cannot be read.
    ///
    /// # Errors
    /// When the directory cannot be read or there is no key.
    pub async fn accounts(&self) -> Result<Vec<(AccountName, Result<AccountState, Fault>)>, Fault> {
        let dir = self.dir().to_owned();
        let names = disk(move || Vault::names(&dir)).await?;
        let mut accounts = Vec::with_capacity(names.len());
        for name in names {
            let stored = self.keeper().await?.stored(&name).await;
            let state = stored.map(|access| AccountState::of(&name, &access.tokens));
            accounts.push((name, state));
        }
        Ok(accounts)
    }

    /// Takes an owner's consent back and removes the account.
    ///
    /// # Errors
    /// When there is no such account, or TikTok cannot be told; the account then stays.
    pub async fn logout(&self, name: &AccountName) -> Result<Revocation, Fault> {
        let keeper = self.keeper().await?;
        // An access token that has ended cannot be revoked, and its refresh token would live on.
        let outcome = match keeper.access(name).await {
            Ok(access) => match self.oauth().revoke(&access.tokens.access_token, about(name)).await {
                Ok(()) => Revocation::Revoked,
                Err(refusal) if refusal.is_gone() => Revocation::Gone,
                Err(refusal) => return Err(refusal.fault),
            },
            Err(refusal) if refusal.is_gone() => Revocation::Gone,
            Err(refusal) => return Err(refusal.fault),
        };
        let locked = keeper.vault.lock(name).await?;
        disk(move || locked.remove()).await?;
        Ok(outcome)
    }
}

impl AccountState {
    fn of(name: &AccountName, tokens: &Tokens) -> Self {
        Self {
            name: name.clone(),
            username: tokens.username.clone(),
            display_name: tokens.display_name.clone(),
            scopes: tokens.scopes.clone(),
            granted_at: tokens.granted_at,
            access_until: tokens.access_until,
            refresh_until: tokens.refresh_until,
        }
    }
}

/// The fields of `user/info` that an account's scopes open.
pub(super) fn user_fields(tokens: &Tokens) -> Vec<&'static str> {
    let granted = Scope::ALL.into_iter().filter(|scope| tokens.grants(*scope));
    granted.flat_map(|scope| scope.user_fields().iter().copied()).collect()
}

/// The code of a redirect that answers this attempt.
fn check(attempt: &LoginAttempt, callback: &Callback, name: &AccountName) -> Result<SecretString, Fault> {
    let again = format!("Run `tidelake login --account {name}` again.");
    let refuse = |message: String, action: String| fault::new(FaultClass::Auth, OPERATION, message, action);
    if !callback.answers(attempt) {
        return Err(refuse("the redirect does not belong to this login: its state is another".into(), again));
    }
    if let Some(code) = callback.get("error") {
        let says: String = callback.get("error_description").unwrap_or_default().chars().take(200).collect();
        let action = about(name).advice(code).unwrap_or(again);
        return Err(refuse(format!("TikTok's page answered {code}: {says}"), action));
    }
    let code = callback.get("code").map(SecretString::from);
    code.ok_or_else(|| refuse("the redirect carries no code".into(), again))
}

/// 256 random bits as text that addresses and verifiers may hold (RFC 7636 §4.1: 43 to 128 unreserved characters).
fn random() -> Result<SecretString, Fault> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        let message = "the machine gives no random numbers".to_owned();
        fault::new(FaultClass::Transient, OPERATION, message, "Check that /dev/urandom can be read.")
    })?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> SecretString {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    SecretString::from(text)
}
