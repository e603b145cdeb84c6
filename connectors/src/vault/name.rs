//! Names of accounts: they are names of files, too.

use super::VaultError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const LONGEST: usize = 64;

/// The name of an account: `a-z`, `0-9`, `.`, `_`, `-`; the first a letter or a digit. Upper case is refused, because
/// some file systems do not tell it apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

impl AccountName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self, VaultError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let good = |b: u8| plain(b) || matches!(b, b'.' | b'_' | b'-');
        let fits = text.len() <= LONGEST && text.bytes().next().is_some_and(plain) && text.bytes().all(good);
        if fits { Ok(Self(text.to_owned())) } else { Err(VaultError::Name { given: text.chars().take(80).collect() }) }
    }
}

impl TryFrom<String> for AccountName {
    type Error = VaultError;

    fn try_from(text: String) -> Result<Self, VaultError> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
