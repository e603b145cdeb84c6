//! Access tokens: out of the vault while they are fresh, renewed under the account's lock when they are not.
//!
//! The vault is the truth, and is looked into each time: another process may have renewed the account, asked its owner
//! again, or logged it out.

use super::fault::{self, About};
use super::oauth::{GONE, OAuth, Refusal};
use super::tokens::Tokens;
use crate::client::Clock;
use crate::source::{Fault, FaultClass};
use crate::vault::{AccountName, Locked, Stored, Vault, VaultError};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// A payload grows by this much at most from one version to the next, in bytes.
const GROWTH: usize = 4096;

/// Attempts to store what cannot be asked for again.
const ATTEMPTS: u32 = 5;

/// Between them.
const PAUSE: Duration = Duration::from_millis(200);

/// A poll does not wait longer than this to tidy up.
const GLANCE: Duration = Duration::from_millis(250);

/// Tokens, and the version of the account that holds them.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) version: u64,
    pub(super) tokens: Tokens,
    /// Requests it took to get them.
    pub(super) requests: i32,
}

/// Keeps the tokens of all accounts.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    pub(super) oauth: Arc<OAuth>,
    pub(super) vault: Vault,
    pub(super) clock: Clock,
}

/// Work on the disk, off the threads that wait for the network.
pub(super) async fn disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(ended(&error)),
    }
}

fn ended(error: &tokio::task::JoinError) -> Fault {
    let message = format!("a worker ended unexpectedly: {error}");
    fault::new(FaultClass::Transient, "display accounts", message, "Report this; the task goes on where it stopped.")
}

impl Keeper {
    /// Tokens that are fresh.
    pub(super) async fn access(&self, account: &AccountName) -> Result<Access, Refusal> {
        let access = self.stored(account).await?;
        if access.tokens.is_fresh(self.clock.now()) { Ok(access) } else { self.renew(account, None).await }
    }

    /// Tokens as they are in the vault.
    pub(super) async fn stored(&self, account: &AccountName) -> Result<Access, Fault> {
        let (vault, name) = (self.vault.clone(), account.clone());
        let stored = disk(move || vault.load(&name)).await?;
        read(stored.ok_or_else(|| about(account).not_logged_in())?)
    }

    /// Tokens newer than the refused version. Once begun it runs to its end, whoever gives up waiting: between TikTok's
    /// answer and the disk, the answer is all there is.
    pub(super) async fn renew(&self, account: &AccountName, refused: Option<u64>) -> Result<Access, Refusal> {
        let (keeper, account) = (self.clone(), account.clone());
        let work = tokio::spawn(async move { keeper.rotate(&account, refused).await });
        work.await.unwrap_or_else(|error| Err(ended(&error).into()))
    }

    async fn rotate(&self, account: &AccountName, refused: Option<u64>) -> Result<Access, Refusal> {
        let locked = self.vault.lock(account).await.map_err(Fault::from)?;
        let (locked, stored) = disk(move || locked.read().map(|stored| (locked, stored))).await?;
        let held = read(stored.ok_or_else(|| about(account).not_logged_in())?)?;
        let renewed = match refused {
            Some(version) => held.version > version,
            None => held.tokens.is_fresh(self.clock.now()),
        };
        if renewed {
            // While we waited for the lock.
            return Ok(held);
        }
        let size = close(&held.tokens)?.len() + GROWTH;
        let locked = disk(move || locked.reserve(size).map(|()| locked)).await?;
        let (locked, tokens, requests) = self.ask(account, locked, held.tokens).await?;
        let version = store(locked, &tokens).await?;
        tracing::info!(%account, version, "renewed the account's tokens");
        Ok(Access { version, tokens, requests })
    }

    /// Asks with the newest refresh token; where that is refused, with the one before, if it is kept.
    async fn ask(&self, account: &AccountName, locked: Locked, held: Tokens) -> Result<(Locked, Tokens, i32), Refusal> {
        let (now, about) = (self.clock.now(), about(account));
        let ended = || Refusal { fault: about.login_ended(held.refresh_until), code: Some(GONE.into()) };
        let token = held.usable_refresh(now).ok_or_else(ended)?;
        let refusal = match self.oauth.refresh(token, &held, about).await {
            Ok(tokens) => return Ok((locked, tokens, 1)),
            Err(refusal) => refusal,
        };
        if !refusal.is_gone() {
            return Err(refusal);
        }
        let (locked, previous) = disk(move || locked.previous().map(|stored| (locked, stored))).await?;
        let before = previous.and_then(|stored| Tokens::open(&stored.payload).ok());
        let other = |before: &&SecretString| before.expose_secret() != token.expose_secret();
        let Some(token) = before.as_ref().and_then(|before| before.usable_refresh(now)).filter(other) else {
            return Err(refusal);
        };
        tracing::warn!(%account, "the newest refresh token is refused; trying the one before");
        match self.oauth.refresh(token, &held, about).await {
            Ok(tokens) => Ok((locked, tokens, 2)),
            Err(Refusal { fault, code }) => {
                Err(Refusal { fault: Fault { requests: fault.requests + 1, ..fault }, code })
            }
        }
    }

    /// A version has been used: the one before is not needed any more. Left for the next time when the account is held.
    pub(super) async fn confirm(&self, account: &AccountName, version: u64) -> Result<bool, Fault> {
        let locked = match self.vault.lock_within(account, GLANCE).await {
            Ok(locked) => locked,
            Err(VaultError::Busy { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        disk(move || match locked.read()? {
            Some(stored) if stored.version == version => locked.confirm().map(|()| true),
            _ => Ok(true),
        })
        .await
    }
}

pub(super) fn about(account: &AccountName) -> About<'_> {
    About { account: Some(account), scope: None }
}

/// Stores what was just given, and tries again: it will not be given a second time.
pub(super) async fn store(locked: Locked, tokens: &Tokens) -> Result<u64, Fault> {
    let payload = Arc::new(close(tokens)?);
    let mut locked = locked;
    let mut attempt = 1;
    loop {
        let payload = Arc::clone(&payload);
        let tried;
        (locked, tried) = disk(move || {
            let tried = locked.store(&payload);
            Ok((locked, tried))
        })
        .await?;
        match tried {
            Ok(version) => return Ok(version),
            Err(error) if attempt >= ATTEMPTS => return Err(error.into()),
            Err(error) => tracing::error!(%error, "an account cannot be stored; trying again"),
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

fn close(tokens: &Tokens) -> Result<secrecy::zeroize::Zeroizing<Vec<u8>>, Fault> {
    tokens.close().map_err(|_| foreign())
}

/// A version of an account, read.
pub(super) fn read(stored: Stored) -> Result<Access, Fault> {
    // What serde says may quote what it read.
    let tokens = Tokens::open(&stored.payload).map_err(|_| foreign())?;
    Ok(Access { version: stored.version, tokens, requests: 0 })
}

fn foreign() -> Fault {
    let message = "what is stored of the account is in a form that this version does not know".to_owned();
    fault::new(FaultClass::Auth, "display accounts", message, "Update tidelake, or run `tidelake login` again.")
}
