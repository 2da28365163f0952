#!/usr/bin/env python3
"""Checks a run of dirty.yaml to the row, with code that shares nothing with the engine.

    check.py SOURCE TARGET REJECTS SUMMARY AS_OF

SOURCE is the file of orders, TARGET and REJECTS the files that the run wrote, SUMMARY the output of
`etlplus run --output json`, AS_OF its run clock (2026-01-01T00:00:00Z). Exits with 0 if all of them agree, else with 1
and the first differences.
"""

import collections
import json
import os
import sys
from typing import Any, Iterator, Optional

import orders
import values
from csv_records import read_records

SHOWN_DIFFERENCES = 20


def main() -> int:
    if len(sys.argv) != 6:
        print(__doc__, file=sys.stderr)
        return 2
    source, target, rejects, summary, as_of = sys.argv[1:]
    clock = values.timestamp(as_of.removesuffix("Z"))
    expected = orders.expect(read(source), clock)
    differences = [
        *target_differences(read(target), expected, orders.columns(clock)),
        *reject_differences(rejects, source, expected),
        *summary_differences(summary, source, target, expected),
    ]
    for difference in differences[:SHOWN_DIFFERENCES]:
        print(difference)
    counts = f"{len(expected.rows)} good rows, {len(expected.rejects)} rejects"
    if differences:
        print(f"{counts}; {len(differences)} differences")
        return 1
    print(f"{counts}; target, reject file and summary agree")
    return 0


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def target_differences(data: bytes, expected: orders.Expected, schema: list[orders.Column]) -> Iterator[str]:
    """Compares the target with the good rows, in whatever order it has them."""
    records = read_records(data, limit=len(data))
    header = [field.text.decode() for field in next(records).fields]
    if header != [column.name for column in schema]:
        yield f"target: the header is {header}"
        return
    missing = set(expected.rows)
    for record in records:
        place = f"target line {record.line}"
        if record.malformed or len(record.fields) != len(schema):
            yield f"{place}: is no record of {len(schema)} fields: {record.raw!r}"
            continue
        try:
            row = tuple(target_value(column, field) for column, field in zip(schema, record.fields))
        except (values.NoValue, UnicodeDecodeError):
            yield f"{place}: has a text that is no value of its type: {record.raw!r}"
            continue
        wanted = expected.rows.get(row[0])
        if wanted is None or row[0] not in missing:
            yield f"{place}: order {row[0]} does not belong here, or not twice: {record.raw!r}"
            continue
        missing.remove(row[0])
        if row != wanted:
            yield f"{place}: is {row}, not {wanted}"
    for order in sorted(missing):
        yield f"target: order {order} is missing"


def target_value(column: orders.Column, field: Any) -> Any:
    """The empty text without quotes is "no value", the one in quotes is the empty string."""
    if not field.text and not field.is_quoted:
        return None
    return column.parse(field.text.decode())


def reject_differences(path: str, source: str, expected: orders.Expected) -> Iterator[str]:
    """Compares the reject file with the rows that must be rejected, in whatever order it has them."""
    missing = dict(expected.rejects)
    # Not `splitlines`, which takes U+2028 and others for line ends.
    lines = read(path).split(b"\n")
    if lines.pop():
        yield "reject file: the last line does not end"
    for number, line in enumerate(lines, start=1):
        place = f"reject file line {number}"
        try:
            found = json.loads(line)
            wanted = missing.pop(found["line"], None)
        except (ValueError, KeyError, TypeError) as error:
            yield f"{place}: is no reject: {error!r}"
            continue
        if wanted is None:
            yield f"{place}: line {found['line']} of the source must not be rejected, or not twice: {line!r}"
            continue
        for difference in one_reject_differences(found, wanted, source):
            yield f"{place}, source line {wanted.line}: {difference}"
    for line in sorted(missing):
        yield f"reject file: source line {line} is missing: {missing[line].errors}"


def one_reject_differences(found: dict, wanted: orders.Reject, source: str) -> Iterator[str]:
    raw = orders.shown(wanted.raw)
    is_text = orders.is_utf8(wanted.raw)
    facts = {
        "file": (os.path.basename(found["file"]), os.path.basename(source)),
        "row": (found["row"], wanted.row),
        "offset": (found["offset"], wanted.offset),
        "errors": ([(error["field"], error["rule"], error["value"]) for error in found["errors"]], wanted.errors),
        "raw": (found["raw"], raw),
        "rawHex": (found.get("rawHex"), None if is_text else wanted.raw.hex()),
        "rawTruncated": (found.get("rawTruncated", False), False),
    }
    for name, (is_now, should_be) in facts.items():
        if is_now != should_be:
            yield f"{name} is {is_now!r}, not {should_be!r}"
    if not all(error["message"] for error in found["errors"]):
        yield "a broken rule has no message"


def summary_differences(path: str, source: str, target: str, expected: orders.Expected) -> Iterator[str]:
    summary = json.loads(read(path))
    good, bad, source_bytes = len(expected.rows), len(expected.rejects), os.path.getsize(source)
    wanted = {
        "status": "COMPLETED",
        "failure": None,
        "recordsProcessed": good + bad,
        "progress.recordsSuccessful": good,
        "progress.recordsFailed": bad,
        "progress.rowsTransformed": good,
        "progress.rowsLoaded": good,
        "progress.bytesTotal": source_bytes,
        "progress.bytesRead": source_bytes,
        "target.rows": good,
        "target.bytes": os.path.getsize(target),
    }
    for key, value in wanted.items():
        found = lookup(summary, key)
        if found != value:
            yield f"summary: {key} is {found}, not {value}"
    yield from reason_differences(summary["rejects"], expected)


def lookup(summary: Any, key: str) -> Any:
    for part in key.split("."):
        summary = summary.get(part) if isinstance(summary, dict) else None
    return summary


def reason_differences(reasons: list[dict], expected: orders.Expected) -> Iterator[str]:
    """Compares how often each rule was broken on each field, and whether the samples did break it."""
    Reason = tuple[Optional[str], str]
    lines: dict[Reason, set[int]] = collections.defaultdict(set)
    for reject in expected.rejects.values():
        for field, rule, _ in reject.errors:
            lines[field, rule].add(reject.line)
    for reason in reasons:
        key = (reason["field"], reason["rule"])
        known = lines.pop(key, set())
        if reason["rows"] != len(known):
            yield f"summary: {key} has {reason['rows']} rows, not {len(known)}"
        samples = [sample["line"] for sample in reason["samples"]]
        if not samples or samples != sorted(known)[: len(samples)]:
            yield f"summary: {key} shows lines {samples}, which are not the first that broke it"
    for key in lines:
        yield f"summary: {key} is missing, with {len(lines[key])} rows"


if __name__ == "__main__":
    sys.exit(main())
