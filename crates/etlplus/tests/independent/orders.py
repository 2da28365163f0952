"""The columns and rules of dirty.yaml, written down a second time, and what becomes of each record under them."""

import datetime
import re
from typing import Any, Callable, Iterator, NamedTuple, Optional

import values
from csv_records import Field, Record, read_records

RECORD_LIMIT_BYTES = 16 * 1024
NULLS = (b"", b"NULL")
EARLIEST = datetime.date(2020, 1, 1)

Keeps = Callable[[Any], bool]


class Column(NamedTuple):
    name: str
    parse: Callable[[str], Any]
    is_required: bool
    rules: list[tuple[str, Keeps]]


class Reject(NamedTuple):
    """A record that must be rejected."""

    line: int
    row: int
    offset: int
    raw: bytes
    errors: list[tuple[Optional[str], str, Optional[str]]]
    """Field, rule and the field's text, in the order of the schema."""


class Expected(NamedTuple):
    """What must become of a file."""

    rows: dict[int, tuple]
    """The values of the good rows, by their order's number."""
    rejects: dict[int, Reject]
    """By line."""


def columns(as_of: datetime.datetime) -> list[Column]:
    required, optional = True, False
    midnight = datetime.datetime.combine(EARLIEST, datetime.time())
    statuses = {"new", "paid", "shipped", "returned", "cancelled"}
    return [
        Column("order_id", values.integer(64), required, []),
        Column("customer_id", values.integer(64), optional, [("min", lambda value: value >= 1)]),
        Column(
            "placed_at",
            values.timestamp,
            required,
            [("min", lambda value: value >= midnight), ("max", lambda value: value <= as_of)],
        ),
        Column("ship_by", values.date, optional, [("min", lambda value: value >= EARLIEST)]),
        Column("country", values.string, required, [("length", lambda text: len(text) == 2), matches("[A-Z]+")]),
        Column("sku", values.string, required, [matches("[A-Z]{2}-[0-9]{4}")]),
        Column(
            "quantity",
            values.integer(32),
            required,
            [("min", lambda value: value >= 1), ("max", lambda value: value <= 1000)],
        ),
        Column("unit_price", values.decimal(12, 2), required, [("min", lambda cents: cents > 0)]),
        Column("weight", values.float64, optional, [("min", lambda value: value >= 0), ("max", lambda value: value < 1000)]),
        Column("gift", values.boolean, optional, []),
        Column("status", values.string, required, [("one_of", lambda text: text in statuses)]),
        Column(
            "email",
            values.string,
            required,
            [("length", lambda text: 6 <= len(text) <= 80), matches("[^@ ]+@[^@ ]+")],
        ),
        Column("note", values.string, optional, [("length", lambda text: len(text) <= 500)]),
    ]


def matches(pattern: str) -> tuple[str, Keeps]:
    """A pattern that is anchored at both ends."""
    compiled = re.compile(pattern)
    return "pattern", lambda text: compiled.fullmatch(text) is not None


def expect(data: bytes, as_of: datetime.datetime) -> Expected:
    """What must become of the file of orders that holds `data`."""
    schema = columns(as_of)
    rows: dict[int, tuple] = {}
    rejects: dict[int, Reject] = {}
    for row, record in enumerate(data_records(data, [column.name for column in schema]), start=1):
        found, errors = judge(record, schema)
        # A row that breaks another rule claims no number; of the others the first one keeps it. Whoever comes later is told.
        if found and found[0] in rows:
            errors = [("order_id", "unique", shown(record.fields[0].text)), *errors]
        if errors:
            rejects[record.line] = Reject(record.line, row, record.offset, record.raw, errors)
        else:
            rows[found[0]] = found
    return Expected(rows, rejects)


def data_records(data: bytes, names: list[str]) -> Iterator[Record]:
    """The records after the header."""
    records = read_records(data, RECORD_LIMIT_BYTES)
    header = [field.text.decode() for field in next(records).fields]
    if header != names:
        raise SystemExit(f"the header of the orders is {header}, not {names}: orders.py has to follow the generator")
    return records


def judge(record: Record, schema: list[Column]) -> tuple[tuple, list[tuple[Optional[str], str, Optional[str]]]]:
    """A record's values, and the rules that it breaks."""
    if record.malformed:
        return (), [(None, record.malformed, None)]
    if len(record.fields) != len(schema):
        return (), [(None, "field_count", None)]
    if not is_utf8(record.raw):
        column, field = next(pair for pair in zip(schema, record.fields) if not is_utf8(pair[1].text))
        return (), [(column.name, "utf8", shown(field.text))]
    found, errors = [], []
    for column, field in zip(schema, record.fields):
        value, broken = judge_field(column, field)
        found.append(value)
        if broken:
            errors += [(column.name, rule, shown(field.text)) for rule in broken]
    return tuple(found), errors


def judge_field(column: Column, field: Field) -> tuple[Any, list[str]]:
    """A field's value, `None` where it has none, and the rules that it breaks."""
    # A text in quotes is a text where texts belong, even if it looks like "no value".
    is_text = field.is_quoted and column.parse is values.string
    if field.text in NULLS and not is_text:
        return None, ["required"] if column.is_required else []
    try:
        value = column.parse(field.text.decode())
    except values.NoValue:
        return None, ["type"]
    return value, [rule for rule, keeps in column.rules if not keeps(value)]


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
        return True
    except UnicodeDecodeError:
        return False


def shown(text: bytes) -> str:
    """Text for people: bytes that are not UTF-8 become U+FFFD."""
    return text.decode(errors="replace")
