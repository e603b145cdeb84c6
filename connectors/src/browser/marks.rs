//! What a page shows beside its data: markup that stands for a captcha, a login, an empty list (tiktok-surfaces §6.4,
//! §6.6). Texts are localised and only help where there is no markup.

use crate::client::Class;
use serde::Deserialize;

/// Looks at what is shown, and touches nothing.
pub(super) const LOOK: &str = r#"
const shown = (selector) => [...document.querySelectorAll(selector)].some((e) => e.getClientRects().length > 0);
const text = document.body ? document.body.innerText.slice(0, 20000) : "";
return {
  captcha: shown('#tiktok-verify-ele, [id*="captcha"], [class*="captcha-verify"]') || text.includes("Verify to continue:"),
  login: location.pathname.startsWith("/login") || shown('[data-e2e="modal-close-inner-button"]'),
  throttled: text.includes("visiting our service too frequently"),
  empty: text.includes("No content") || text.includes("No videos yet"),
  wrong: text.includes("Something went wrong"),
};"#;

/// Scrolls to the end of the page, from a little above it, so that the page's script hears of it.
pub(super) const SCROLL: &str =
    "window.scrollBy(0, -200); window.scrollTo(0, document.documentElement.scrollHeight); return true;";

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Marks {
    pub(super) captcha: bool,
    pub(super) login: bool,
    pub(super) throttled: bool,
    /// The page says that there is nothing.
    pub(super) empty: bool,
    /// The page's own script met an error.
    pub(super) wrong: bool,
}

impl Marks {
    /// What stands in the way, while the page still answers: a captcha over it, or the page for those who ask too often.
    pub(super) fn refusal(self) -> Option<(Class, &'static str)> {
        if self.captcha {
            return Some((Class::Captcha, "a captcha stands over the page"));
        }
        self.throttled.then_some((Class::RateLimited, "the page says that it is visited too frequently"))
    }

    /// Why a page that answers no more may have stopped.
    pub(super) fn standstill(self) -> (Class, &'static str) {
        if let Some(refusal) = self.refusal() {
            return refusal;
        }
        if self.login {
            return (Class::LoginWall, "a login stands over the page, and nothing more comes");
        }
        if self.wrong {
            return (Class::EmptyAnswer, "the page's own script got nothing it could use");
        }
        (Class::Timeout, "the page's script asks for nothing more, and has not said that there is no more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_mean_something() {
        let marks: Marks = serde_json::from_str("{\"captcha\":true,\"login\":true,\"new\":1}").expect("marks");
        assert_eq!(marks.refusal().map(|(class, _)| class), Some(Class::Captcha));
        let login = Marks { login: true, ..Marks::default() };
        assert_eq!((login.refusal(), login.standstill().0), (None, Class::LoginWall));
        assert_eq!(Marks { wrong: true, ..Marks::default() }.standstill().0, Class::EmptyAnswer);
        assert_eq!(Marks::default().standstill().0, Class::Timeout);
    }
}
