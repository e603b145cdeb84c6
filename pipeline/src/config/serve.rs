//! `[serve]`: the doors people query the lake through, and who may come in.

use super::sources::{self, Mistake};
use super::units::{bytes, duration};
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tidelake_serve::{HttpSettings, Limits, QueryLog, Settings, TlsFiles, User};

/// `[serve]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServeConfig {
    /// PostgreSQL's protocol.
    postgres: Option<Door>,
    /// Arrow Flight SQL.
    flight: Option<Door>,
    /// HTTP.
    http: Option<HttpDoor>,
    /// TLS on every door.
    tls: Option<TlsConfig>,
    /// What the users of each role may use.
    roles: BTreeMap<String, RoleConfig>,
    /// Who may come in, by name.
    users: BTreeMap<String, UserConfig>,
    /// Threads of doors and queries; 0: half of the processors, at least two.
    threads: usize,
    /// Connections at once.
    connections: usize,
    /// Time between looks for what has landed.
    #[serde(deserialize_with = "duration")]
    refresh: Duration,
    /// How long running queries may go on when the process stops.
    #[serde(deserialize_with = "duration")]
    grace: Duration,
    /// What is kept of statements.
    query_log: QueryLogConfig,
}

/// `[serve.query_log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QueryLogConfig {
    /// Lines of JSON; absent: only the events of the log.
    file: Option<PathBuf>,
    /// Bytes at the most; then the file is put aside.
    #[serde(deserialize_with = "bytes")]
    size: u64,
    /// Files that were put aside and stay.
    files: usize,
    /// Whether statements are kept with the values in them.
    literals: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Door {
    /// Address and port.
    listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpDoor {
    /// Address and port.
    listen: SocketAddr,
    /// Names it may be asked by on this machine, beside localhost.
    #[serde(default)]
    hosts: Vec<String>,
    /// Origins of pages in browsers that may ask.
    #[serde(default)]
    origins: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsConfig {
    /// PEM: the certificate, then its chain.
    certificate_file: PathBuf,
    /// PEM: its key.
    key_file: PathBuf,
}

/// `[serve.roles.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RoleConfig {
    /// How long a statement may take.
    #[serde(deserialize_with = "duration")]
    timeout: Duration,
    /// Rows of an answer; absent: as many as there are.
    rows: Option<u64>,
    /// Memory of the role's queries together; beyond it they spill.
    #[serde(deserialize_with = "bytes")]
    memory: u64,
    /// Queries at once.
    queries: usize,
    /// Whether creators are seen under pseudonyms (the key is [privacy]'s).
    pseudonyms: bool,
}

/// `[serve.users.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserConfig {
    /// The role; absent: `default`.
    #[serde(default = "default_role")]
    role: String,
    password: Option<SecretString>,
    token: Option<SecretString>,
}

fn default_role() -> String {
    tidelake_serve::DEFAULT_ROLE.to_owned()
}

impl Default for ServeConfig {
    fn default() -> Self {
        let Settings { connections, refresh, grace, .. } = Settings::default();
        let (roles, users) = (BTreeMap::new(), BTreeMap::new());
        Self {
            postgres: None,
            flight: None,
            http: None,
            tls: None,
            roles,
            users,
            threads: 0,
            connections,
            refresh,
            grace,
            query_log: QueryLogConfig::default(),
        }
    }
}

impl Default for QueryLogConfig {
    fn default() -> Self {
        let QueryLog { file, size, files, literals } = QueryLog::default();
        Self { file, size, files, literals }
    }
}

impl Default for RoleConfig {
    fn default() -> Self {
        let Limits { timeout, rows, memory, queries, pseudonyms } = Limits::default();
        Self { timeout, rows, memory: memory as u64, queries, pseudonyms }
    }
}

impl ServeConfig {
    /// Whether there is a door to open.
    pub(crate) fn has_doors(&self) -> bool {
        self.settings().doors().next().is_some()
    }

    /// Puts addresses in the place of the configured ones. Where there is none at all, every door is opened on this
    /// machine's usual ones.
    pub(crate) fn listen(
        &mut self,
        postgres: Option<SocketAddr>,
        flight: Option<SocketAddr>,
        http: Option<SocketAddr>,
    ) {
        let given = [postgres, flight, http].iter().any(Option::is_some);
        let usual = |port: u16| (!given && !self.has_doors()).then(|| SocketAddr::from(([127, 0, 0, 1], port)));
        let ports = [usual(5432), usual(32010), usual(8080)];
        for (door, listen) in [(&mut self.postgres, postgres.or(ports[0])), (&mut self.flight, flight.or(ports[1]))] {
            if let Some(listen) = listen {
                *door = Some(Door { listen });
            }
        }
        if let Some(listen) = http.or(ports[2]) {
            let known = self.http.take().map(|door| (door.hosts, door.origins));
            let (hosts, origins) = known.unwrap_or_default();
            self.http = Some(HttpDoor { listen, hosts, origins });
        }
    }

