//! What the doors are told: where they listen, who may come in, and what each role may use.

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The role of a user that names none, and of everybody where no users are configured.
pub const DEFAULT_ROLE: &str = "default";

/// Where to listen, for whom, and with what.
#[derive(Clone, Debug)]
pub struct Settings {
    /// PostgreSQL's protocol.
    pub postgres: Option<SocketAddr>,
    /// Arrow Flight SQL.
    pub flight: Option<SocketAddr>,
    /// HTTP.
    pub http: Option<SocketAddr>,
    /// From where the HTTP door is asked.
    pub asked: HttpSettings,
    /// TLS on every door; `None`: loopback addresses only.
    pub tls: Option<TlsFiles>,
    /// What each role may use. [`DEFAULT_ROLE`] is there even if it is not here.
    pub roles: BTreeMap<String, Limits>,
    /// Who may come in, by name; none: everybody on this machine, and loopback addresses only.
    pub users: BTreeMap<String, User>,
    /// Threads that queries and doors run on; `None`: half of the processors, at least two.
    pub threads: Option<usize>,
    /// Connections of each door, and sessions of the Flight door, at once.
    pub connections: usize,
    /// Time between looks for what has landed.
    pub refresh: Duration,
    /// How long running queries may go on when the doors close.
    pub grace: Duration,
    /// What is kept of statements.
    pub query_log: QueryLog,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            postgres: None,
            flight: None,
            http: None,
            asked: HttpSettings::default(),
            tls: None,
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            threads: None,
            connections: 100,
            refresh: Duration::from_secs(5),
            grace: Duration::from_secs(10),
            query_log: QueryLog::default(),
        }
    }
}

/// What is kept of the statements that were run, beside the events of the log.
#[derive(Clone, Debug)]
pub struct QueryLog {
    /// A file with a line of JSON for each; `None`: there is none.
    pub file: Option<PathBuf>,
    /// Bytes of the file at the most; it is then put aside.
    pub size: u64,
    /// How many files that were put aside are kept.
    pub files: usize,
    /// Whether statements are kept, here and in the log, with the values in them, which may name people.
    pub literals: bool,
}

impl Default for QueryLog {
    fn default() -> Self {
        Self { file: None, size: 64 << 20, files: 5, literals: false }
    }
}

/// From where the HTTP door may be asked, beside programs that use a name or address of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// Names it may be asked by at a loopback address, beside localhost: those that a proxy before it goes by.
    pub hosts: Vec<String>,
    /// Origins of pages in browsers that may ask, as `https://notebook.example`.
    pub origins: Vec<String>,
}

/// PEM files of the server's certificate (its chain after it) and key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Who may come in, and with what.
#[derive(Clone, Debug)]
pub struct User {
    /// The role, which says what may be used.
    pub role: String,
    /// For PostgreSQL (SCRAM-SHA-256), Flight and HTTP (basic).
    pub password: Option<SecretString>,
    /// For Flight and HTTP (bearer).
    pub token: Option<SecretString>,
}

/// What the queries of a role may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a statement may take, waiting for its turn and sending included.
    pub timeout: Duration,
    /// Rows of an answer; `None`: as many as there are. An answer with more ends with an error.
    pub rows: Option<u64>,
    /// Bytes for sorting, grouping and joining, over all of the role's queries; beyond it they spill to disk.
    pub memory: usize,
    /// Queries at once; others wait.
    pub queries: usize,
    /// Whether creators are seen under pseudonyms.
    pub pseudonyms: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(300), rows: None, memory: 512 << 20, queries: 4, pseudonyms: false }
    }
}

impl Settings {
    /// Whether some role sees creators under pseudonyms.
    pub fn wants_pseudonyms(&self) -> bool {
        self.roles.values().any(|limits| limits.pseudonyms)
    }

