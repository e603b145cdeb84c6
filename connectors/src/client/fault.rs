//! What went wrong with a request, for programs (class, recovery) and for people (message, details, actions).

use super::fault_text::text;
use super::profile::Route;
use crate::source;
use serde::Serialize;
use tidelake_schemas::Timestamp;

/// Texts of the source are cut to this many characters.
const TEXT_LIMIT: usize = 300;

/// What went wrong. A block, an empty list and an entity that is not there are three things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Too many requests for the moment.
    RateLimited,
    /// The daily quota is spent.
    Quota,
    /// The token is absent, wrong or expired.
    AuthExpired,
    /// The app or the user lacks a scope: no token helps.
    ScopeMissing,
    /// The entity does not exist.
    NotFound,
    /// The entity exists and is not public.
    Private,
    /// The entity was removed.
    Deleted,
    /// The entity is not shown in this region.
    Region,
    /// The entity is shown to grown-ups who are logged in.
    AgeGated,
    /// A login is wanted.
    LoginWall,
    /// A captcha is wanted.
    Captcha,
    /// A firewall's challenge page.
    Waf,
    /// HTTP 403 without a reason that is known.
    Forbidden,
    /// HTTP 200 with nothing in it: no body, or an item or list that must be there and is not.
    EmptyAnswer,
    /// The page before came again.
    RepeatedPage,
    /// We do not send it now: the route has refused us, and rests.
    Resting,
    /// The service says that it is away.
    Maintenance,
    /// The server is in trouble.
    Server,
    /// No connection, or it broke.
    Network,
    /// The connection cannot be trusted.
    Tls,
    /// No answer in time.
    Timeout,
    /// The answer is not in any known form.
    FormatDrift,
    /// The request itself is refused.
    RequestInvalid,
    /// We do not send it: robots.txt or the profile forbids it.
    Policy,
    /// We do not send it now: the route has failed too often, and the circuit breaker is open.
    CircuitOpen,
}

/// Classes that are treated alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Rate and quota: passes with time.
    Limit,
    /// A person must see to the credential.
    Credential,
    /// A fact about the entity, no fault of the route.
    Entity,
    /// The route refuses us.
    Block,
    /// Of the server or the way to it.
    Trouble,
    /// The form of the answer.
    Format,
    /// The request is wrong.
    Request,
    /// Not sent, by our own rules.
    Policy,
    /// Not sent, for now.
    Circuit,
}

/// What may help, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The same request again, after a while.
    RetryLater,
    /// The next allowed route.
    NextRoute,
    /// A new token.
    RenewCredential,
    /// Another configuration.
    ChangeConfiguration,
    /// Another request.
    ChangeRequest,
    /// A newer tidelake.
    Update,
    /// Nothing: this is the answer.
    Accept,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 25] = [
        Self::RateLimited,
        Self::Quota,
        Self::AuthExpired,
        Self::ScopeMissing,
        Self::NotFound,
        Self::Private,
        Self::Deleted,
        Self::Region,
        Self::AgeGated,
        Self::LoginWall,
        Self::Captcha,
        Self::Waf,
        Self::Forbidden,
        Self::EmptyAnswer,
        Self::RepeatedPage,
        Self::Resting,
        Self::Maintenance,
        Self::Server,
        Self::Network,
        Self::Tls,
        Self::Timeout,
        Self::FormatDrift,
        Self::RequestInvalid,
        Self::Policy,
        Self::CircuitOpen,
    ];

    /// As written into logs, metrics and ledgers.
    pub fn name(self) -> &'static str {
        text(self).name
    }

    /// How it is treated.
    pub fn group(self) -> Group {
        match self {
            Self::RateLimited | Self::Quota => Group::Limit,
            Self::AuthExpired | Self::ScopeMissing => Group::Credential,
            Self::NotFound | Self::Private | Self::Deleted | Self::Region | Self::AgeGated => Group::Entity,
            Self::LoginWall | Self::Captcha | Self::Waf | Self::Forbidden => Group::Block,
            Self::EmptyAnswer | Self::RepeatedPage | Self::Resting => Group::Block,
            Self::Maintenance | Self::Server | Self::Network | Self::Tls | Self::Timeout => Group::Trouble,
            Self::FormatDrift => Group::Format,
            Self::RequestInvalid => Group::Request,
            Self::Policy => Group::Policy,
            Self::CircuitOpen => Group::Circuit,
        }
    }

    /// Worth the same request again within minutes. A certificate does not mend itself.
    pub fn passes_by_itself(self) -> bool {
        match self.group() {
            Group::Trouble => self != Self::Tls,
            _ => self == Self::RateLimited,
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A request that brought no answer, and what to do about it. Carries no secret.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
#[error("{} failed: {}: {}", .context.operation, .context.message, .context.details)]
pub struct ClientFault {
    /// What went wrong.
    pub class: Class,
    /// Not before this instant, where that is known.
    pub retry_at: Option<Timestamp>,
    /// Requests spent, retries included.
    pub requests: u32,
    /// The rest.
    #[serde(flatten)]
    pub context: Box<FaultContext>,
}

/// The circumstances of a fault.
#[derive(Clone, Debug, Serialize)]
pub struct FaultContext {
    /// The route.
    pub route: Route,
    /// What was being done, e.g. `research video/query`.
    pub operation: String,
    /// What was asked, without secrets.
    pub url: String,
    /// For a person who knows nothing of HTTP.
    pub message: &'static str,
    /// For a person who does: status, the source's own words, the sign that was recognised.
    pub details: String,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The source's own error code, where it gave one.
    pub code: Option<String>,
    /// What may help, for programs.
    pub recovery: &'static [Recovery],
    /// What to do next: full sentences, the best first.
    pub actions: &'static [&'static str],
}

impl ClientFault {
    /// A fault of this class. `url` and `details` must be free of secrets; details are cut at 300 characters.
    pub fn new(class: Class, route: Route, operation: &str, url: String, details: &str) -> Self {
        let text = text(class);
        let context = FaultContext {
            route,
            operation: operation.to_owned(),
            url,
            message: text.message,
            details: cut(details),
            status: None,
            code: None,
            recovery: text.recovery,
            actions: text.actions,
        };
        Self { class, retry_at: None, requests: 0, context: Box::new(context) }
    }
}

/// The first characters of a text of the source.
fn cut(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

impl From<ClientFault> for source::Fault {
    fn from(fault: ClientFault) -> Self {
        let context = &fault.context;
        let class = match fault.class.group() {
            Group::Trouble | Group::Circuit => source::FaultClass::Transient,
            Group::Limit => source::FaultClass::Limited,
            Group::Block => source::FaultClass::Blocked,
            Group::Credential => source::FaultClass::Auth,
            Group::Entity | Group::Request | Group::Policy => source::FaultClass::Request,
            Group::Format => source::FaultClass::Format,
        };
        Self {
            class,
            message: format!("{}: {}", context.message, context.details),
            action: context.actions.first().copied().unwrap_or_default().to_owned(),
            operation: context.operation.clone(),
            retry_at: fault.retry_at,
            requests: i32::try_from(fault.requests).unwrap_or(i32::MAX),
            cause: Some(Box::new(fault)),
        }
    }
}

#[cfg(test)]
#[path = "tests/fault.rs"]
mod tests;
