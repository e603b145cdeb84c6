//! What the performance log says about the page's own requests.

use serde_json::Value;
use std::collections::HashMap;
use url::Url;

/// Answers under way at the same time that are kept in mind; a page has a handful of those that matter.
const MOST: usize = 256;

/// An answer whose body can be fetched now, or never will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Chromium's id of the request.
    pub(super) request: String,
    /// The address that was asked, after redirects.
    pub(super) url: Url,
    /// HTTP status; 0 before the head of an answer has come.
    pub(super) status: u16,
    /// The page itself, and not what it called.
    pub(super) document: bool,
    /// Why there is no body, where there is none.
    pub(super) failed: Option<String>,
}

/// Listens for the page and for the list that it calls.
#[derive(Debug)]
pub(super) struct Listener {
    host: Option<String>,
    list: Option<&'static str>,
    under_way: HashMap<String, Heard>,
    /// The request for the page; later documents are frames in it.
    page: Option<String>,
}

impl Listener {
    /// For a page on this site, and calls of this path there.
    pub(super) fn new(site: &Url, list: Option<&'static str>) -> Self {
        Self { host: site.host_str().map(str::to_owned), list, under_way: HashMap::new(), page: None }
    }

    /// Takes one entry of the log; gives an answer that is complete with it.
    pub(super) fn hear(&mut self, entry: &Value) -> Option<Heard> {
        let text = entry.get("message")?.as_str()?;
        let whole: Value = serde_json::from_str(text).ok()?;
        let message = whole.get("message")?;
        let parameters = message.get("params")?;
        let request = parameters.get("requestId")?.as_str()?;
        match message.get("method")?.as_str()? {
            // After a redirect once more, under the same id.
            "Network.requestWillBeSent" => {
                let asked = self.asked(request, parameters);
                self.under_way.remove(request);
                let asked = asked.filter(|_| self.under_way.len() < MOST)?;
                self.under_way.insert(request.to_owned(), asked);
                None
            }
            "Network.responseReceived" => {
                let status = parameters.pointer("/response/status").and_then(Value::as_u64);
                self.under_way.get_mut(request)?.status = status.and_then(|status| u16::try_from(status).ok())?;
                None
            }
            "Network.loadingFinished" => self.under_way.remove(request),
            "Network.loadingFailed" => {
                let heard = self.under_way.remove(request)?;
                // The page changed its mind, which is its own affair.
                let canceled = parameters.get("canceled").and_then(Value::as_bool).unwrap_or(false);
                let why = parameters.get("errorText").and_then(Value::as_str).unwrap_or("no reason given");
                (!canceled || heard.document).then(|| Heard { failed: Some(why.to_owned()), ..heard })
            }
            _ => None,
        }
    }

    /// A request, if its answer is one that matters.
    fn asked(&mut self, request: &str, parameters: &Value) -> Option<Heard> {
        let url = Url::parse(parameters.pointer("/request/url")?.as_str()?).ok()?;
        let here = url.host_str() == self.host.as_deref();
        let document = match parameters.get("type")?.as_str()? {
            // A page may send its visitor to another host: what that says is the answer, too.
            "Document" if here || self.page.is_some() => {
                self.page.get_or_insert_with(|| request.to_owned()).as_str() == request
            }
            "XHR" | "Fetch" => false,
            _ => return None,
        };
        let list = || here && self.list.is_some_and(|list| url.path().trim_end_matches('/') == list);
        let wanted = document || list();
        wanted.then(|| Heard { request: request.to_owned(), url, status: 0, document, failed: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(method: &str, parameters: &Value) -> Value {
        json!({"level": "INFO", "message": json!({"message": {"method": method, "params": parameters}}).to_string()})
    }

    fn asked(request: &str, kind: &str, url: &str) -> Value {
        entry("Network.requestWillBeSent", &json!({"requestId": request, "type": kind, "request": {"url": url}}))
    }

    fn begun(request: &str, status: u16) -> Value {
        entry("Network.responseReceived", &json!({"requestId": request, "response": {"status": status}}))
    }

    fn ended(request: &str) -> Value {
        entry("Network.loadingFinished", &json!({"requestId": request}))
    }

    fn failed(request: &str, canceled: bool) -> Value {
        let parameters = json!({"requestId": request, "errorText": "net::ERR_CONNECTION_RESET", "canceled": canceled});
        entry("Network.loadingFailed", &parameters)
    }

    fn listener() -> Listener {
        Listener::new(&Url::parse("https://t.example/@a").expect("an address"), Some("/api/post/item_list"))
    }

    #[test]
    fn the_page_and_its_list_are_heard_and_nothing_else() {
        let mut listener = listener();
        let log = [
            asked("0", "Document", "data:,"),
            asked("1", "Document", "https://t.example/@a"),
            asked("2", "Document", "https://t.example/frame"),
            asked("3", "Fetch", "https://t.example/api/post/item_list/?cursor=0"),
            asked("4", "Fetch", "https://other.example/api/post/item_list/"),
            asked("5", "Image", "https://t.example/api/post/item_list/"),
            asked("6", "XHR", "https://t.example/api/recommend/item_list/"),
            json!({"message": "no JSON"}),
            json!({}),
        ];
        let ids = ["0", "1", "2", "3", "4", "5", "6"];
        let begun = ids.map(|id| begun(id, 200));
        assert!(log.iter().chain(&begun).all(|entry| listener.hear(entry).is_none()));
        let heard: Vec<_> = ids.iter().filter_map(|id| listener.hear(&ended(id))).collect();
        let seen: Vec<_> = heard.iter().map(|heard| (heard.request.as_str(), heard.document, heard.status)).collect();
        assert_eq!(seen, [("1", true, 200), ("3", false, 200)]);
        assert!(listener.hear(&ended("3")).is_none(), "once");
    }

    #[test]
    fn a_redirected_page_is_heard_where_it_ends() {
        for to in ["https://t.example/login?a=b", "https://login.example/"] {
            let mut listener = listener();
            for entry in [asked("1", "Document", "https://t.example/@a"), asked("1", "Document", to), begun("1", 200)] {
                assert_eq!(listener.hear(&entry), None);
            }
            let heard = listener.hear(&ended("1")).expect("heard");
            assert_eq!((heard.url.as_str(), heard.document), (to, true));
        }
    }

    #[test]
    fn a_call_that_fails_says_why_even_before_an_answer() {
        let list = asked("3", "Fetch", "https://t.example/api/post/item_list/");
        for head in [None, Some(begun("3", 200))] {
            let mut listener = listener();
            let log = [Some(list.clone()), head];
            assert!(log.iter().flatten().all(|entry| listener.hear(entry).is_none()));
            let heard = listener.hear(&failed("3", false)).expect("heard");
            assert_eq!(heard.failed.as_deref(), Some("net::ERR_CONNECTION_RESET"));
        }
        let mut listener = listener();
        assert!([list, failed("3", true)].iter().all(|entry| listener.hear(entry).is_none()), "the page's own affair");
    }
}
