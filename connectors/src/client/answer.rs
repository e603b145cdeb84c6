//! An answer as it came, and what was expected of it.

use super::fault::Class;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use tidelake_schemas::json;
use url::Url;
use uuid::Uuid;

/// Scripts that hold a page's data, newest first (tiktok-surfaces §6.1).
const HYDRATION: [&str; 4] =
    ["__UNIVERSAL_DATA_FOR_REHYDRATION__", "SIGI_STATE", "__NEXT_DATA__", "__FRONTITY_CONNECT_STATE__"];

/// An answer.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// HTTP status.
    pub status: u16,
    /// The address that answered, after redirects.
    pub url: &'a Url,
    /// The header `Location`.
    pub location: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl Seen<'_> {
    /// Bytes that are neither a page nor a JSON text: no picture or film begins as those do.
    pub(super) fn is_file(&self) -> bool {
        let first = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.body).trim_ascii_start().first();
        (200..300).contains(&self.status) && first.is_some_and(|byte| !matches!(byte, b'<' | b'{' | b'['))
    }
}

/// What must be in an answer. Pointers (RFC 6901) are alternatives; those for pages start at the hydration document,
/// e.g. `/__DEFAULT_SCOPE__/webapp.video-detail/itemInfo/itemStruct`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// An object with something in it.
    Item(&'static [&'static str]),
    /// A list, which may be empty or null (§6.5: `comments` is null when there are none), but must be there.
    List(&'static [&'static str]),
}

/// What kind of answer is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Any, even an empty one.
    #[default]
    Anything,
    /// A JSON document, or a page that holds one.
    Document,
    /// A JSON document: a page instead of it is a refusal.
    Json,
    /// A redirect that is not followed.
    Redirect,
    /// A picture, a film or a sound; never a page or a text.
    File {
        /// The address was given just now: a 403 does not mean that it has ended.
        renewed: bool,
    },
}

/// What an answer is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The kind of answer.
    pub shape: Shape,
    /// What must be in it.
    pub want: Option<Want>,
    /// The page before.
    pub previous: Option<Fingerprint>,
    /// A list (RFC 6901) that makes the answer a good one when something is in it, whatever status and code say.
    pub good_with: Option<&'static str>,
}

impl Expect {
    /// A document.
    pub fn document() -> Self {
        Self { shape: Shape::Document, ..Self::default() }
    }

    /// A JSON document.
    pub fn json() -> Self {
        Self { shape: Shape::Json, ..Self::default() }
    }

    /// A document with this item.
    pub fn item(pointers: &'static [&'static str]) -> Self {
        Self { want: Some(Want::Item(pointers)), ..Self::document() }
    }

    /// A document with this list.
    pub fn list(pointers: &'static [&'static str]) -> Self {
        Self { want: Some(Want::List(pointers)), ..Self::document() }
    }

    /// A redirect, e.g. of a short link.
    pub fn redirect() -> Self {
        Self { shape: Shape::Redirect, ..Self::default() }
    }

    /// A file; whether its address was given just now.
    pub fn file(renewed: bool) -> Self {
        Self { shape: Shape::File { renewed }, ..Self::default() }
    }

    /// … and not the page before.
    pub fn after(self, previous: Option<Fingerprint>) -> Self {
        Self { previous, ..self }
    }

    pub(super) fn may_be_empty(&self) -> bool {
        matches!(self.shape, Shape::Anything | Shape::Redirect)
    }
}

/// Which items a page holds: equal for equal items, whatever log ids and times stand beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Uuid);

impl Fingerprint {
    /// Of a list of items; `None` for an empty one, which may well come twice.
    pub fn of(items: &[Value]) -> Option<Self> {
        let names: Vec<String> = items.iter().map(|item| identity(item).to_string()).collect();
        (!names.is_empty()).then(|| Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, names.join("\n").as_bytes())))
    }
}

/// The id of an item, comment or search entry; the whole where there is none.
fn identity(item: &Value) -> &Value {
    let id = |of: &'_ Value| ["id", "cid", "aweme_id"].into_iter().find(|key| of.get(key).is_some());
    let inner = item.get("item").unwrap_or(item);
    id(inner).and_then(|key| inner.get(key)).unwrap_or(item)
}

