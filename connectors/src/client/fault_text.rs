//! The words for each class of fault. No text advises to get around a refusal.

use super::fault::Class;
use super::fault::Recovery::{
    self, Accept, ChangeConfiguration, ChangeRequest, NextRoute, RenewCredential, RetryLater, Update,
};

/// The words for one class.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) name: &'static str,
    pub(super) message: &'static str,
    pub(super) recovery: &'static [Recovery],
    pub(super) actions: &'static [&'static str],
}

const fn words(
    name: &'static str,
    message: &'static str,
    recovery: &'static [Recovery],
    actions: &'static [&'static str],
) -> Text {
    Text { name, message, recovery, actions }
}

const BLOCK: &[Recovery] = &[NextRoute, RetryLater];

/// What every block asks for.
const LEAVE: &str = "Leave this route alone until its next probe; another allowed route of the task is used meanwhile.";
const OTHER_WAY: &str = "Get the data another way: the official APIs, oEmbed, or an import of files.";

/// The words for a class.
pub(super) fn text(class: Class) -> Text {
    match class {
        Class::RateLimited => words(
            "rate_limited",
            "the source asks for fewer requests",
            &[RetryLater, NextRoute],
            &["Wait; the rate has been lowered.", "Let fewer tasks share this credential if this comes often."],
        ),
        Class::Quota => words(
            "quota",
            "the daily quota is spent",
            &[RetryLater, NextRoute],
            &["Wait for the reset, when the daily quota is free again.", "See `tidelake quota` for what spends it."],
        ),
        Class::AuthExpired => words(
            "auth_expired",
            "the access token is refused",
            &[RenewCredential],
            &["Check the credential; a new token is asked for once by itself.", "Connect the account again."],
        ),
        Class::ScopeMissing => words(
            "scope_missing",
            "the credential may not read this",
            &[ChangeConfiguration],
            &["Ask for the missing scope for this app, or leave out the fields that need it."],
        ),
        Class::NotFound | Class::Private | Class::Deleted | Class::Region | Class::AgeGated => entity(class),
        Class::LoginWall | Class::Captcha | Class::Waf | Class::Forbidden => block(class),
        Class::EmptyAnswer | Class::RepeatedPage | Class::Resting => block(class),
        Class::Maintenance | Class::Server | Class::Network | Class::Tls | Class::Timeout => trouble(class),
        Class::FormatDrift => words(
            "format_drift",
            "the answer is in no form that is known",
            &[Update, NextRoute],
            &["Check the address; if it is right, the source has changed: update tidelake."],
        ),
        Class::RequestInvalid => words(
            "request_invalid",
            "the source refuses the request as it is",
            &[ChangeRequest],
            &["Correct the task; the source will refuse it again as it is."],
        ),
        Class::Policy => words(
            "policy",
            "this request is not allowed by the profile or by the site's robots.txt, and was not sent",
            &[NextRoute, ChangeConfiguration],
            &["Use an allowed route.", "See `profile` in the configuration for the routes it allows."],
        ),
        Class::CircuitOpen => words(
            "circuit_open",
            "this route has failed too often and rests",
            &[RetryLater, NextRoute],
            &["Wait for the next probe.", "See the breaker's reason for what went wrong before."],
        ),
    }
}

fn entity(class: Class) -> Text {
    match class {
        Class::Private => words(
            "private",
            "the account or the video is not public",
            &[Accept],
            &["Accept it: what is private is not read. Its owner can connect the account or donate an archive."],
        ),
        Class::Deleted => words(
            "deleted",
            "the video or the account was removed",
            &[Accept],
            &["Accept it, and delete what is kept of it where the terms ask for that."],
        ),
        Class::Region => words(
            "region",
            "this is not shown in the region of this machine",
            &[NextRoute, Accept],
            &["Use an official API, whose answers do not depend on this machine's region."],
        ),
        Class::AgeGated => words(
            "age_gated",
            "this is shown to grown-ups who are logged in",
            &[Accept],
            &["Accept it: no login is given. Its owner can connect the account or donate an archive."],
        ),
        _ => words(
            "not_found",
            "there is no such video or account",
            &[Accept],
            &["Check the id or the name; if it is right, it is gone or was never public."],
        ),
    }
}

fn block(class: Class) -> Text {
    let (name, message) = match class {
        Class::LoginWall => ("login_wall", "the site wants a login, which is not given"),
        Class::Captcha => ("captcha", "the site wants a captcha solved, which is not done"),
        Class::Waf => ("waf", "the site's firewall sent a challenge, which is not answered"),
        Class::EmptyAnswer => {
            ("empty_answer", "the site answered with nothing, which is a refusal and not `no videos`")
        }
        Class::RepeatedPage => ("repeated_page", "the site sent the same page again instead of the next"),
        Class::Resting => ("resting", "this route has refused us and rests, so nothing was sent"),
        _ => ("forbidden", "the site refuses the request"),
    };
    words(name, message, BLOCK, &[LEAVE, OTHER_WAY])
}

fn trouble(class: Class) -> Text {
    const WAIT: &[Recovery] = &[RetryLater, NextRoute];
    match class {
        Class::Maintenance => {
            words("maintenance", "the service is away for a while", WAIT, &["Wait; nothing needs to be done."])
        }
        Class::Network => words(
            "network",
            "the source cannot be reached",
            WAIT,
            &["Check this machine's network and name service.", "Wait; the request is repeated."],
        ),
        Class::Tls => words(
            "tls",
            "the connection to the source cannot be trusted",
            &[ChangeConfiguration],
            &["Check this machine's clock and certificates, and whether a proxy opens its connections."],
        ),
        Class::Timeout => words(
            "timeout",
            "no answer came in time",
            &[RetryLater, ChangeRequest, NextRoute],
            &["Wait; if it comes again, narrow the request."],
        ),
        _ => words("server", "the source's server is in trouble", WAIT, &["Wait; such trouble can last for hours."]),
    }
}
