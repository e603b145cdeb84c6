//! The doors, as psql and curl find them: who comes in, what is answered, what is refused, and what ends.
//!
//! Needs psql, curl and openssl; without them each test says so and ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tidelake_tests::{Stage, binary, until};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "open-sesame-17";
const TOKEN: &str = "t0ken-of-the-bot";
/// Runs for hours, unless it is ended.
const ENDLESS: &str =
    "SELECT sum(sqrt(x.value * y.value)) FROM generate_series(1, 1000000) x, generate_series(1, 10000000) y";
/// What the acceptance query Q1 asks, over what the fixtures hold.
const GROWTH: &str = "WITH w AS (
  SELECT v.region, h.tag,
         count(DISTINCT v.video_id) FILTER (WHERE v.created_at >= TIMESTAMP '2024-06-01T00:00:00Z') AS n1,
         count(DISTINCT v.video_id) FILTER (WHERE v.created_at < TIMESTAMP '2024-06-01T00:00:00Z') AS n0
  FROM videos v JOIN video_hashtags h USING (video_id) GROUP BY 1, 2)
SELECT coalesce(region, '?') AS region, tag, n1, n0, (n1 + 5.0) / (n0 + 5.0) AS growth
FROM (SELECT *, row_number() OVER (PARTITION BY region ORDER BY (n1 + 5.0) / (n0 + 5.0) DESC, n1 DESC, tag) AS r FROM w)
WHERE r <= 10 ORDER BY region, r, tag";

/// `tidelake serve` over the fixtures.
struct Bench {
    stage: Stage,
    server: Child,
    postgres: String,
    http: String,
    log: PathBuf,
}