    /// What is wrong with these, each with the key it stands under.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (door, address) in self.doors() {
            if address.ip().is_loopback() {
                continue;
            }
            let why = match (&self.tls, self.users.is_empty()) {
                (None, _) => {
                    "passwords and answers would cross the network in the clear: give tls with certificate_file \
                              and key_file, or listen on 127.0.0.1"
                }
                (_, true) => {
                    "anybody could read the lake: name users with passwords in [serve.users.NAME], or listen on \
                              127.0.0.1"
                }
                _ => continue,
            };
            found.push((format!("{door}.listen"), format!("{address}: {why}")));
        }
        for origin in &self.asked.origins {
            let is_one = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
            if !is_one {
                let why = format!("{origin:?} is no origin: write scheme and host alone, as https://notebook.example");
                found.push(("http.origins".to_owned(), why));
            }
        }
        for host in self.asked.hosts.iter().filter(|host| host.is_empty() || host.contains(['/', ':'])) {
            found.push(("http.hosts".to_owned(), format!("{host:?} is no name: write it as lake.example")));
        }
        for (name, user) in &self.users {
            if user.role != DEFAULT_ROLE && !self.roles.contains_key(&user.role) {
                found.push((format!("users.{name}.role"), format!("no [serve.roles.{}] is configured", user.role)));
            }
            if user.password.is_none() && user.token.is_none() {
                found.push((format!("users.{name}"), "has neither password (or password_file) nor token".to_owned()));
            }
            for (key, secret) in [("password", &user.password), ("token", &user.token)] {
                if secret.as_ref().is_some_and(|secret| secrecy::ExposeSecret::expose_secret(secret).is_empty()) {
                    found.push((format!("users.{name}.{key}"), "is empty".to_owned()));
                }
            }
        }
        if self.query_log.size == 0 {
            found.push(("query_log.size".to_owned(), "is 0: no line would fit".to_owned()));
        }
        for (name, limits) in &self.roles {
            let zero = [
                ("timeout", limits.timeout.is_zero()),
                ("memory", limits.memory == 0),
                ("queries", limits.queries == 0),
                ("rows", limits.rows == Some(0)),
            ];
            let zeros = zero.into_iter().filter(|(_, zero)| *zero);
            found.extend(zeros.map(|(key, _)| (format!("roles.{name}.{key}"), "is 0: nothing could run".to_owned())));
        }
        found
    }

    /// The doors that are to be opened, by name.
    pub fn doors(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let all = [("postgres", self.postgres), ("flight", self.flight), ("http", self.http)];
        all.into_iter().filter_map(|(name, address)| Some((name, address?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &Settings) -> String {
        settings.mistakes().iter().map(|(key, why)| format!("{key}: {why}")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_network_needs_tls_and_passwords() {
        let tls = Some(TlsFiles { certificate: "c.pem".into(), key: "k.pem".into() });
        let user = User { role: DEFAULT_ROLE.into(), password: Some("p".to_owned().into()), token: None };
        let users = BTreeMap::from([("anna".to_owned(), user)]);
        for address in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let open = Settings { postgres: address.parse().ok(), ..Settings::default() };
            assert!(told(&open).contains("postgres.listen") && told(&open).contains("in the clear"), "{address}");
            let secret = Settings { tls: tls.clone(), ..open.clone() };
            assert!(told(&secret).contains("anybody could read"), "{address}");
            let clear = Settings { users: users.clone(), ..open };
            assert!(told(&clear).contains("in the clear"), "{address}");
            assert_eq!(told(&Settings { users: users.clone(), ..secret }), "");
        }
        for address in ["127.0.0.1:1", "[::1]:1"] {
            assert_eq!(told(&Settings { http: address.parse().ok(), ..Settings::default() }), "");
        }
    }

    #[test]
    fn names_and_origins_are_names_and_origins() {
        let asked = |host: &str, origin: &str| Settings {
            asked: HttpSettings { hosts: vec![host.into()], origins: vec![origin.into()] },
            ..Settings::default()
        };
        assert_eq!(told(&asked("lake.example", "https://notebook.example:8443")), "");
        for origin in ["*", "null", "notebook.example", "https://notebook.example/", "https://a.example/b"] {
            assert!(told(&asked("lake.example", origin)).contains("http.origins"), "{origin}");
        }
        for host in ["", "http://lake.example", "lake.example:80"] {
            assert!(told(&asked(host, "https://a.example")).contains("http.hosts"), "{host}");
        }
    }

    #[test]
    fn users_and_roles_fit_together() {
        let user = |password: Option<&str>, role: &str| User {
            role: role.into(),
            password: password.map(|p| p.to_owned().into()),
            token: None,
        };
        let users = [("a", user(None, DEFAULT_ROLE)), ("b", user(Some(""), DEFAULT_ROLE)), ("c", user(Some("p"), "x"))];
        let settings = Settings {
            users: users.map(|(name, user)| (name.to_owned(), user)).into(),
            roles: [("r".to_owned(), Limits { queries: 0, ..Limits::default() })].into(),
            ..Settings::default()
        };
        let told = told(&settings);
        for part in
            ["users.a: has neither", "users.b.password: is empty", "users.c.role: no [serve.roles.x]", "r.queries"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
