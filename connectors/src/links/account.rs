//! What stands after the `@` of an address.

use super::LinkError;
use super::error::quoted;

/// How a link names an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// By its handle, without `@`, in the case of the link. Case does not matter to TikTok.
    Handle(String),
    /// By its numeric id.
    Id(i64),
    /// By its secUid (`MS4wLjABAAAA…`), where case matters.
    SecUid(String),
}

/// What every secUid begins with.
const SEC_UID: &str = "MS4wLj";

impl Account {
    /// The handle, if it is named by that.
    pub fn handle(&self) -> Option<&str> {
        if let Self::Handle(handle) = self { Some(handle) } else { None }
    }

    /// What an address writes after the `@`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Handle(text) | Self::SecUid(text) => text.clone(),
            Self::Id(id) => id.to_string(),
        }
    }

    /// A name for comparing: handles in lower case.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Handle(handle) => handle.to_lowercase(),
            Self::Id(id) => format!("id:{id}"),
            Self::SecUid(uid) => format!("sec:{uid}"),
        }
    }

    /// Reads the text after the `@`. Nothing and `_` stand for "somebody": `None`.
    ///
    /// The grammar is wider than today's (letters, digits, `_`, `.`): old handles hold other scripts.
    pub(super) fn read(text: &str) -> Result<Option<Self>, LinkError> {
        let text: String = text.chars().filter(|&c| c != '\0').collect();
        if text.is_empty() || text == "_" {
            return Ok(None);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(text.parse().ok().filter(|id| *id > 0).map(Self::Id));
        }
        if text.len() > SEC_UID.len() && text.starts_with(SEC_UID) && text.bytes().all(is_base64url) {
            return Ok(Some(Self::SecUid(text)));
        }
        if text.chars().count() > 64 || !text.chars().all(is_of_handle) {
            return Err(LinkError::BadHandle { seen: quoted(&text) });
        }
        Ok(Some(Self::Handle(text)))
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte == b'='
}

fn is_of_handle(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.' || c == '-' || !(c.is_ascii() || c.is_whitespace() || c.is_control())
}