impl Bench {
    /// With this in `[serve]`; `None` where the machine lacks a tool.
    #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn open(serve: &str) -> Option<Self> {
        for tool in ["psql", "curl", "openssl"] {
            let there = Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if there.is_err() {
                println!("skipped: {tool} is not installed");
                return None;
            }
        }
        let stage = Stage::alone();
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");
        stage.done(&["import", fixtures, "--wait"]);
        let config = stage.dir().join("tidelake.toml");
        std::fs::write(&config, serve.replace("DIR", &stage.dir().display().to_string())).expect("writes");
        let log = stage.dir().join("log");
        let file = std::fs::File::create(&log).expect("a log");
        let mut server = Command::new(binary())
            .args(["serve", "--postgres", "127.0.0.1:0", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(stage.dir())
            .arg("--config")
            .arg(&config)
            .env("RUST_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
        let mut found = [String::new(), String::new()];
        for line in lines.by_ref().map_while(Result::ok) {
            for (door, at) in [("postgres ", 0), ("http ", 1)] {
                if let Some(address) = line.strip_prefix(door) {
                    found[at] = address.trim().to_owned();
                }
            }
            if !found[1].is_empty() {
                break;
            }
        }
        let [postgres, http] = found;
        assert!(!http.is_empty(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
        // A server that nobody listens to any more would end.
        std::thread::spawn(move || lines.count());
        Some(Self { stage, server, postgres, http, log })
    }

    fn psql(&self, user: &str, password: &str, more: &str, statements: &[&str]) -> Output {
        self.psql_command(user, password, more, statements).output().expect("runs")
    }

    fn psql_command(&self, user: &str, password: &str, more: &str, statements: &[&str]) -> Command {
        let (host, port) = self.postgres.rsplit_once(':').expect("an address");
        let mut command = Command::new("psql");
        command.arg(format!("host={host} port={port} user={user} dbname=tidelake connect_timeout=20 {more}"));
        command.args(["--no-psqlrc", "--csv", "--tuples-only", "--set=VERBOSITY=verbose"]);
        statements.iter().for_each(|statement| _ = command.args(["-c", statement]));
        command.env("PGPASSWORD", password).stdin(Stdio::null());
        command
    }

    fn curl(&self, arguments: &[&str], sql: &str) -> Output {
        let url = format!("http://{}/api/v1/sql", self.http);
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "60", "--data-binary", sql, &url]).args(arguments);
        command.output().expect("runs")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    fn running(&self) -> usize {
        let output = self.curl(&["-H", "Accept: application/x-ndjson"], "SELECT * FROM tidelake.running_queries");
        text(&output.stdout).lines().count()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What psql says when it is refused.
fn refusal(output: &Output) -> String {
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("ERROR") || said.contains("FATAL"), "{output:?}");
    said
}

#[test]
fn psql_and_curl_get_what_the_command_line_answers() {
    let Some(bench) = Bench::open("") else { return };
    let expected = bench.stage.done(&["sql", "--format", "csv", GROWTH]);
    assert!(expected.lines().count() > 5, "{expected}");
    let psql = bench.psql("local", "", "", &[GROWTH]);
    let rows = |text: &str| text.lines().skip(1).map(|line| line.replace('"', "")).collect::<Vec<_>>();
    let by_psql = text(&psql.stdout).lines().map(|line| line.replace('"', "")).collect::<Vec<_>>();
    let same = |a: &str, b: &str| {
        a.split(',').zip(b.split(',')).all(|(a, b)| a == b || a.parse::<f64>().ok() == b.parse::<f64>().ok())
    };
    let expected = rows(&expected);
    assert_eq!(expected.len(), by_psql.len(), "{psql:?}");
    for (cli, psql) in expected.iter().zip(&by_psql) {
        assert!(same(cli, psql), "{cli} is not {psql}");
    }
    assert_eq!(rows(&text(&bench.curl(&["-H", "Accept: text/csv"], GROWTH).stdout)), expected);
    // Ids are whole, as numbers and as texts; what psql lists is there.
    let id = "SELECT video_id FROM videos ORDER BY video_id LIMIT 1";
    let (number, quoted) = (text(&bench.psql("local", "", "", &[id]).stdout), text(&bench.curl(&[], id).stdout));
    assert_eq!(quoted, format!("[{{\"video_id\":\"{}\"}}]\n", number.trim()));
    let listed = text(&bench.psql("local", "", "", &["\\dt", "\\dv", "\\d videos"]).stdout);
    for part in ["video_observations", "caption_prices", "video_id,bigint", "created_at,timestamp with time zone"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
}

#[test]
fn nothing_but_reading_is_done() {
    let Some(bench) = Bench::open("") else { return };
    for (statement, code) in [
        ("INSERT INTO media SELECT * FROM media", "25006"),
        ("CREATE TABLE x (a int)", "25006"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "25006"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "25006"),
        ("COPY (SELECT 1) TO STDOUT", "25006"),
        ("DROP VIEW videos", "25006"),
        ("DELETE FROM videos", "25006"),
        ("SET datafusion.runtime.memory_limit = '90G'", "55P02"),
        ("SET default_transaction_read_only = off", "25006"),
        ("SET no_such_thing = 1", "42704"),
        ("SELECT * FROM vidoes", "42P01"),
        ("SELECT vidoe_id FROM videos", "42703"),
        ("SELEC 1", "42601"),
        ("SELECT 1 / 0", "22000"),
        ("SELECT array_length(range(0, 3000000000))", "22000"),
        ("SELECT length(repeat('x', 2000000000)) FROM videos", "22000"),
    ] {
        let said = refusal(&bench.psql("local", "", "", &[statement]));
        assert!(said.contains(code), "{statement}: {said}");
    }
    assert!(refusal(&bench.psql("local", "", "", &["SELECT * FROM vidoes"])).contains("did you mean videos"));
    // In a transaction that failed nothing is answered; SET holds for one connection.
    let said = bench.psql("local", "", "", &["BEGIN; SELECT 1; SELECT nothing; SELECT 2"]);
    assert!(refusal(&said).contains("42703"), "{said:?}");
    let zone = ["SET TIME ZONE 'Asia/Tokyo'", "SHOW timezone"];
    assert_eq!(text(&bench.psql("local", "", "", &zone).stdout).lines().last(), Some("Asia/Tokyo"));
    assert_eq!(text(&bench.psql("local", "", "", &["SHOW timezone"]).stdout).trim(), "UTC");
    for (sql, status) in [("DROP TABLE media", "403"), ("SELECT * FROM vidoes", "400"), ("SELECT 1 / 0", "400")] {
        let problem: serde_json::Value =
            serde_json::from_slice(&bench.curl(&[], sql).stdout).expect("application/problem+json");
        assert_eq!(problem["status"].to_string(), status, "{problem}");
    }
    // What fails after rows have gone is not taken for the whole: curl says that the transfer is incomplete.
    let broken = bench.curl(&[], "SELECT 1 / (value - 90000) FROM generate_series(1, 100000)");
    assert!(!broken.status.success() && !broken.stdout.is_empty(), "{broken:?}");
}

#[test]
fn pages_in_browsers_are_answered_where_they_may_ask_and_places_are_counted() {
    let serve = "[serve]\nconnections = 3\n[serve.http]\nlisten = \"127.0.0.1:0\"\nhosts = [\"lake.example\"]\n\
                 origins = [\"https://notebook.example\"]\n[serve.roles.default]\npseudonyms = true\n";
    let Some(bench) = Bench::open(serve) else { return };
    let ask = |header: &str| text(&bench.curl(&["--include", "-H", header], "SELECT 1 AS x").stdout).to_lowercase();
    for header in ["Accept: */*".to_owned(), "Host: lake.example".to_owned(), format!("Origin: http://{}", bench.http)]
    {
        let answer = ask(&header);
        assert!(answer.starts_with("http/1.1 200") && answer.contains("[{\"x\":1}]"), "{header}: {answer}");
        assert!(!answer.contains("access-control-allow-origin"), "{header}: {answer}");
    }
    let page = ask("Origin: https://notebook.example");
    assert!(
        page.contains("access-control-allow-origin: https://notebook.example") && page.contains("\"x\":1"),
        "{page}"
    );
    for (header, kind) in
        [("Host: evil.example", "host"), ("Origin: https://evil.example", "origin"), ("Origin: null", "origin")]
    {
        let answer = ask(header);
        assert!(answer.starts_with("http/1.1 403") && answer.contains(&format!("2026:{kind}")), "{header}: {answer}");
    }
    let many = "SELECT value, 'the same again' AS text FROM generate_series(1, 20000)";
    let zipped = bench.curl(&["-H", "Accept-Encoding: gzip"], many).stdout;
    let (plain, unzipped) = (bench.curl(&[], many).stdout, bench.curl(&["--compressed"], many).stdout);
    assert!(zipped.starts_with(&[0x1f, 0x8b]) && zipped.len() * 5 < plain.len(), "{}", zipped.len());
    assert_eq!(unzipped, plain);

    // Under pseudonyms there are the same tables and views, and no id by which a guess could be confirmed.
    let (tables, views) = ("\\dt", "\\dv");
    let listed = |command: &str| text(&bench.psql("local", "", "", &[command]).stdout);
    for (command, there, elsewhere) in [
        (tables, "public,video_observations,table,", "public,videos,"),
        (views, "public,videos,view,", "public,video_observations,"),
    ] {
        let listed = listed(command);
        assert!(listed.contains(there) && !listed.contains(elsewhere), "{command}: {listed}");
    }
    let ids = "SELECT count(*) FROM video_observations WHERE NOT starts_with(event_id, 'n_')";
    assert_eq!(listed(ids).trim(), "0");

    let held: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(&bench.http).expect("connects")).collect();
    until("no place is left", PATIENCE, || !bench.curl(&[], "SELECT 1").status.success());
    drop(held);
    until("there is one again", PATIENCE, || bench.curl(&[], "SELECT 1").status.success());
}

#[test]
fn queries_end_when_they_must() {
    let serve = "[serve]\ngrace = \"1s\"\nquery_log.file = \"DIR/logs/queries.ndjson\"\n\
                 [serve.roles.default]\nrows = 1000\nqueries = 2\n";
    let Some(mut bench) = Bench::open(serve) else { return };
    let said = refusal(&bench.psql("local", "", "", &["SET statement_timeout = '300ms'", ENDLESS]));
    assert!(said.contains("57014") && said.contains("timeout"), "{said}");
    let largest = "SELECT value FROM generate_series(1, 5000) ORDER BY value DESC LIMIT 3";
    assert_eq!(text(&bench.psql("local", "", "", &[largest]).stdout), "5000\n4999\n4998\n");
    assert!(refusal(&bench.psql("local", "", "", &["SELECT mia FROM nosuch WHERE handle = 'mia'"])).contains("42P01"));
    let many = "SELECT value FROM generate_series(1, 5000)";
    assert!(refusal(&bench.psql("local", "", "", &[many])).contains("54000"));
    assert_eq!(text(&bench.psql("local", "", "", &["SELECT count(*) FROM generate_series(1, 5000)"]).stdout), "5000\n");
    // Ctrl-C: psql asks for the end on a connection of its own.
    let mut command = bench.psql_command("local", "", "", &[ENDLESS]);
    let psql = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    until("the query runs", PATIENCE, || bench.running() == 2);
    let begun = Instant::now();
    signal("INT", psql.id());
    let ended = psql.wait_with_output().expect("ends");
    assert!(text(&ended.stderr).contains("57014") && begun.elapsed() < Duration::from_secs(10), "{ended:?}");
    // A client that goes away takes its query along.
    let url = format!("http://{}/api/v1/sql", bench.http);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--data-binary", ENDLESS, &url]).stdout(Stdio::null());
    let mut curl = curl.spawn().expect("starts");
    until("the query runs", PATIENCE, || bench.running() == 2);
    curl.kill().expect("is there");
    _ = curl.wait();
    until("the query ends", PATIENCE, || bench.running() == 1);
    // On stopping, what runs has its grace, and is then told why it ends.
    let mut command = bench.psql_command("local", "", "", &[ENDLESS]);
    let psql = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    until("the query runs", PATIENCE, || bench.running() == 2);
    signal("TERM", bench.server.id());
    let ended = psql.wait_with_output().expect("ends");
    assert!(text(&ended.stderr).contains("57P01"), "{ended:?}");
    until("the server ends", PATIENCE, || bench.server.try_wait().expect("waits").is_some());
    assert_eq!(bench.server.wait().expect("ended").code(), Some(0));
    let log = bench.log();
    for outcome in ["timeout", "too-many-rows", "cancelled", "stopping", "answered"] {
        assert!(log.contains(&format!("\"outcome\":\"{outcome}\"")), "{outcome} is not in the audit trail");
    }
    let kept = std::fs::read_to_string(bench.stage.dir().join("logs/queries.ndjson")).expect("a query log");
    let kept: Vec<serde_json::Value> = kept.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let sorted = "SELECT value FROM generate_series(?, ?) ORDER BY value DESC LIMIT ?";
    let of = |sql: &str| kept.iter().find(|line| line["sql"] == sql).unwrap_or_else(|| panic!("{sql}: {kept:?}"));
    assert_eq!(
        (&of(sorted)["outcome"], &of(sorted)["rows"], &of(sorted)["door"]),
        (&"answered".into(), &3.into(), &"postgres".into())
    );
    assert!(of(sorted)["memory_bytes"].as_u64() > Some(0) && of(sorted)["seconds"].as_f64() > Some(0.0), "{kept:?}");
    assert!(of(sorted)["at"].as_str().is_some_and(|at| at.ends_with('Z')) && of(sorted)["user"] == "local", "{kept:?}");
    let wrong = kept.iter().find(|line| line["outcome"] == "wrong").expect("is there");
    assert_eq!(wrong["sql"], "SELECT ? FROM ? WHERE ? = ?");
}

#[test]
fn only_those_who_are_known_come_in_and_only_encrypted() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (certificate, key) = certificate(dir.path());
    let serve = format!(
        "[serve]\ntls = {{ certificate_file = {certificate:?}, key_file = {key:?} }}\n\
         [serve.users.anna]\npassword = \"{PASSWORD}\"\n[serve.users.bot]\ntoken = \"{TOKEN}\"\n"
    );
    let Some(bench) = Bench::open(&serve) else { return };
    let tls = format!("sslmode=verify-ca sslrootcert={certificate}");
    let good = bench.psql("anna", PASSWORD, &tls, &["SELECT current_user"]);
    assert_eq!(text(&good.stdout), "anna\n", "{good:?}");
    for (user, password, more, said) in [
        ("anna", "open-sesame-18", tls.as_str(), "assword"),
        ("anna", "", &tls, "assword"),
        ("bot", TOKEN, &tls, "assword"),
        ("postgres", PASSWORD, &tls, "assword"),
        ("anna", PASSWORD, "sslmode=disable", "encrypted connections only"),
    ] {
        let output = bench.psql(user, password, more, &["SELECT 1"]);
        let why = text(&output.stderr);
        assert!(!output.status.success() && why.contains(said) && output.stdout.is_empty(), "{user}: {why}");
    }
    let https = |login: &[&str]| {
        let mut command = Command::new("curl");
        let url = format!("https://{}/api/v1/sql", bench.http);
        command.args([
            "--silent",
            "--cacert",
            &certificate,
            "--write-out",
            "%{http_code}",
            "-d",
            "SELECT 1 AS x",
            &url,
        ]);
        text(&command.args(login).output().expect("runs").stdout)
    };
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for login in [&["-u", &format!("anna:{PASSWORD}")], &["-H", bearer.as_str()]] {
        assert_eq!(https(login), "[{\"x\":1}]\n200");
    }
    for login in
        [&["-u", "anna:wrong"][..], &["-H", "Authorization: Bearer wrong"], &["-u", &format!("bot:{TOKEN}")], &[]]
    {
        let answer = https(login);
        assert!(answer.ends_with("401") && answer.contains("tag:tidelake,2026:credentials"), "{answer}");
    }
    assert!(!bench.curl(&[], "SELECT 1").status.success(), "plain HTTP is answered");
    let log = bench.log();
    assert!(log.contains("\"user\":\"anna\""));
    for secret in [PASSWORD, TOKEN, "open-sesame-18"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

fn signal(name: &str, process: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
}

/// A certificate for 127.0.0.1 and its key, made by openssl.
fn certificate(dir: &Path) -> (String, String) {
    let path = |name: &str| dir.join(name).display().to_string();
    let (certificate, key) = (path("server.crt"), path("server.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
        .args(["-keyout", &key, "-out", &certificate])
        .output();
    assert!(made.map_or(true, |made| made.status.success()), "openssl makes a certificate");
    (certificate, key)
}
