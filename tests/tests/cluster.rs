//! Queries on a scheduler and two executors, each a process of its own.

use std::path::Path;
use std::time::Duration;
use tidelake_tests::{Process, Stage, free_address, until};

/// The project's own recorded shapes.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");

/// Counts, joins, our own functions, nested columns, and a view over a window.
const QUERIES: [&str; 6] = [
    "SELECT count(*) AS videos, sum(views) AS views, min(created_at) AS first FROM videos",
    "SELECT h.tag, count(*) AS n, sum(v.views) AS views FROM videos v JOIN video_hashtags h \
     ON h.platform = v.platform AND h.video_id = v.video_id GROUP BY h.tag ORDER BY n DESC, h.tag LIMIT 20",
    "SELECT video_id, id_to_time(video_id) AS made, stats['views'] AS views, observed_date FROM video_observations \
     ORDER BY video_id, observed_at, views LIMIT 50",
    "SELECT region, median(likes) AS likes FROM videos GROUP BY region ORDER BY region NULLS FIRST",
    "SELECT count(*) AS none FROM annotations",
    "SELECT DISTINCT repeat(platform, 2) AS p, array_to_string(range(3), '-') AS r FROM video_observations ORDER BY p",
];

struct Cluster {
    address: String,
    executors: Vec<(Process, String)>,
    _scheduler: Process,
}

impl Cluster {
    fn start(stage: &Stage, executors: usize) -> Self {
        let address = free_address();
        let scheduler = stage.start(&["cluster", "scheduler", "--listen", &address], &[]);
        let start = |_| {
            let own = two_free_ports();
            let arguments = ["cluster", "executor", "--scheduler", &address, "--listen", &own, "--parallelism", "2"];
            (stage.start(&arguments, &[]), own)
        };
        let executors = (0..executors).map(start).collect();
        Self { address: format!("ballista://{address}"), executors, _scheduler: scheduler }
    }

    fn ask(&self, stage: &Stage, query: &str) -> Result<String, String> {
        let output = stage.run(&["sql", "--engine", &self.address, "--format", "json", query]);
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).expect("UTF-8"))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// An address whose next port is free as well.
fn two_free_ports() -> String {
    loop {
        let address = free_address();
        let (host, port) = address.rsplit_once(':').expect("has a port");
        let next = port.parse::<u16>().expect("a port").wrapping_add(1);
        if std::net::TcpListener::bind(format!("{host}:{next}")).is_ok() {
            return address;
        }
    }
}

/// Has an executor kept rows between stages?
fn worked(stage: &Stage, address: &str) -> bool {
    let port = address.rsplit(':').next().expect("a port");
    has_files(&stage.dir().join(format!("executor-{port}")))
}

fn has_files(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| if entry.path().is_dir() { has_files(&entry.path()) } else { true })
}

#[test]
fn a_cluster_answers_as_one_process_does() {
    let stage = Stage::set();
    stage.done(&["import", FIXTURES, "--wait"]);
    let mut cluster = Cluster::start(&stage, 2);
    until("the cluster answers", Duration::from_secs(90), || cluster.ask(&stage, "SELECT 1 AS one").is_ok());
    for query in QUERIES {
        let alone = stage.done(&["sql", "--format", "json", query]);
        assert_eq!(cluster.ask(&stage, query).unwrap_or_else(|e| panic!("{query}: {e}")), alone, "{query}");
    }
    until("both executors have worked", Duration::from_secs(60), || {
        cluster.ask(&stage, QUERIES[1]).expect("answers");
        cluster.executors.iter().all(|(_, address)| worked(&stage, address))
    });

    // Whoever is left does the work of one that is gone.
    cluster.executors[0].0.kill();
    let alone = stage.done(&["sql", "--format", "json", QUERIES[1]]);
    until("one executor is enough", Duration::from_secs(120), || cluster.ask(&stage, QUERIES[1]) == Ok(alone.clone()));

    // What functions make is bounded on executors, too.
    let bomb = "SELECT max(length(repeat(platform, 2000000000))) FROM video_observations";
    let refused = cluster.ask(&stage, bomb).expect_err("is too much");
    assert!(refused.contains("repeat would make"), "{refused}");

    let written = cluster.ask(&stage, "CREATE TABLE t AS SELECT 1").expect_err("only reads");
    assert!(written.contains("read"), "{written}");
}

#[test]
fn a_scheduler_that_is_not_there_is_named() {
    let stage = Stage::set();
    let nobody = format!("ballista://{}", free_address());
    let output = stage.run(&["sql", "--engine", &nobody, "SELECT count(*) FROM video_observations"]);
    assert!(!output.status.success());
    let wrong = stage.run(&["sql", "--engine", "spark://host:7077", "SELECT 1"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("ballista://HOST:PORT"), "{wrong:?}");
}
