//! What may stop a visit: the site, or the browser.

use crate::client::ClientFault;
use crate::source::{Fault, FaultClass};
use fantoccini::error::{CmdError, NewSessionError};

/// Texts of the driver are cut to this many characters: the rest is its call stack.
const TEXT_LIMIT: usize = 200;

/// Why a visit stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The site, or our own rules: classed as on every route.
    Site(ClientFault),
    /// The browser or its driver.
    Driver(DriverFault),
    /// Every browser shows the page of another task.
    Busy,
}

impl From<ClientFault> for Stop {
    fn from(fault: ClientFault) -> Self {
        Self::Site(fault)
    }
}

impl From<DriverFault> for Stop {
    fn from(fault: DriverFault) -> Self {
        Self::Driver(fault)
    }
}

/// What is wrong with the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DriverFault {
    pub(super) kind: DriverKind,
    /// In the driver's words.
    pub(super) said: String,
}

/// Kinds of trouble, each with its own advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DriverKind {
    /// No chromedriver can be started.
    NoDriver,
    /// No browser can be started.
    NoBrowser,
    /// The driver is gone.
    DriverGone,
    /// The driver answers no more.
    DriverSilent,
    /// The session is gone: the browser crashed or was closed.
    SessionGone,
    /// A page or a command took too long.
    Slow,
    /// Anything else that the driver says.
    Other,
}

impl DriverKind {
    /// No session of this driver is of use any more.
    pub(super) fn ends_driver(self) -> bool {
        matches!(self, Self::DriverGone | Self::DriverSilent)
    }

    /// This session is of no use any more, whatever it shows.
    pub(super) fn ends_session(self) -> bool {
        self.ends_driver() || self == Self::SessionGone
    }
}

impl DriverFault {
    pub(super) fn new(kind: DriverKind, said: &str) -> Self {
        let line = said.lines().next().unwrap_or_default();
        Self { kind, said: line.chars().take(TEXT_LIMIT).collect() }
    }

    /// What a program and a person should make of it.
    pub(super) fn fault(&self, requests: i32) -> Fault {
        let (class, what, action) = match self.kind {
            DriverKind::NoDriver => (
                FaultClass::Request,
                "no chromedriver can be started",
                "Install Debian's packages chromium and chromium-driver, or set [browser] chromedriver or driver_url.",
            ),
            DriverKind::NoBrowser => (
                FaultClass::Request,
                "chromedriver cannot start a browser",
                "Check [browser] chromium; as root, set [browser] sandbox = false; see that versions of both are equal.",
            ),
            DriverKind::DriverGone => (
                FaultClass::Transient,
                "chromedriver is gone",
                "Wait: it is started again, and the page with it. With [browser] driver_url, start it there.",
            ),
            DriverKind::DriverSilent => (
                FaultClass::Transient,
                "chromedriver does not answer",
                "Wait: it is ended and started again. If this repeats, give the machine more memory or lower [browser] sessions.",
            ),
            DriverKind::SessionGone => (
                FaultClass::Transient,
                "the browser is gone",
                "Wait: another one is started. If this repeats, give the machine more memory or lower [browser] sessions.",
            ),
            DriverKind::Slow => (
                FaultClass::Transient,
                "the browser takes too long",
                "Wait. If this repeats, raise [browser] page_timeout or lower [browser] sessions.",
            ),
            DriverKind::Other => (
                FaultClass::Transient,
                "the driver refuses a command",
                "Wait. If this repeats, update chromium and tidelake.",
            ),
        };
        let fault = Fault::new(class, "browser session", format!("{what}: {}", self.said), action);
        Fault { requests, ..fault }
    }
}

impl From<NewSessionError> for DriverFault {
    fn from(error: NewSessionError) -> Self {
        let kind = match &error {
            NewSessionError::SessionNotCreated(_) | NewSessionError::NotW3C(_) => DriverKind::NoBrowser,
            NewSessionError::BadWebdriverUrl(_) => DriverKind::NoDriver,
            _ => DriverKind::DriverGone,
        };
        Self::new(kind, &error.to_string())
    }
}

impl From<CmdError> for DriverFault {
    fn from(error: CmdError) -> Self {
        let said = error.to_string();
        let kind = match &error {
            CmdError::Failed(_) | CmdError::FailedC(_) | CmdError::Lost(_) => DriverKind::DriverGone,
            _ => kind_of(&said),
        };
        Self::new(kind, &said)
    }
}

/// By the words of the WebDriver standard (§6.6) and of chromedriver.
fn kind_of(said: &str) -> DriverKind {
    let said = said.to_lowercase();
    let has = |marks: &[&str]| marks.iter().any(|mark| said.contains(mark));
    let gone = ["invalid session id", "no such window", "not reachable", "session deleted", "disconnected", "crashed"];
    if has(&gone) {
        DriverKind::SessionGone
    } else if has(&["timeout", "timed out"]) {
        DriverKind::Slow
    } else {
        DriverKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_what_to_do() {
        for (kind, class) in [
            (DriverKind::NoDriver, FaultClass::Request),
            (DriverKind::NoBrowser, FaultClass::Request),
            (DriverKind::DriverGone, FaultClass::Transient),
            (DriverKind::DriverSilent, FaultClass::Transient),
            (DriverKind::SessionGone, FaultClass::Transient),
            (DriverKind::Slow, FaultClass::Transient),
            (DriverKind::Other, FaultClass::Transient),
        ] {
            let fault = DriverFault::new(kind, "said\nstack").fault(3);
            assert_eq!((fault.class, fault.requests), (class, 3));
            assert!(fault.message.ends_with(": said") && fault.action.ends_with('.'), "{fault}");
        }
    }

    #[test]
    fn the_drivers_words_are_understood() {
        for (said, kind) in [
            ("webdriver returned error: invalid session id", DriverKind::SessionGone),
            ("session deleted as the browser has closed the connection", DriverKind::SessionGone),
            ("tab crashed", DriverKind::SessionGone),
            ("timeout: Timed out receiving message from renderer: 30.000", DriverKind::Slow),
            ("unknown command", DriverKind::Other),
        ] {
            assert_eq!(kind_of(said), kind, "{said}");
        }
    }
}
