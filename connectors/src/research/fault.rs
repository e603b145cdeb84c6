//! Faults of the Research API: what the classes of the client layer mean for whoever runs a research project.

use crate::client::{Class, ClientFault};
use crate::source::{Fault, FaultClass};
use tidelake_schemas::Timestamp;

/// The pause after a fault that passes by itself, where nothing says how long it lasts, in seconds.
const PAUSE: i64 = 60;

/// The fault of a request.
pub(super) fn of(fault: ClientFault, now: Timestamp) -> Fault {
    let action = match fault.class {
        Class::AuthExpired => Some("Check client_key and client_secret of the research project."),
        Class::ScopeMissing => Some("Ask TikTok for the scope research.data.basic for this client key."),
        _ => None,
    };
    let fault = Fault::from(fault);
    let passes = matches!(fault.class, FaultClass::Transient | FaultClass::Limited);
    let retry_at = fault.retry_at.or_else(|| passes.then(|| now.plus_secs(PAUSE)));
    Fault { action: action.map_or(fault.action, str::to_owned), retry_at, ..fault }
}

/// A refused search id or cursor. Often it is good, and the source is not (tiktok-surfaces §3.2): the same request is
/// answered a little later.
pub(super) fn is_stale(fault: &ClientFault) -> bool {
    let details = fault.context.details.to_lowercase();
    let search_id = details.contains("search id") || details.contains("search_id");
    fault.class == Class::RequestInvalid && (search_id || details.contains("count or cursor"))
}

/// The fault when such a refusal stayed.
pub(super) fn stale(fault: Fault, now: Timestamp) -> Fault {
    let action = "Wait; the search goes on where it stopped.".to_owned();
    // The refusal says that the request is at fault, which it is not.
    let cause = fault.cause.map(|cause| Box::new(ClientFault { class: Class::Server, ..*cause }));
    Fault { class: FaultClass::Transient, action, retry_at: Some(now.plus_secs(PAUSE)), cause, ..fault }
}

/// An answer whose form is not known.
pub(super) fn unreadable(operation: &str, message: String, requests: i32) -> Fault {
    let action = "Check base_url; if it is right, the API has changed: update tidelake.";
    Fault { requests, ..Fault::new(FaultClass::Format, operation, message, action) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Route;

    const NOW: Timestamp = Timestamp(1_710_081_000_000_000);

    fn fault(class: Class, details: &str) -> ClientFault {
        ClientFault::new(class, Route::ResearchApi, "research video/query", String::new(), details)
    }

    #[test]
    fn two_refusals_are_not_believed() {
        for (details, expected) in [
            ("HTTP 400 invalid_params: Search Id 735 is invalid or expired", true),
            ("HTTP 400 invalid_params: Invalid count or cursor", true),
            ("HTTP 400 invalid_params: user x is invalid: cannot find the user", false),
            ("HTTP 200 invalid_param: The query is malformed", false),
        ] {
            assert_eq!(is_stale(&fault(Class::RequestInvalid, details)), expected, "{details}");
        }
        assert!(!is_stale(&fault(Class::Server, "search id")));
        let stale = stale(of(fault(Class::RequestInvalid, "search id"), NOW), NOW);
        assert_eq!((stale.class, stale.retry_at), (FaultClass::Transient, Some(NOW.plus_secs(PAUSE))));
    }

    #[test]
    fn faults_say_what_to_do_and_when() {
        let scope = of(fault(Class::ScopeMissing, "no scope"), NOW);
        assert!(scope.action.contains("research.data.basic") && scope.retry_at.is_none(), "{scope}");
        assert!(of(fault(Class::AuthExpired, ""), NOW).action.contains("client_secret"));
        assert_eq!(of(fault(Class::Server, ""), NOW).retry_at, Some(NOW.plus_secs(PAUSE)));
        let asked = ClientFault { retry_at: Some(NOW), ..fault(Class::RateLimited, "") };
        assert_eq!(of(asked, NOW).retry_at, Some(NOW));
    }
}
