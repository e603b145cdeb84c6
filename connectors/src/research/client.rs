//! Requests to the Research API over the shared client layer, and what only this API asks for: client tokens, patience
//! with refusals of good searches, and a quota of its own for the lists of accounts.

use super::config::{Patience, ResearchConfig};
use super::fault::{self, is_stale, unreadable};
use super::request::{Purse, Refusal, Reply, Request};
use super::source::SetupError;
use super::token::{Token, TokenSource};
use crate::client::budget::{Priority, reset_after};
use crate::client::fault::Group;
use crate::client::lease::LendError;
use crate::client::{
    Class, ClientFault, Clock, HttpClient, Lender, Profile, Request as HttpRequest, Response, Route, Snapshot,
    ToldClock, wire,
};
use crate::source::Fault;
use reqwest::Method;
use std::sync::Arc;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use url::Url;

/// A client of one research project. Tasks that share it share its token, its rate and its quota.
#[derive(Debug)]
pub struct ResearchClient {
    config: ResearchConfig,
    base: Url,
    tokens: TokenSource,
    common: HttpClient,
    follows: HttpClient,
    /// For what no quota counts: tokens, and batch compliance where the configuration says so.
    uncounted: Arc<HttpClient>,
    told: ToldClock,
    clock: Clock,
}

impl ResearchClient {
    /// A client. Sends nothing yet. Its time is that of the polls.
    ///
    /// # Errors
    /// When the address is none or the TLS library cannot be set up.
    pub fn new(config: ResearchConfig) -> Result<Self, SetupError> {
        Self::going_by(config, ToldClock::default())
    }

