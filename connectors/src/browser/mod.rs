//! Public pages of TikTok in a browser: a session of Chromium, driven through WebDriver, shows a page; tidelake listens to
//! what the page's own script is answered.
//!
//! **How it listens.** Chromium's performance log (capability `goog:loggingPrefs`) names every answer that the page got,
//! and `Network.getResponseBody`, through chromedriver's CDP endpoint, hands it over as it came. The other way, a script
//! put into each page that copies what `fetch` returns, would change the page that is being observed: it would run before
//! the site's own scripts and stand in for a function they use. It would also miss what is not fetched by that function.
//! The log changes nothing on the page, and nothing on the page can change it. Its one weakness, that bodies of old
//! answers are thrown away, is met by large buffers and by fetching each body within a second or so; a body that is
//! gone all the same is a fault that is told, not a hole.
//!
//! **What it does not do.** No flag hides that the browser is driven (`navigator.webdriver` stays true), its name stays
//! `HeadlessChrome` with tidelake's own name and the operator's contact behind it, no captcha is solved, no popup is
//! clicked away, nothing is signed. robots.txt is asked for the page and for the list that the page calls. The first
//! refusal ends it, and the route rests for hours.
//!
//! **Where it stands.** Between two polls a page stays open, so that scrolling goes on where it was. The state that the
//! caller keeps says which target it is, how many answers were heard, the last cursor and how many videos were seen. When
//! the session is gone (driver or browser killed, process ended, nobody came for long), the page is started again and read
//! further than it had been; event ids make the repetition harmless.
//!
//! **What is left behind.** Nothing: browsers end when nobody uses them for a while, with their driver, and with this
//! process, even when it is killed.

mod client;
mod config;
mod driver;
mod fault;
mod listen;
mod marks;
mod page;
mod poll;
mod pool;
mod session;
mod source;

pub use client::BrowserClient;
pub use config::BrowserConfig;
pub use source::BrowserSource;

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "browser";
