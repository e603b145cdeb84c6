#!/usr/bin/env python3
"""Do other readers see in the lake what `tidelake sql` sees?

    check.py --lake DIR --tidelake BINARY --data-dir DIR [--spark JARS]

For each table: the number of rows and of distinct event_ids, and for video_observations also sums and extremes, as
answered by `tidelake sql`, by DuckDB's own Parquet reader over the files that are live in the Delta log, by delta-rs's
Python package, by Polars, and by Spark when told where Delta's jars for it are. Then exports: CSV, NDJSON, Excel and
Parquet hold the same ids, as pandas, openpyxl and DuckDB read them, every digit of them. Exits 1 when any answer differs,
2 when the check itself could not be made.

DuckDB's `delta_scan` is not used: it downloads an extension at run time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pandas
import polars
from deltalake import DeltaTable, QueryBuilder

# Every table of the lake that the daemon writes to as soon as anything is imported.
REQUIRED = "video_observations"
# A reader of bare Parquet files understands a table only while the log asks nothing more of readers.
PLAIN_READER_VERSION = 1

Answer = dict[str, int | None]


class CheckFailed(Exception):
    """The check could not be made."""


def questions(table: str, micros: str) -> dict[str, str]:
    """What is asked of a table: name to SQL expression. `micros` makes microseconds since 1970 of a timestamp."""
    asked = {"rows": "count(*)", "event_ids": "count(DISTINCT event_id)"}
    if table == "video_observations":
        asked |= {
            "views": "sum(stats['views'])",
            "likes": "sum(stats['likes'])",
            "first": micros.format("min(observed_at)"),
            "last": micros.format("max(observed_at)"),
        }
    return asked


def select(table: str, source: str, micros: str) -> str:
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in questions(table, micros).items())
    return f"SELECT {columns} FROM {source}"


def answer(table: str, row: dict[str, object]) -> Answer:
    """Integers, whatever the reader made of them: DuckDB sums into HUGEINT, JSON may carry 64-bit integers as text."""
    return {name: None if row[name] is None else int(str(row[name])) for name in questions(table, "{}")}


def by_tidelake(table: str, binary: Path, data_dir: Path) -> Answer:
    query = select(table, table, "CAST({} AS BIGINT)")
    command = [str(binary), "sql", "--format", "json", "--data-dir", str(data_dir), query]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckFailed(f"{binary} cannot be run: {error}") from error
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()}")
    (row,) = json.loads(done.stdout)
    return answer(table, row)


def by_duckdb(table: str, delta: DeltaTable) -> Answer:
    version = delta.protocol().min_reader_version
    if version > PLAIN_READER_VERSION:
        raise CheckFailed(f"the table asks for reader version {version}: its files alone no longer say what it holds")
    files = delta.file_uris()
    if not files:
        return {name: 0 if name in ("rows", "event_ids") else None for name in questions(table, "{}")}
    with duckdb.connect() as connection:
        query = select(table, "read_parquet(?, union_by_name = true)", "epoch_us({})")
        cursor = connection.execute(query, [files])
        names = [column[0] for column in cursor.description]
        return answer(table, dict(zip(names, cursor.fetchone(), strict=True)))


def by_delta_rs(table: str, delta: DeltaTable) -> Answer:
    query = select(table, "t", "CAST({} AS BIGINT)")
    result = QueryBuilder().register("t", delta).execute(query).read_all()
    return answer(table, {name: result.column(name)[0].as_py() for name in questions(table, "{}")})


def by_polars(table: str, path: Path) -> Answer:
    column, field = polars.col, polars.col("stats").struct.field
    asked = {
        "rows": polars.len(),
        "event_ids": column("event_id").n_unique(),
        "views": field("views").sum(),
        "likes": field("likes").sum(),
        "first": column("observed_at").min().dt.epoch("us"),
        "last": column("observed_at").max().dt.epoch("us"),
    }
    wanted = [asked[name].alias(name) for name in questions(table, "{}")]
    return answer(table, polars.scan_delta(str(path)).select(wanted).collect().row(0, named=True))


class Spark:
    """A Spark of its own in this process, with Delta's jars."""

    def __init__(self, jars: Path) -> None:
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        from pyspark.sql import SparkSession

        settings = {
            "spark.jars": ",".join(str(jar) for jar in sorted(jars.glob("delta-*.jar"))),
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.ansi.doubleQuotedIdentifiers": "true",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.databricks.delta.snapshotPartitions": "2",
            "spark.sql.shuffle.partitions": "2",
        }
        builder = SparkSession.builder.master("local[2]").appName("tidelake")
        for key, value in settings.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()

    def ask(self, table: str, path: Path) -> Answer:
        rows = self.session.sql(select(table, f"delta.`{path.resolve()}`", "unix_micros({})"))
        return answer(table, rows.first().asDict())