    /// As [`Self::new`], with a clock of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn going_by(config: ResearchConfig, told: ToldClock) -> Result<Self, SetupError> {
        let given = &config.base_url;
        let base = wire::address(given).map_err(|why| SetupError::Address { given: given.clone(), why })?;
        let grant = Profile::Research.grant(Route::ResearchApi, None)?;
        let client = |budget| HttpClient::new(grant, config.http(budget), told.clock());
        let [common, follows] = config.budgets();
        let (common, follows) = (client(Some(common))?, client(Some(follows))?);
        let uncounted = Arc::new(client(None)?);
        let url = at(&base, "v2/oauth/token/");
        let tokens = TokenSource::new(Arc::clone(&uncounted), told.clock(), url, &config);
        let clock = told.clock();
        Ok(Self { config, base, tokens, common, follows, uncounted, told, clock })
    }

    /// Spends only what this lender lends: processes that share it share the quota, and a restart goes on with it.
    #[must_use]
    pub fn with_lender(self, lender: &Arc<dyn Lender>) -> Self {
        let common = self.common.with_lender(Arc::clone(lender));
        let follows = self.follows.with_lender(Arc::clone(lender));
        Self { common, follows, ..self }
    }

    /// Gives back what was lent and is not spent, at an orderly end.
    ///
    /// # Errors
    /// When the lender cannot be told; it then counts as spent.
    pub async fn give_back(&self) -> Result<(), LendError> {
        self.common.give_back().await?;
        self.follows.give_back().await
    }

    /// What it is doing: requests under the common quota, and under that of the lists of accounts.
    pub fn snapshots(&self) -> [Snapshot; 2] {
        [self.common.snapshot(), self.follows.snapshot()]
    }

    /// It is this time now.
    pub(super) fn tell(&self, now: Timestamp) {
        self.told.tell(now);
    }

    /// Where a request is sent, and what it may use of the quota.
    fn purse(&self, purse: Purse) -> (&HttpClient, Priority) {
        match purse {
            Purse::Common => (&self.common, Priority::Normal),
            Purse::Follows => (&self.follows, Priority::Normal),
            Purse::Validation if self.config.validation_in_quota => (&self.common, Priority::High),
            Purse::Validation => (&self.uncounted, Priority::High),
        }
    }

    /// How faults are waited out.
    pub(super) fn patience(&self) -> &Patience {
        &self.config.patience
    }

    /// Asks for a new token: says whether the credentials are good, without spending quota.
    pub(super) async fn check_credentials(&self) -> Result<(), Fault> {
        self.tokens.fresh().await.map(|_| ())
    }

    /// Sends a request until there is an answer or a fault outlasts its budget.
    pub(super) async fn call<T>(&self, request: &Request<'_, T>) -> Reply<T> {
        let (mut run, mut refused) = (Run::default(), 0);
        loop {
            let outcome = self.attempt(request, &mut run).await;
            if let Err(Refusal::Stale(fault)) = &outcome {
                refused += 1;
                if let Some(delay) = stale_delay(&self.config.patience, refused) {
                    tracing::info!(route = request.route, fault = fault.message, wait = ?delay, "waiting out a fault");
                    run.survived = Some(fault.message.clone());
                    self.clock.sleep(delay).await;
                    continue;
                }
            }
            return Reply { requests: run.requests, survived: run.survived, at: self.clock.now(), outcome };
        }
    }

    /// One request; two when its token is refused.
    async fn attempt<T>(&self, request: &Request<'_, T>, run: &mut Run) -> Result<T, Refusal> {
        let token = self.tokens.get().await.map_err(|fault| run.no_token(fault))?;
        let refused = match self.send(request, &token, run).await {
            Err(refused) if refused.class == Class::AuthExpired && !run.renewed => refused,
            answer => return self.read(request, answer, run),
        };
        run.renewed = true;
        run.survived = Some(format!("{}: {}", refused.class, refused.context.details));
        let token = self.tokens.replace(&token).await.map_err(|fault| run.no_token(fault))?;
        let answer = self.send(request, &token, run).await;
        self.read(request, answer, run)
    }

    async fn send<T>(&self, request: &Request<'_, T>, token: &Token, run: &mut Run) -> Result<Response, ClientFault> {
        let mut url = at(&self.base, &format!("v2/research/{}/", request.route));
        if !request.fields.is_empty() {
            url.query_pairs_mut().append_pair("fields", request.fields);
        }
        let (http, priority) = self.purse(request.purse);
        let answer = http
            .send(HttpRequest {
                body: request.body.body(),
                bearer: Some(token.secret.clone()),
                priority,
                expect: request.expect(),
                hands_on: if request.narrowable { &[Class::Timeout] } else { &[] },
                ..HttpRequest::new(request.operation(), Method::POST, url)
            })
            .await;
        let requests = answer.as_ref().map_or_else(|fault| fault.requests, |answer| answer.requests);
        run.requests = run.requests.saturating_add(i32::try_from(requests).unwrap_or(i32::MAX));
        answer
    }

    fn read<T>(
        &self,
        request: &Request<'_, T>,
        answer: Result<Response, ClientFault>,
        run: &mut Run,
    ) -> Result<T, Refusal> {
        let answer = answer.map_err(|fault| self.refusal(fault, request.narrowable, run.requests))?;
        run.survived = answer.survived.or(run.survived.take());
        let told = |why| Refusal::Fault(unreadable(&request.operation(), why, run.requests));
        (request.open)(&answer.body).map_err(told)
    }

    /// What is left to do about a fault that was not waited out.
    fn refusal(&self, refused: ClientFault, narrowable: bool, requests: i32) -> Refusal {
        let (now, class, stale) = (self.clock.now(), refused.class, is_stale(&refused));
        if class == Class::Quota {
            let message = format!("{}: {}", refused.context.message, refused.context.details);
            return Refusal::Quota(message, refused.retry_at.unwrap_or_else(|| reset_after(now)));
        }
        let fault = Fault { requests, ..fault::of(refused, now) };
        match class.group() {
            Group::Request if stale => Refusal::Stale(fault::stale(fault, now)),
            Group::Request | Group::Entity => Refusal::Request(fault),
            Group::Trouble if narrowable && class == Class::Timeout => Refusal::Timeout(fault),
            _ => Refusal::Fault(fault),
        }
    }
}

/// The address of a path of the API.
fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(path);
    url
}

/// What one call has cost so far.
#[derive(Default)]
struct Run {
    requests: i32,
    survived: Option<String>,
    renewed: bool,
}

impl Run {
    fn no_token(&self, fault: Fault) -> Refusal {
        Refusal::Fault(Fault { requests: self.requests, ..fault })
    }
}

/// How long to wait after the n-th refusal of a search id or cursor before the same request is sent again.
fn stale_delay(patience: &Patience, refused: u32) -> Option<Duration> {
    (refused < patience.stale_attempts).then(|| patience.stale_delay * refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_search_id_is_repeated_with_growing_delay() {
        let waits = (1..9).map_while(|refused| stale_delay(&Patience::default(), refused));
        assert_eq!(waits.map(|wait| wait.as_secs()).collect::<Vec<_>>(), [5, 10, 15, 20, 25]);
    }
}
