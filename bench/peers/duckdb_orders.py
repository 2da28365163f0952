"""DuckDB's readers of the orders."""

from pathlib import Path
from typing import Any

import duckdb

from orders import TYPES


def connect() -> Any:
    return duckdb.connect()


def columns(types: dict[str, str]) -> str:
    return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in types.items()) + "}"


def read_orders(path: Path, types: dict[str, str] = TYPES, more: str = "") -> str:
    """DuckDB's reader of a file of orders, told all there is to tell, so that it need not guess."""
    return (
        f"read_csv('{path}', columns = {columns(types)}, auto_detect = false, header = true, delim = ',', "
        f"quote = '\"', escape = '\"', allow_quoted_nulls = false {more})"
    )


def read_ndjson(path: Path, types: dict[str, str] = TYPES) -> str:
    return f"read_json('{path}', format = 'newline_delimited', columns = {columns(types)})"