def compare(table: str, readers: dict[str, Callable[[], Answer]]) -> bool:
    """Asks every reader, prints the answers, and says whether they agree."""
    answers = {}
    for reader, ask in readers.items():
        try:
            answers[reader] = ask()
        except CheckFailed:
            raise
        except Exception as error:
            # A reader that cannot read the table is what this check looks for, whatever it raises.
            print(f"DIFFERS  {table}: {reader} cannot read it: {error}")
            return False
    agreed = next(iter(answers.values()))
    differing = [name for name in agreed if len({a[name] for a in answers.values()}) > 1]
    if not differing:
        print(f"same     {table}: " + ", ".join(f"{name} {value}" for name, value in agreed.items()))
        return True
    for name in differing:
        print(f"DIFFERS  {table}: {name}: " + ", ".join(f"{reader} {a[name]}" for reader, a in answers.items()))
    return False


def exported_ids(binary: Path, data_dir: Path, scratch: Path) -> dict[str, set[str]]:
    """The ids of the videos, by what read them back."""

    def export(name: str) -> Path:
        path = scratch / name
        query = f"SELECT video_id, caption, author['handle'] AS handle FROM {REQUIRED}"
        command = [str(binary), "export", "--query", query, "--to", str(path), "--data-dir", str(data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise CheckFailed(f"export to {name}: exit code {done.returncode}: {done.stderr.strip()}")
        return path

    def texts(values: object) -> set[str]:
        return {value if isinstance(value, str) else repr(value) for value in values}

    rows = openpyxl.load_workbook(export("ids.xlsx"), read_only=True).worksheets[0].iter_rows(values_only=True)
    with duckdb.connect() as connection:
        query = "SELECT CAST(video_id AS VARCHAR) FROM read_parquet(?)"
        parquet = {row[0] for row in connection.execute(query, [str(export("ids.parquet"))]).fetchall()}
    return {
        "DuckDB (Parquet)": parquet,
        "pandas (CSV)": texts(pandas.read_csv(export("ids.csv"), dtype={"video_id": str})["video_id"]),
        "pandas (NDJSON)": texts(pandas.read_json(export("ids.ndjson"), lines=True, dtype=False)["video_id"]),
        "openpyxl (Excel)": texts(row[0] for row in list(rows)[1:]),
    }


def compare_exports(binary: Path, data_dir: Path) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        found = exported_ids(binary, data_dir, Path(scratch))
    expected = next(iter(found.values()))
    differing = [reader for reader, ids in found.items() if ids != expected]
    longest = max((len(value) for value in expected), default=0)
    if differing or longest < 19:
        print(f"DIFFERS  exports: {', '.join(differing) or 'no id has 19 digits'}")
        return False
    print(f"same     exports: {len(expected)} ids, as {', '.join(found)} read them")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", type=Path, required=True, help="the directory that holds the tables")
    parser.add_argument("--tidelake", type=Path, required=True, help="the binary")
    parser.add_argument("--data-dir", type=Path, required=True, help="what the binary is given as --data-dir")
    parser.add_argument("--spark", type=Path, metavar="JARS", help="ask Spark too; the directory of Delta's jars for it")
    args = parser.parse_args()

    tables = sorted(log.parent.name for log in args.lake.glob("*/_delta_log"))
    try:
        if REQUIRED not in tables:
            raise CheckFailed(f"{args.lake} holds no {REQUIRED}")
        same = True
        spark = Spark(args.spark) if args.spark else None
        for table in tables:
            delta = DeltaTable(args.lake / table)
            if table == REQUIRED and not delta.file_uris():
                raise CheckFailed(f"{REQUIRED} is empty: there is nothing to compare")
            readers = {
                "tidelake": lambda t=table: by_tidelake(t, args.tidelake, args.data_dir),
                "DuckDB": lambda t=table, d=delta: by_duckdb(t, d),
                "delta-rs": lambda t=table, d=delta: by_delta_rs(t, d),
                "Polars": lambda t=table: by_polars(t, args.lake / t),
            }
            if spark:
                readers["Spark"] = lambda t=table: spark.ask(t, args.lake / t)
            same &= compare(table, readers)
        same &= compare_exports(args.tidelake, args.data_dir)
    except CheckFailed as error:
        print(f"check.py: {error}", file=sys.stderr)
        return 2
    print(f"{len(tables)} tables: " + ("every reader sees the same" if same else "the readers differ"))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