    /// As the doors take them.
    pub(crate) fn settings(&self) -> Settings {
        let limits = |role: &RoleConfig| Limits {
            timeout: role.timeout,
            rows: role.rows,
            memory: usize::try_from(role.memory).unwrap_or(usize::MAX),
            queries: role.queries,
            pseudonyms: role.pseudonyms,
        };
        let user = |user: &UserConfig| User {
            role: user.role.clone(),
            password: user.password.clone(),
            token: user.token.clone(),
        };
        Settings {
            postgres: self.postgres.as_ref().map(|door| door.listen),
            flight: self.flight.as_ref().map(|door| door.listen),
            http: self.http.as_ref().map(|door| door.listen),
            asked: self.http.as_ref().map_or_else(HttpSettings::default, |door| HttpSettings {
                hosts: door.hosts.clone(),
                origins: door.origins.clone(),
            }),
            tls: self
                .tls
                .as_ref()
                .map(|tls| TlsFiles { certificate: tls.certificate_file.clone(), key: tls.key_file.clone() }),
            roles: self.roles.iter().map(|(name, role)| (name.clone(), limits(role))).collect(),
            users: self.users.iter().map(|(name, one)| (name.clone(), user(one))).collect(),
            threads: (self.threads > 0).then_some(self.threads),
            connections: self.connections,
            refresh: self.refresh,
            grace: self.grace,
            query_log: QueryLog {
                file: self.query_log.file.clone(),
                size: self.query_log.size,
                files: self.query_log.files,
                literals: self.query_log.literals,
            },
        }
    }

    pub(super) fn check(&self, wrong: &mut impl FnMut(&str, String)) {
        if self.refresh.is_zero() {
            wrong("serve.refresh", "is 0; write 5s".to_owned());
        }
        if self.connections == 0 {
            wrong("serve.connections", "is 0: nobody could come in".to_owned());
        }
        for (key, why) in self.settings().mistakes() {
            wrong(&format!("serve.{key}"), why);
        }
    }
}

/// Reads `password_file` and `token_file` of every user.
pub(super) fn secrets(table: &mut toml::Table, mistakes: &mut Vec<Mistake>) {
    let users = table.get_mut("serve").and_then(|serve| serve.get_mut("users")).and_then(toml::Value::as_table_mut);
    for (name, user) in users.into_iter().flatten() {
        if let Some(user) = user.as_table_mut() {
            sources::secrets_of(&format!("serve.users.{name}"), user, mistakes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(text: &str) -> (Config, String) {
        let mut mistakes = Vec::new();
        let config = Config::from_table(toml::from_str(text).expect("is TOML"), &mut mistakes);
        (config, mistakes.iter().map(|m| format!("{}: {}", m.path, m.why)).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn doors_roles_and_users_are_read() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("anna");
        std::fs::write(&file, "open sesame\n").expect("writes");
        let (config, mistakes) = load(&format!(
            "[serve]\npostgres = {{ listen = \"127.0.0.1:5432\" }}\nhttp = {{ listen = \"[::1]:8080\" }}\n\
             [serve.roles.analyst]\ntimeout = \"30s\"\nrows = 1000\nmemory = \"64MiB\"\nqueries = 2\npseudonyms = true\n\
             [serve.users.anna]\nrole = \"analyst\"\npassword_file = {:?}\n[serve.users.bot]\ntoken = \"hush\"\n",
            file.display().to_string()
        ));
        assert_eq!(mistakes, "");
        let settings = config.serve.settings();
        let limits = Limits {
            timeout: Duration::from_secs(30),
            rows: Some(1_000),
            memory: 64 << 20,
            queries: 2,
            pseudonyms: true,
        };
        assert_eq!(settings.roles["analyst"], limits);
        let password = settings.users["anna"].password.as_ref().expect("a password");
        assert_eq!(secrecy::ExposeSecret::expose_secret(password), "open sesame");
        assert!(config.serve.has_doors() && settings.users["bot"].role == "default");
        let shown = format!("{config:?}");
        assert!(!shown.contains("sesame") && !shown.contains("hush"), "a secret is shown");
    }

    #[test]
    fn what_would_be_unsafe_is_a_mistake() {
        for (text, part) in [
            ("postgres = { listen = \"0.0.0.0:5432\" }", "serve.postgres.listen: 0.0.0.0:5432: passwords"),
            ("flight = { listen = \"localhost\" }", "serve.flight.listen"),
            ("users.a.role = \"x\"\nusers.a.password = \"hush\"", "serve.users.a.role"),
            ("users.a.password = 12345", "serve.users.a.password"),
            ("users.a.passwort = \"hush\"", "serve.users.a"),
            ("roles.r.queries = 0", "serve.roles.r.queries"),
            ("users.a.password_file = \"/nowhere/x\"", "serve.users.a.password_file"),
            ("refresh = \"0s\"", "serve.refresh"),
            ("query_log.size = \"0B\"", "serve.query_log.size: is 0"),
            ("query_log.path = \"x\"", "serve.query_log"),
            ("http = { listen = \"127.0.0.1:1\", origins = [\"*\"] }", "serve.http.origins"),
            ("http = { listen = \"127.0.0.1:1\", host = [\"a\"] }", "serve.http"),
        ] {
            let (_, mistakes) = load(&format!("[serve]\n{text}\n"));
            assert!(mistakes.contains(part), "{part}: {mistakes}");
            assert!(!mistakes.contains("hush") && !mistakes.contains("12345"), "{mistakes}");
        }
    }
}
