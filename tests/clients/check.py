#!/usr/bin/env python3
"""Do clients get through the doors what `tidelake sql` answers?

    check.py --tidelake BINARY --data-dir DIR --jdbc JARS

Starts `tidelake serve` on the data directory and asks a question of growth by region and hashtag, and one about ids and
instants, through pandas and SQLAlchemy (PostgreSQL's protocol), ADBC (Arrow Flight SQL), JDBC (both, by the drivers in
JARS) and HTTP (JSON, and Arrow read by pyarrow). Asks each client what tables and columns there are. Exits 1 when any
answer differs, 2 when the check itself could not be made.
"""

import argparse
import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

# Q1 of the acceptance queries: hashtags that grow fastest, by region, without the floors that a small lake never reaches.
GROWTH = """
WITH w AS (
  SELECT v.region, h.tag,
         count(DISTINCT v.video_id) FILTER (WHERE v.created_at >= TIMESTAMP '2024-06-01T00:00:00Z') AS n1,
         count(DISTINCT v.video_id) FILTER (WHERE v.created_at < TIMESTAMP '2024-06-01T00:00:00Z') AS n0,
         count(DISTINCT v.author_handle) AS c1
  FROM videos v JOIN video_hashtags h USING (video_id)
  GROUP BY 1, 2)
SELECT coalesce(region, '?') AS region, tag, n1, n0, (n1 + 5.0) / (n0 + 5.0) AS growth
FROM (SELECT *, row_number() OVER (PARTITION BY region ORDER BY (n1 + 5.0) / (n0 + 5.0) DESC, n1 DESC, tag) AS r FROM w)
WHERE r <= 10 ORDER BY region, r, tag
"""
IDS = "SELECT video_id, created_at, views, caption FROM videos WHERE created_at IS NOT NULL ORDER BY video_id, platform"

Rows = list[dict[str, object]]


class CheckFailed(Exception):
    """The check could not be made."""


def plain(value: object) -> object:
    """A value as `tidelake sql --format json` has it, ids and other long integers as numbers."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if hasattr(value, "isoformat"):
        at = pd.Timestamp(value)
        at = at.tz_localize("UTC") if at.tz is None else at.tz_convert("UTC")
        return at.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, str) and value.isdigit():
        return int(value)
    if isinstance(value, str) and len(value) >= 20 and value[10] == "T" and value.endswith("Z"):
        return plain(pd.Timestamp(value))
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 12)
    return value


def rows(records: list[dict[str, object]]) -> Rows:
    return [{name: plain(value) for name, value in record.items()} for record in records]


def by_cli(binary: Path, data_dir: Path, query: str) -> Rows:
    command = [str(binary), "sql", "--format", "json", "--data-dir", str(data_dir), query]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise CheckFailed(f"tidelake sql: exit code {done.returncode}: {done.stderr.strip()}")
    return rows(json.loads(done.stdout))


def by_pandas(address: str, query: str) -> Rows:
    engine = sa.create_engine(f"postgresql+psycopg://local@{address}/tidelake")
    return rows(pd.read_sql_query(query, engine).astype(object).to_dict("records"))


def by_pandas_in_chunks(address: str, query: str) -> Rows:
    engine = sa.create_engine(f"postgresql+psycopg://local@{address}/tidelake")
    with engine.connect().execution_options(stream_results=True) as connection:
        chunks = list(pd.read_sql_query(query, connection, chunksize=3))
        return rows([row for chunk in chunks for row in chunk.astype(object).to_dict("records")])


def by_adbc(address: str, query: str) -> Rows:
    with flight_sql.connect(f"grpc://{address}", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return rows(cursor.fetch_arrow_table().to_pylist())


def by_jdbc(jars: Path, url: str, *asked: str, query: str = "") -> Rows:
    # Arrow's driver reads buffers outside Java's heap.
    command = ["java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", f"{jars}/*", str(Path(__file__).parent / "Jdbc.java")]
    done = subprocess.run([*command, url, *asked], input=query, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise CheckFailed(f"{url}: {done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def jdbc_urls(doors: dict[str, str]) -> dict[str, str]:
    return {
        "JDBC, PostgreSQL": f"jdbc:postgresql://{doors['postgres']}/tidelake?user=local",
        "JDBC, Arrow": f"jdbc:arrow-flight-sql://{doors['flight']}/?useEncryption=false",
    }


def by_http(address: str, query: str, accept: str) -> bytes:
    headers = {"Content-Type": "text/plain", "Accept": accept}
    request = urllib.request.Request(f"http://{address}/api/v1/sql", query.encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def by_arrow(address: str, query: str) -> Rows:
    body = by_http(address, query, "application/vnd.apache.arrow.stream")
    return rows(pa.ipc.open_stream(io.BytesIO(body)).read_all().to_pylist())


def told_by_jdbc(jars: Path, url: str, expected: list[str]) -> dict[str, bool]:
    """What a tool that opens a connection by JDBC asks: by what was asked, whether the answer is right."""
    told = {line["what"]: line.get("rows", line.get("error")) for line in by_jdbc(jars, url, "metadata", "videos")}
    for what, rows in told.items():
        if isinstance(rows, str):
            print(f"FAILED   {what}: {rows}")
    told = {what: [] if isinstance(rows, str) else rows for what, rows in told.items()} | {
        f"{what} fails": [rows] for what, rows in told.items() if isinstance(rows, str)
    }
    kinds = {(row["TABLE_NAME"], row["TABLE_TYPE"]) for row in told["tables"]}
    types = {row["COLUMN_NAME"]: row["DATA_TYPE"] for row in told["columns"]}
    return {
        "tables": {("video_observations", "TABLE"), ("videos", "VIEW")} <= kinds,
        "views": {row["TABLE_TYPE"] for row in told["views"]} == {"VIEW"},
        "columns": [row["COLUMN_NAME"] for row in told["columns"]] == expected,
        # java.sql.Types: BIGINT, TIMESTAMP, TIMESTAMP_WITH_TIMEZONE.
        "types": types.get("video_id") == -5 and types.get("created_at") in (93, 2014),
        "no keys": not any(told[what] for what in ("primaryKeys", "importedKeys", "exportedKeys", "indexInfo")),
        "no failure": not any(what.endswith(" fails") for what in told),
    }


def metadata(doors: dict[str, str], jars: Path) -> bool:
    """Do clients find the tables, and the columns' types?"""
    engine = sa.create_engine(f"postgresql+psycopg://local@{doors['postgres']}/tidelake")
    inspector = sa.inspect(engine)
    tables, views = inspector.get_table_names(), inspector.get_view_names()
    types = pd.read_sql_query("SELECT video_id, created_at FROM videos WHERE created_at IS NOT NULL LIMIT 1", engine).dtypes
    with flight_sql.connect(f"grpc://{doors['flight']}", autocommit=True) as connection:
        schema = connection.adbc_get_table_schema("videos", db_schema_filter="public")
    reflected = sa.Table("videos", sa.MetaData(), autoload_with=engine)
    found = {
        "tables": "video_observations" in tables and "videos" in views,
        "ids": types["video_id"] == "int64" and schema.field("video_id").type == pa.int64(),
        "columns, by SQLAlchemy": [column.name for column in reflected.columns] == schema.names,
        "types, by SQLAlchemy": isinstance(reflected.c.video_id.type, sa.BigInteger) and reflected.c.created_at.type.timezone,
        "a whole table, by pandas": len(pd.read_sql_table("videos", engine)) > 0,
        "instants": str(types["created_at"]).endswith("UTC]") and schema.field("created_at").type == pa.timestamp("us", "UTC"),
    }
    for driver, url in jdbc_urls(doors).items():
        told = told_by_jdbc(jars, url, schema.names)
        found |= {f"{what}, by {driver}": right for what, right in told.items()}
    for what, right in found.items():
        print(f"{'found   ' if right else 'MISSING '} {what}")
    return all(found.values())