/// What was recognised in an answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it means.
    pub class: Class,
    /// The rule that recognised it.
    pub rule: &'static str,
    /// For a person.
    pub details: String,
    /// The source's own error code.
    pub code: Option<String>,
}

impl Finding {
    pub(super) fn new(class: Class, rule: &'static str, details: &str) -> Self {
        Self { class, rule, details: details.to_owned(), code: None }
    }
}

/// An answer, read once for all rules.
#[derive(Debug)]
pub struct Answer<'a> {
    /// As it came.
    pub seen: Seen<'a>,
    /// The body as text.
    pub text: Cow<'a, str>,
    /// The JSON document that it is, or that its page holds.
    pub doc: Option<Value>,
}

impl<'a> Answer<'a> {
    /// Reads an answer.
    pub fn read(seen: Seen<'a>) -> Self {
        let text = String::from_utf8_lossy(seen.body);
        let start = text.trim_start_matches('\u{feff}').trim_start();
        let doc = match start.as_bytes().first() {
            Some(b'{' | b'[') => json::from_slice(start.as_bytes()).ok(),
            Some(b'<') => hydration(start).and_then(|script| json::from_slice(script.as_bytes()).ok()),
            _ => None,
        };
        Self { seen, text, doc }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.seen.status)
    }

    /// The page's text, when it is a page and does not hold what is wanted: a caption may say anything.
    pub(super) fn page_without_wanted(&self, expect: &Expect) -> Option<&str> {
        let page = self.text.trim_start_matches('\u{feff}').trim_start();
        let held = expect.want.is_some() && self.has_wanted(expect);
        (page.starts_with('<') && !held).then_some(page)
    }

    /// The wanted item or list is there.
    pub(super) fn has_wanted(&self, expect: &Expect) -> bool {
        match &expect.want {
            Some(Want::Item(_)) => {
                self.wanted(expect).is_some_and(|item| item.as_object().is_some_and(|item| !item.is_empty()))
            }
            Some(Want::List(_)) => self.wanted(expect).is_some_and(|list| list.is_array() || list.is_null()),
            None => false,
        }
    }

    /// The wanted list.
    pub(super) fn list(&self, expect: &Expect) -> Option<&[Value]> {
        self.wanted(expect)?.as_array().map(Vec::as_slice)
    }

    /// The list that makes the answer a good one, if something is in it.
    pub(super) fn good_list(&self, expect: &Expect) -> Option<&[Value]> {
        let list = self.doc.as_ref()?.pointer(expect.good_with?)?.as_array()?;
        Some(list.as_slice()).filter(|list| !list.is_empty())
    }

    /// What a JSON document says of itself, as TikTok's website does.
    pub(super) fn message(&self) -> Option<&str> {
        let doc = self.doc.as_ref()?;
        ["message", "status_msg", "statusMsg"].into_iter().find_map(|key| doc.get(key)?.as_str())
    }

    fn wanted(&self, expect: &Expect) -> Option<&Value> {
        let (Want::Item(pointers) | Want::List(pointers)) = expect.want.as_ref()?;
        let doc = self.doc.as_ref()?;
        pointers.iter().find_map(|pointer| doc.pointer(pointer))
    }

    /// The document, and the parts of a page that have a status of their own (§6.1).
    pub(super) fn parts(&self) -> impl Iterator<Item = &Value> {
        let scopes = self.doc.as_ref().and_then(|doc| doc.get("__DEFAULT_SCOPE__")).and_then(Value::as_object);
        let details = scopes.into_iter().flatten().filter(|(name, _)| name.ends_with("-detail"));
        self.doc.iter().chain(details.map(|(_, part)| part))
    }
}

/// The text of the page's data script. Selected by its id, never by its place (§6.1).
fn hydration(page: &str) -> Option<&str> {
    HYDRATION.into_iter().find_map(|id| {
        let (_, after) = page.split_once(&format!("id=\"{id}\""))?;
        let (_, content) = after.split_once('>')?;
        content.split_once("</script>").map(|(script, _)| script)
    })
}
