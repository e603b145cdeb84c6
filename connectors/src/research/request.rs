//! What is sent to the Research API and what becomes of it.

use super::decode;
use crate::client::{Body, Expect};
use crate::source::Fault;
use serde_json::Value;
use serde_json::value::RawValue;
use tidelake_schemas::Timestamp;

/// Reads the bytes of a good answer, or says why they are none.
pub(super) type Open<T> = fn(&[u8]) -> Result<T, String>;

/// A request whose answer is read as a `T`.
#[derive(Debug)]
pub(super) struct Request<'a, T = Box<RawValue>> {
    /// E.g. `video/query`.
    pub(super) route: &'static str,
    /// The parameter `fields`; absent when empty.
    pub(super) fields: &'a str,
    pub(super) body: Payload<'a>,
    /// A gateway time-out can be answered by a narrower request.
    pub(super) narrowable: bool,
    pub(super) purse: Purse,
    /// A list that makes the answer good, whatever its status.
    pub(super) good_with: Option<&'static str>,
    pub(super) open: Open<T>,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'a> {
    Json(&'a Value),
    /// The form of `validation_task/create`: a category and a text file of ids [official documentation, "Create a batch
    /// compliance task"].
    Ids {
        category: &'static str,
        ids: &'a [i64],
    },
}

/// Which daily quota a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purse {
    /// 1000 requests over the video, comment and user endpoints.
    Common,
    /// 20,000 requests for the lists of followers and of followed accounts (surfaces §3.2).
    Follows,
    /// Batch compliance: nobody documents whether it counts, so the configuration says. It may use the reserve: stored
    /// data must be refreshed in time.
    Validation,
}

impl<'a> Request<'a> {
    /// A request with a JSON body for the data of an answer.
    pub(super) fn new(route: &'static str, fields: &'a str, body: &'a Value) -> Self {
        let body = Payload::Json(body);
        let purse = Purse::Common;
        Self { route, fields, body, narrowable: false, purse, good_with: None, open: decode::open }
    }
}

impl<T> Request<'_, T> {
    /// What is being done, for people.
    pub(super) fn operation(&self) -> String {
        format!("research {}", self.route)
    }

    /// What the answer is held against. What a good answer holds is told by whoever reads it: a file of ids may be
    /// empty.
    pub(super) fn expect(&self) -> Expect {
        Expect { good_with: self.good_with, ..Expect::default() }
    }
}

impl Payload<'_> {
    /// As it is sent.
    pub(super) fn body(&self) -> Body {
        match self {
            Self::Json(value) => Body::Json((*value).clone()),
            Self::Ids { category, ids } => {
                let (kind, bytes) = form_data(category, ids);
                Body::Bytes(kind, bytes.into())
            }
        }
    }
}

/// A form of two parts. Written here because its parts are a word of ours and decimal digits, which need no escaping,
/// while reqwest's feature for forms would rebuild everything that shares reqwest with us.
fn form_data(category: &str, ids: &[i64]) -> (String, Vec<u8>) {
    let boundary = format!("tidelake-{}", uuid::Uuid::new_v4().simple());
    let disposition = "Content-Disposition: form-data; name=";
    let mut body = format!(
        "--{boundary}\r\n{disposition}\"category\"\r\n\r\n{category}\r\n\
         --{boundary}\r\n{disposition}\"file_data\"; filename=\"ids.txt\"\r\nContent-Type: text/plain\r\n\r\n"
    );
    body.reserve(ids.len() * 20 + 64);
    for id in ids {
        body.push_str(&id.to_string());
        body.push('\n');
    }
    body.push_str(&format!("\r\n--{boundary}--\r\n"));
    (format!("multipart/form-data; boundary={boundary}"), body.into_bytes())
}

/// What became of a request, and what it cost.
#[derive(Debug)]
pub(super) struct Reply<T = Box<RawValue>> {
    pub(super) requests: i32,
    /// The last fault that was waited out.
    pub(super) survived: Option<String>,
    /// When the answer was there.
    pub(super) at: Timestamp,
    pub(super) outcome: Result<T, Refusal>,
}

impl<T: Default> Reply<T> {
    /// Takes the outcome out; the rest stays readable.
    pub(super) fn take(&mut self) -> Result<T, Refusal> {
        std::mem::replace(&mut self.outcome, Ok(T::default()))
    }
}

/// Why there is no page, where the caller can do something about it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No quota until then.
    Quota(String, Timestamp),
    /// The search id or the cursor was refused again and again: start the search again.
    Stale(Fault),
    /// The request is too broad.
    Timeout(Fault),
    /// This request will always be refused.
    Request(Fault),
    /// Anything else.
    Fault(Fault),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_ids_is_a_form_of_two_parts() {
        let (kind, body) = form_data("video", &[7, 7_385_291_383_449_439_519]);
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
        let body = String::from_utf8(body).expect("text");
        let parts: Vec<_> = body.split(&format!("--{boundary}")).collect();
        assert_eq!((parts.len(), parts[0], parts[3]), (4, "", "--\r\n"));
        assert_eq!(parts[1], "\r\nContent-Disposition: form-data; name=\"category\"\r\n\r\nvideo\r\n");
        assert!(parts[2].ends_with("\r\n\r\n7\n7385291383449439519\n\r\n"), "{}", parts[2]);
    }
}