def compare(name: str, expected: Rows, clients: dict[str, Callable[[], Rows]]) -> bool:
    if not expected:
        raise CheckFailed(f"{name}: tidelake sql answers no rows: there is nothing to compare")
    same = True
    for client, ask in clients.items():
        try:
            answer = ask()
        except Exception as error:
            # A client that gets no answer is what this check looks for, whatever it raises.
            print(f"DIFFERS  {name}: {client}: {error}")
            same = False
            continue
        if answer == expected:
            print(f"same     {name}: {client}: {len(answer)} rows")
        else:
            at = next((i for i, pair in enumerate(zip(answer, expected)) if pair[0] != pair[1]), min(len(answer), len(expected)))
            print(f"DIFFERS  {name}: {client}: row {at}: {answer[at:at + 1]}, by tidelake sql {expected[at:at + 1]}")
            same = False
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidelake", type=Path, required=True, help="the binary")
    parser.add_argument("--data-dir", type=Path, required=True, help="what the binary is given as --data-dir")
    parser.add_argument("--jdbc", type=Path, required=True, help="the drivers that pom.xml names, as jars in a directory")
    args = parser.parse_args()

    doors = ["--postgres", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    command = [str(args.tidelake), "serve", "--data-dir", str(args.data_dir), *doors]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            open_doors: dict[str, str] = {}
            for line in server.stdout:
                words = line.split()
                if len(words) == 2 and words[0] in ("postgres", "flight", "http"):
                    open_doors[words[0]] = words[1]
                if line.startswith("No users"):
                    break
            if len(open_doors) != 3:
                raise CheckFailed("tidelake serve opened no doors")
            same = metadata(open_doors, args.jdbc)
            for name, query in {"growth": GROWTH, "ids": IDS}.items():
                clients = {
                    "pandas": lambda q=query: by_pandas(open_doors["postgres"], q),
                    "pandas in chunks": lambda q=query: by_pandas_in_chunks(open_doors["postgres"], q),
                    "ADBC": lambda q=query: by_adbc(open_doors["flight"], q),
                    "HTTP, JSON": lambda q=query: rows(json.loads(by_http(open_doors["http"], q, "application/json"))),
                    "HTTP, Arrow": lambda q=query: by_arrow(open_doors["http"], q),
                }
                for driver, url in jdbc_urls(open_doors).items():
                    for how in ("query", "prepared"):
                        clients[f"{driver}, {how}"] = lambda q=query, u=url, h=how: rows(by_jdbc(args.jdbc, u, h, query=q))
                same &= compare(name, by_cli(args.tidelake, args.data_dir, query), clients)
        except CheckFailed as error:
            print(f"check.py: {error}", file=sys.stderr)
            return 2
        finally:
            server.terminate()
    print("every client gets the same" if same else "the clients differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
