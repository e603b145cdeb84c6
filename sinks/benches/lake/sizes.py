"""Bytes per observation: the lake's files against the same rows as NDJSON with Zstd and as pandas writes Parquet by default.

python sizes.py LAKE [rows]

Takes whole files of video_observations until there are so many rows (a million by default).
"""

import json
import pathlib
import sys
import tempfile

import duckdb
import pyarrow.parquet

from delta_log import files


def main() -> None:
    lake, wanted = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    taken: list[pathlib.Path] = []
    rows = 0
    for path in map(pathlib.Path, files(lake / "video_observations")):
        if rows >= wanted:
            break
        taken.append(path)
        rows += pyarrow.parquet.read_metadata(path).num_rows
    ours = sum(path.stat().st_size for path in taken)
    pandas = ndjson = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in taken:
            out = pathlib.Path(scratch) / "rows"
            pyarrow.parquet.read_table(path).to_pandas().to_parquet(out)
            pandas += out.stat().st_size
            query = f"COPY (FROM read_parquet('{path}')) TO '{out}' (FORMAT json, COMPRESSION zstd)"
            duckdb.sql(query)
            ndjson += out.stat().st_size
    line = {"rows": rows, "bytes_per_observation": round(ours / rows, 1), "ndjson_zstd": round(ndjson / rows, 1),
            "pandas_default": round(pandas / rows, 1), "to_ndjson_zstd": round(ours / ndjson, 2),
            "to_pandas_default": round(ours / pandas, 2)}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
