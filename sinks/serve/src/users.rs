//! Who is who. Passwords are kept salted and hashed; what is given is compared in constant time.

use crate::error::ServeError;
use crate::settings::{DEFAULT_ROLE, Settings};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, gen_salted_password};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Somebody who has been let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub user: String,
    /// The role.
    pub role: String,
}

/// What SCRAM-SHA-256 knows of a password.
#[derive(Clone)]
pub(crate) struct Verifier {
    pub salt: Vec<u8>,
    pub salted: Vec<u8>,
}

/// Everybody who may come in.
pub struct Users {
    known: BTreeMap<String, Known>,
    /// Hashes what is compared, so that its length and content say nothing.
    key: hmac::Key,
}

struct Known {
    role: String,
    password: Option<(Verifier, hmac::Tag)>,
    token: Option<hmac::Tag>,
}

impl Users {
    /// Of the settings.
    pub fn new(settings: &Settings) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random());
        let known = settings.users.iter().map(|(name, user)| {
            let password = user.password.as_ref().map(|secret| {
                let (salt, text) = (random()[..16].to_vec(), secret.expose_secret());
                let salted = gen_salted_password(text, &salt, SCRAM_ITERATIONS);
                (Verifier { salt, salted }, hmac::sign(&key, text.as_bytes()))
            });
            let token = user.token.as_ref().map(|token| hmac::sign(&key, token.expose_secret().as_bytes()));
            (name.clone(), Known { role: user.role.clone(), password, token })
        });
        let known = known.collect();
        Self { known, key }
    }

    /// Whether nobody is named: then everybody on this machine may come in.
    pub fn are_open(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether there are several to be told apart.
    pub(crate) fn are_several(&self) -> bool {
        self.known.len() > 1
    }

    /// Everybody, where nobody is named.
    pub fn anybody(&self) -> Option<Identity> {
        self.are_open().then(|| Identity { user: "local".to_owned(), role: DEFAULT_ROLE.to_owned() })
    }

    /// A user by name and password.
    ///
    /// # Errors
    /// [`ServeError::Credentials`].
    pub fn by_password(&self, user: &str, password: &str) -> Result<Identity, ServeError> {
        let given = hmac::sign(&self.key, password.as_bytes());
        let known = self.known.get(user);
        let expected = known.and_then(|known| known.password.as_ref()).map(|(_, tag)| tag);
        // Somebody unknown takes as long as somebody known.
        let same = same(expected.unwrap_or(&hmac::sign(&self.key, &random())), &given);
        match known {
            Some(known) if same && expected.is_some() => Ok(known.identity(user)),
            _ => Err(ServeError::Credentials),
        }
    }

    /// A user by token.
    ///
    /// # Errors
    /// [`ServeError::Credentials`].
    pub fn by_token(&self, token: &str) -> Result<Identity, ServeError> {
        let given = hmac::sign(&self.key, token.as_bytes());
        let mut found = None;
        for (name, known) in &self.known {
            if known.token.as_ref().is_some_and(|expected| same(expected, &given)) {
                found = Some(known.identity(name));
            }
        }
        found.ok_or(ServeError::Credentials)
    }

    /// What SCRAM knows of a user. Of somebody unknown, too: always the same salt for the same name, and no password fits.
    pub(crate) fn verifier(&self, user: &str) -> Verifier {
        if let Some((verifier, _)) = self.known.get(user).and_then(|known| known.password.as_ref()) {
            return verifier.clone();
        }
        let salt = hmac::sign(&self.key, user.as_bytes()).as_ref()[..16].to_vec();
        Verifier { salt, salted: random().to_vec() }
    }

    /// The identity of a user whose password a protocol has checked by [`Self::verifier`].
    pub(crate) fn checked(&self, user: &str) -> Result<Identity, ServeError> {
        let known = self.known.get(user).filter(|known| known.password.is_some());
        known.map(|known| known.identity(user)).ok_or(ServeError::Credentials)
    }

    /// A user by an `Authorization` header: `Basic` or `Bearer`.
    ///
    /// # Errors
    /// [`ServeError::Credentials`], also where there is none but must be.
    pub fn by_header(&self, header: Option<&str>) -> Result<Identity, ServeError> {
        if let Some(anybody) = self.anybody() {
            return Ok(anybody);
        }
        let (scheme, value) = header.and_then(|header| header.split_once(' ')).ok_or(ServeError::Credentials)?;
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => {
                basic(value).map_or(Err(ServeError::Credentials), |(user, password)| self.by_password(&user, &password))
            }
            "bearer" => self.by_token(value.trim()),
            _ => Err(ServeError::Credentials),
        }
    }
}

impl Known {
    fn identity(&self, user: &str) -> Identity {
        Identity { user: user.to_owned(), role: self.role.clone() }
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.known.keys()).finish()
    }
}

/// User and password of a basic header.
fn basic(value: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

fn same(a: &hmac::Tag, b: &hmac::Tag) -> bool {
    verify_slices_are_equal(a.as_ref(), b.as_ref()).is_ok()
}

/// 32 bytes of which 244 bits are the operating system's randomness.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::User;

    fn users() -> Users {
        let user = User {
            role: "analyst".into(),
            password: Some("open sesame".to_owned().into()),
            token: Some("t0ken".to_owned().into()),
        };
        let only_token = User { password: None, token: Some("other".to_owned().into()), ..user.clone() };
        let users = [("anna".to_owned(), user), ("bot".to_owned(), only_token)];
        Users::new(&Settings { users: users.into(), ..Settings::default() })
    }

    #[test]
    fn only_what_fits_lets_in() {
        let users = users();
        let anna = Identity { user: "anna".into(), role: "analyst".into() };
        let header = |scheme: &str, text: &str| format!("{scheme} {}", STANDARD.encode(text));
        assert_eq!(users.by_header(Some(&header("Basic", "anna:open sesame"))).expect("fits"), anna);
        assert_eq!(users.by_header(Some("bearer t0ken")).expect("fits"), anna);
        let wrong = [
            header("Basic", "anna:open"),
            header("Basic", "bot:"),
            header("Basic", "nobody:open sesame"),
            header("Basic", "anna"),
            "Basic !".to_owned(),
            "Bearer ".to_owned(),
            "Bearer open sesame".to_owned(),
            "Digest x".to_owned(),
            "t0ken".to_owned(),
        ];
        for header in wrong.iter().map(|h| Some(h.as_str())).chain([None]) {
            assert!(matches!(users.by_header(header), Err(ServeError::Credentials)), "{header:?}");
        }
        assert!(users.checked("bot").is_err() && users.checked("nobody").is_err() && users.checked("anna").is_ok());
    }

    #[test]
    fn nobody_can_find_out_who_is_known() {
        let users = users();
        assert_eq!(users.verifier("nobody").salt, users.verifier("nobody").salt);
        assert_eq!(users.verifier("nobody").salt.len(), users.verifier("anna").salt.len());
        assert!(!format!("{users:?}").contains("sesame"));
    }

    #[test]
    fn where_nobody_is_named_everybody_may_come_in() {
        let open = Users::new(&Settings::default());
        assert_eq!(open.by_header(None).expect("open").user, "local");
        assert!(users().anybody().is_none());
    }
}
