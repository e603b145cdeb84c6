//! Faults of the Data API: what its reasons mean for whoever runs tidelake, and what to do.

use super::client::Method;
use crate::client::{Class, ClientFault};
use crate::source::{Fault, FaultClass};
use crate::turn::Turn;

const KEY: &str = "Check [youtube] api_key (or api_key_file) in the Google Cloud console; a key may also have expired.";
const ENABLE: &str = "Enable the YouTube Data API v3 for the key's project in the Google Cloud console.";
const RESTRICTED: &str = "Let the key be used for the YouTube Data API v3 and from this machine: its restrictions stand \
                          in the Google Cloud console.";

/// What to do, by reason.
const ADVICE: [(&str, &str); 8] = [
    ("keyInvalid", KEY),
    ("keyExpired", KEY),
    ("API_KEY_INVALID", KEY),
    ("accessNotConfigured", ENABLE),
    ("SERVICE_DISABLED", ENABLE),
    ("ipRefererBlocked", RESTRICTED),
    ("API_KEY_SERVICE_BLOCKED", RESTRICTED),
    ("API_KEY_IP_ADDRESS_BLOCKED", RESTRICTED),
];

/// A request that brought no answer.
#[derive(Debug)]
pub(super) struct Refused {
    /// The reason, where the API gave one.
    pub(super) reason: Option<String>,
    /// Requests spent on it alone.
    pub(super) requests: i32,
    /// With what was spent before it in the same poll.
    pub(super) fault: Fault,
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        refused.fault
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self { reason: None, requests: 0, fault }
    }
}

/// What became of a request, with what to do about it.
pub(super) fn of(refused: ClientFault, turn: &Turn<'_>) -> Refused {
    let reason = refused.context.code.clone();
    let requests = i32::try_from(refused.requests).unwrap_or(i32::MAX);
    let action = advice(&refused);
    let fault = Fault::from(refused);
    let action = action.map_or_else(|| fault.action.clone(), str::to_owned);
    Refused { reason, requests, fault: turn.fault(Fault { action, ..fault }) }
}

fn advice(refused: &ClientFault) -> Option<&'static str> {
    let advised = ADVICE.iter().find(|(reason, _)| refused.context.code.as_deref() == Some(*reason));
    match (advised, refused.class) {
        (Some((_, action)), _) => Some(*action),
        (None, Class::Quota) => Some(
            "Wait for midnight of the Pacific coast, when the quotas are free again; raise [youtube] daily_units or \
             daily_searches if the project has more.",
        ),
        (None, Class::AuthExpired) => Some(KEY),
        _ => None,
    }
}

/// An answer in a form that is not known.
pub(super) fn unreadable(method: Method, what: &str) -> Fault {
    let action = "Check [youtube] base_url; if it is right, the API has changed: update tidelake.";
    Fault::new(FaultClass::Format, format!("youtube {}", method.route()), what, action)
}

/// The page that was asked for came twice: its token leads to itself.
pub(super) fn stuck(method: Method) -> Fault {
    let (operation, action) = (format!("youtube {}", method.route()), "Wait; the task goes on where it stopped.");
    Fault::new(FaultClass::Limited, operation, "the next page is the one before", action)
}
