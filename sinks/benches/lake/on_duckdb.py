"""The named queries on DuckDB, over the files of a generated lake: see the README beside the folder.

python on_duckdb.py LAKE [--tidelake LINES] [--only NAME,NAME]

Views and queries are Tidelake's own files, put into DuckDB's words by the few replacements below; the files read are those
that the Delta logs list, videos_current among them. LINES is what `lake ask` printed, for the ratio. Two functions are less
work here: to_local knows no summer time, and bootstrap_interval gives nothing.
"""

import argparse
import json
import pathlib
import re
import statistics
import time

import duckdb

from delta_log import files

WARM = 3
QUERY = pathlib.Path(__file__).resolve().parents[2] / "src" / "query"
# The views that the queries use, each after those it uses.
VIEWS = ["videos", "video_stats", "video_hashtags", "caption_prices", "caption_cta", "caption_sentiment", "stats_72h",
         "stats_7d", "availability", "coverage_by_query_day", "overview"]
QUERIES = ["fastest-hashtags", "posting-hours", "rising-creators", "price-mentions", "sound-adoption", "hashtag-pairs",
           "partnerships", "completeness", "top-videos", "overview"]
NOW = "TIMESTAMPTZ '2026-04-01T00:00:00Z'"
BINDS = {":now": NOW, ":since": "CAST(NULL AS TIMESTAMPTZ)", ":region": "CAST(NULL AS VARCHAR)", ":by": "'views'", ":limit": "20"}
WORDS = {
    r"\bfirst_value\((?=[^()]* ORDER BY)": "first(",
    r"\blast_value\((?=[^()]* ORDER BY)": "last(",
    r"\bapprox_percentile_cont\(": "approx_quantile(",
    r"\bapprox_median\(([^)]*)\)": r"approx_quantile(\1, 0.5)",
    r"generate_series\(0, 23\) AS hours": "generate_series(0, 23) AS hours(value)",
    r"stats_at\(INTERVAL '72 hours'\)": "stats_at(72)",
    r"stats_at\(INTERVAL '7 days'\)": "stats_at(168)",
}
MACROS = """
CREATE MACRO fold(t) AS lower(nfc_normalize(t));
CREATE MACRO engagement_rate(l, c, s, v) AS CASE WHEN v > 0 THEN (l + c + s) * 1.0 / v END;
CREATE MACRO to_local(t, region) AS CAST(t AS TIMESTAMP) + to_hours(CASE region WHEN 'US' THEN -5 WHEN 'ID' THEN 7
  WHEN 'BR' THEN -3 WHEN 'MX' THEN -6 WHEN 'VN' THEN 7 WHEN 'PH' THEN 8 WHEN 'GB' THEN 0 WHEN 'TR' THEN 3 ELSE 1 END);
CREATE MACRO bootstrap_interval(x, share, seed) AS {'low': min(x) * NULL, 'high': min(x) * NULL};
CREATE VIEW newest_videos AS FROM videos_current;
CREATE VIEW newest_creators AS FROM creators_current;
CREATE VIEW newest_at_ages AS FROM videos_at_ages;
CREATE MACRO value_at(times, given, t) AS coalesce(
  list_max(list_filter(list_zip(times, given), lambda x: x[1] <= t))[2],
  list_min(list_filter(list_zip(times, given), lambda x: x[1] > t AND x[1] <= t + INTERVAL 7 DAY))[2]);
CREATE TABLE coverage (
  provenance STRUCT(task VARCHAR, connector VARCHAR, cycle BIGINT), observed_at TIMESTAMPTZ, window_start TIMESTAMPTZ,
  window_end TIMESTAMPTZ, requested BIGINT, got BIGINT, has_more BOOLEAN, stop_reason VARCHAR, fault VARCHAR, page BIGINT);
"""


def words(query: str) -> str:
    """A query in DuckDB's words."""
    query = "\n".join(line for line in query.splitlines() if not line.startswith("--"))
    for name, value in BINDS.items():
        query = query.replace(name, value)
    for pattern, word in WORDS.items():
        query = re.sub(pattern, word, query)
    return query


def stats_at_ages() -> str:
    """stats_at at an age that is kept, as Tidelake puts it together."""
    columns = (QUERY / "functions" / "stats_at.sql").read_text().split("FROM")[0]
    stats = words((QUERY / "views" / "video_stats.sql").read_text())
    of_age = "FROM (SELECT * FROM newest_at_ages WHERE hours = age)"
    return f"{columns} FROM ({stats.replace('FROM video_observations', of_age)})"


def connect(lake: pathlib.Path) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'; SET threads = 2; SET memory_limit = '4GB'")
    for log in lake.glob("*/_delta_log"):
        table = log.parent
        listed = ", ".join(f"'{path}'" for path in files(table))
        session.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet([{listed}], hive_partitioning = true)")
    session.execute(MACROS)
    for view in VIEWS:
        if view == "stats_72h":
            session.execute(f"CREATE MACRO stats_at(age) AS TABLE {stats_at_ages()}")
        session.execute(f"CREATE VIEW {view} AS {words((QUERY / 'views' / f'{view}.sql').read_text())}")
    return session


def timed(session: duckdb.DuckDBPyConnection, query: str) -> tuple[float, int]:
    began = time.perf_counter()
    rows = session.execute(query).to_arrow_table().num_rows
    return time.perf_counter() - began, rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=pathlib.Path)
    parser.add_argument("--tidelake", type=pathlib.Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    ours = {}
    if options.tidelake:
        lines = (json.loads(line) for line in options.tidelake.read_text().splitlines() if line.startswith("{"))
        ours = {line["query"]: line for line in lines}
    ratios = []
    for name in options.only.split(",") if options.only else QUERIES:
        session = connect(options.lake)
        query = words((QUERY / "named" / f"{name}.sql").read_text())
        try:
            cold, rows = timed(session, query)
            warm = min(timed(session, query)[0] for _ in range(WARM))
        except duckdb.Error as error:
            print(json.dumps({"query": name, "fault": str(error)[:300]}))
            continue
        line = {"query": name, "duckdb_cold_s": round(cold, 3), "duckdb_warm_s": round(warm, 3), "duckdb_rows": rows}
        mine = ours.get(name, {})
        if mine.get("warm_s"):
            ratio = mine["warm_s"] / warm
            ratios.append(ratio)
            line |= {"tidelake_warm_s": round(mine["warm_s"], 3), "rows": mine["rows"], "ratio": round(ratio, 2)}
        print(json.dumps(line))
    if ratios:
        print(json.dumps({"duckdb": duckdb.__version__, "median_ratio": round(statistics.median(ratios), 2)}))


if __name__ == "__main__":
    main()
