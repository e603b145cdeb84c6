//! Faults of the Graph API: what its codes mean for whoever runs tidelake, and what to do
//! (developers.facebook.com/docs/graph-api/guides/error-handling).

use crate::client::{Class, ClientFault};
use crate::source::{Fault, FaultClass};

/// The fault of a request, with what to do about it.
pub(super) fn of(refused: ClientFault) -> Fault {
    let action = match refused.class {
        Class::AuthExpired => Some(
            "Get a new page access token (a long-lived one does not end by itself, but with a changed password or a \
             withdrawn permission) and put it into [facebook] access_token (or access_token_file).",
        ),
        Class::ScopeMissing => Some(
            "Let the app have pages_read_engagement for this page, and the token's person the task CREATE_CONTENT; then get a \
             new token.",
        ),
        Class::NotFound => Some("Check the page's id, and that the token is of this page."),
        Class::RateLimited => Some(
            "Wait: calls while throttled prolong it. Raise `every` of the tasks, or let fewer apps use the page, if this \
             comes often.",
        ),
        Class::RequestInvalid => Some(
            "Check [facebook] version and the task; the answer names what it does not know. Facebook may also have \
             changed: update tidelake.",
        ),
        _ => None,
    };
    let fault = Fault::from(refused);
    let action = action.map_or_else(|| fault.action.clone(), str::to_owned);
    Fault { action, ..fault }
}

/// An answer in a form that is not known.
pub(super) fn unreadable(operation: &str, what: &str) -> Fault {
    let action = "Check [facebook] base_url; if it is right, the API has changed: update tidelake.";
    Fault::new(FaultClass::Format, operation, what, action)
}
