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
    /// The address that answered.
    pub(super) url: Url,
    /// HTTP status.
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
    document: bool,
}

impl Listener {
    /// For a page on this site, and calls of this path there.
    pub(super) fn new(site: &Url, list: Option<&'static str>) -> Self {
        Self { host: site.host_str().map(str::to_owned), list, under_way: HashMap::new(), document: false }
    }

    /// Takes one entry of the log; gives an answer that is complete with it.
    pub(super) fn hear(&mut self, entry: &Value) -> Option<Heard> {
        let text = entry.get("message")?.as_str()?;
        let whole: Value = serde_json::from_str(text).ok()?;
        let message = whole.get("message")?;
        let parameters = message.get("params")?;
        let request = parameters.get("requestId")?.as_str()?;
        match message.get("method")?.as_str()? {
            "Network.responseReceived" => {
                let heard = self.begun(request, parameters)?;
                if self.under_way.len() < MOST {
                    self.under_way.insert(request.to_owned(), heard);
                }
                None
            }
            "Network.loadingFinished" => self.under_way.remove(request),
            "Network.loadingFailed" => {
                let heard = self.under_way.remove(request)?;
                let why = parameters.get("errorText").and_then(Value::as_str).unwrap_or("no reason given");
                Some(Heard { failed: Some(why.to_owned()), ..heard })
            }
            _ => None,
        }
    }

    /// An answer whose head has come, if it is one that matters.
    fn begun(&mut self, request: &str, parameters: &Value) -> Option<Heard> {
        let response = parameters.get("response")?;
        let url = Url::parse(response.get("url")?.as_str()?).ok()?;
        if url.host_str() != self.host.as_deref() {
            return None;
        }
        let document = match parameters.get("type")?.as_str()? {
            // The first is the page; later ones are frames in it.
            "Document" if !self.document => {
                self.document = true;
                true
            }
            "XHR" | "Fetch" if self.list.is_some_and(|list| url.path().trim_end_matches('/') == list) => false,
            _ => return None,
        };
        let status = response.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok())?;
        Some(Heard { request: request.to_owned(), url, status, document, failed: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(method: &str, parameters: &Value) -> Value {
        json!({"level": "INFO", "message": json!({"message": {"method": method, "params": parameters}}).to_string()})
    }

    fn begun(request: &str, kind: &str, url: &str) -> Value {
        let parameters = json!({"requestId": request, "type": kind, "response": {"url": url, "status": 200}});
        entry("Network.responseReceived", &parameters)
    }

    fn ended(request: &str) -> Value {
        entry("Network.loadingFinished", &json!({"requestId": request}))
    }

    fn listener() -> Listener {
        Listener::new(&Url::parse("https://t.example/@a").expect("an address"), Some("/api/post/item_list"))
    }

    #[test]
    fn the_page_and_its_list_are_heard_and_nothing_else() {
        let mut listener = listener();
        let log = [
            begun("0", "Document", "data:,"),
            begun("1", "Document", "https://t.example/@a"),
            begun("2", "Document", "https://t.example/frame"),
            begun("3", "Fetch", "https://t.example/api/post/item_list/?cursor=0"),
            begun("4", "Fetch", "https://other.example/api/post/item_list/"),
            begun("5", "Image", "https://t.example/api/post/item_list/"),
            begun("6", "XHR", "https://t.example/api/recommend/item_list/"),
            json!({"message": "no JSON"}),
            json!({}),
        ];
        assert!(log.iter().all(|entry| listener.hear(entry).is_none()));
        let heard: Vec<_> =
            ["0", "1", "2", "3", "4", "5", "6"].iter().filter_map(|id| listener.hear(&ended(id))).collect();
        let seen: Vec<_> = heard.iter().map(|heard| (heard.request.as_str(), heard.document, heard.status)).collect();
        assert_eq!(seen, [("1", true, 200), ("3", false, 200)]);
        assert!(listener.hear(&ended("3")).is_none(), "once");
    }

    #[test]
    fn a_call_that_fails_says_why() {
        let mut listener = listener();
        listener.hear(&begun("3", "Fetch", "https://t.example/api/post/item_list/"));
        let failed =
            entry("Network.loadingFailed", &json!({"requestId": "3", "errorText": "net::ERR_CONNECTION_RESET"}));
        let heard = listener.hear(&failed).expect("heard");
        assert_eq!(heard.failed.as_deref(), Some("net::ERR_CONNECTION_RESET"));
    }
}
