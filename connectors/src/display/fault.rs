//! Faults of the Display API: what TikTok's codes mean for whoever runs tidelake, and what to do.

use super::scope::Scope;
use crate::client::ClientFault;
use crate::source::{Fault, FaultClass};
use crate::vault::{AccountName, VaultError};
use tidelake_schemas::Timestamp;

/// What to do about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advice {
    /// The owner must agree again.
    Login,
    /// The owner did not grant a scope.
    Grant,
    /// The app does not have a scope.
    App,
    /// Client key or secret are wrong.
    Credentials,
    /// The owner said no.
    Consent,
    /// What is asked for is wrong.
    Task,
    /// The rate per minute.
    Minute,
    /// The quota per day.
    Day,
    /// The server.
    Wait,
    /// We are wrong.
    Update,
}

/// Every code of the reference (tiktok-surfaces §1 and §2).
const CODES: [(&str, Advice); 20] = [
    ("access_token_invalid", Advice::Login),
    ("scope_not_authorized", Advice::Grant),
    ("scope_permission_missed", Advice::App),
    ("invalid_params", Advice::Task),
    ("invalid_param", Advice::Task),
    ("invalid_request", Advice::Task),
    ("invalid_file_upload", Advice::Task),
    ("rate_limit_exceeded", Advice::Minute),
    ("daily_quota_limit_exceeded", Advice::Day),
    ("timeout", Advice::Wait),
    ("internal_error", Advice::Wait),
    ("server_error", Advice::Wait),
    ("temporarily_unavailable", Advice::Wait),
    ("access_denied", Advice::Consent),
    ("invalid_client", Advice::Credentials),
    ("unauthorized_client", Advice::Credentials),
    ("invalid_grant", Advice::Login),
    ("invalid_scope", Advice::App),
    ("unsupported_grant_type", Advice::Update),
    ("unsupported_response_type", Advice::Update),
];

/// Who and what a request was for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    pub(super) account: Option<&'a AccountName>,
    pub(super) scope: Option<Scope>,
}

impl About<'_> {
    /// The fault of a request, with what to do about it.
    pub(super) fn fault(&self, fault: ClientFault) -> Fault {
        let code = fault.context.code.clone();
        let fault = Fault::from(fault);
        match code.and_then(|code| self.advice(&code)) {
            Some(action) => Fault { action, ..fault },
            None => fault,
        }
    }

    /// What to do about a code that TikTok gives.
    pub(super) fn advice(&self, code: &str) -> Option<String> {
        let advice = CODES.iter().find(|(known, _)| *known == code).map(|(_, advice)| *advice)?;
        Some(match advice {
            Advice::Login => format!("Run `{}` again.", self.login()),
            Advice::Grant => {
                let scope = self.scope.map_or("the scope".into(), |scope| format!("scope {scope}"));
                format!("Ask the owner for {scope}: run `{}` again and leave it ticked.", self.login())
            }
            Advice::App => {
                let scope = self.scope.map_or("the scopes".into(), |scope| format!("scope {scope}"));
                let login = self.login();
                format!("Ask for {scope} for this app on developers.tiktok.com, then run `{login}` again.")
            }
            Advice::Credentials => {
                "Check [display] client_key and client_secret (or client_secret_file), and that the app is live.".into()
            }
            Advice::Consent => format!("The owner declined; run `{}` again when they agree.", self.login()),
            Advice::Task => "Correct the task; TikTok will refuse it again as it is.".into(),
            Advice::Minute => "Wait a minute: 600 requests a minute are allowed, and the rate has been lowered.".into(),
            Advice::Day => "Wait for 00:00 UTC, when the daily quota is free again.".into(),
            Advice::Wait => "Wait; the task goes on where it stopped.".into(),
            Advice::Update => "Update tidelake; if there is no newer one, report this.".into(),
        })
    }

    fn login(&self) -> String {
        self.account.map_or("tidelake login".into(), |account| format!("tidelake login --account {account}"))
    }

    /// There is no such account.
    pub(super) fn not_logged_in(&self) -> Fault {
        let name = self.account.map_or_else(String::new, |account| format!(" {account}"));
        self.auth("display accounts", format!("there is no account{name}"), format!("Run `{}`.", self.login()))
    }

    /// The refresh token is known to have ended.
    pub(super) fn login_ended(&self, at: Option<Timestamp>) -> Fault {
        let message = match at {
            Some(at) => format!("the owner's consent ended on {at}"),
            None => "the access token ended, and TikTok gave no refresh token".into(),
        };
        self.auth("display oauth/token", message, format!("Run `{}` again.", self.login()))
    }

    /// A scope was not granted, which is known without asking.
    pub(super) fn not_granted(&self, operation: &str) -> Fault {
        let scope = self.scope.map_or("a scope", Scope::name);
        let action = self.advice("scope_not_authorized").unwrap_or_default();
        self.auth(operation, format!("the owner did not grant scope {scope}"), action)
    }

    fn auth(&self, operation: &str, message: String, action: String) -> Fault {
        new(FaultClass::Auth, operation, message, action)
    }
}

pub(super) fn new(class: FaultClass, operation: &str, message: String, action: impl Into<String>) -> Fault {
    Fault::new(class, operation, message, action)
}

/// An answer in a form that is not known.
pub(super) fn unreadable(operation: &str, what: impl Into<String>) -> Fault {
    let action = "Check [display] base_url; if it is right, the API has changed: update tidelake.";
    new(FaultClass::Format, operation, what.into(), action)
}

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        let class = match &error {
            VaultError::Busy { .. } | VaultError::Io { .. } => FaultClass::Transient,
            _ => FaultClass::Auth,
        };
        // The error's own words end with what to do.
        let text = error.to_string();
        let (message, action) = text.split_once(". ").unwrap_or((&text, "See `tidelake accounts`"));
        new(class, "display accounts", message.to_owned(), format!("{}.", action.trim_end_matches('.')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_advice() {
        let account: AccountName = "anna".parse().expect("a name");
        let about = About { account: Some(&account), scope: Some(Scope::VideoList) };
        for (code, _) in CODES {
            let advice = about.advice(code).expect("advice");
            assert!(advice.ends_with('.') && advice.len() > 20, "{code}: {advice}");
        }
        assert_eq!(about.advice("invalid_grant").as_deref(), Some("Run `tidelake login --account anna` again."));
        assert!(about.advice("scope_not_authorized").is_some_and(|text| text.contains("scope video.list")));
        assert!(about.advice("scope_permission_missed").is_some_and(|text| text.contains("developers.tiktok.com")));
        assert_eq!(about.advice("something_new"), None);
    }
}
