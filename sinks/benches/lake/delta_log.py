"""What a Delta log says."""

import json
import pathlib
import urllib.parse


def files(table: pathlib.Path) -> list[str]:
    """The files that are in a table, by its log (which is read from its beginning: a generated lake is young)."""
    live: dict[str, None] = {}
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "remove" in action:
                live.pop(action["remove"]["path"], None)
            if "add" in action:
                live[action["add"]["path"]] = None
    return [str(table / urllib.parse.unquote(path)) for path in live]
