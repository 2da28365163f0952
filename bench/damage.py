"""A file of orders of which one in a hundred cannot be read, and where those are.

Only damage about which DuckDB's reader and etlplus agree, so that their results can be compared: rows that both reject.
"""

from itertools import cycle
from pathlib import Path

ROWS_PER_DAMAGE = 100
FIELDS = 13
QUOTE = b'"'

# Which field becomes what.
FIELDS_DAMAGED = (
    (0, b"X-17"),
    (1, b"9223372036854775808"),
    (2, b"2025-02-29T10:00:00"),
    (3, b"2025-13-01"),
    (6, b"two"),
    (6, b"3000000000"),
    (7, b"12.3.4"),
    (7, b"99999999999.99"),
    (8, b"heavy"),
    (9, b"maybe"),
    (12, b"Caf\xe9 Central"),
)


def damages() -> list:
    """What is done to a record, which comes as its fields."""

    def replace(index: int, text: bytes):
        return lambda fields: [*fields[:index], text, *fields[index + 1 :]]

    replacements = [replace(index, text) for index, text in FIELDS_DAMAGED]
    return [*replacements, lambda fields: fields[:-1], lambda fields: [*fields, b"one more"]]


def damage(source: Path, target: Path, truth: Path) -> None:
    """Writes `target`, and into `truth` the line and the byte offset of each damaged record.

    Lines are counted here by line ends alone, and whether one begins a record by the number of quotes before it: another way
    than any reader's. A record with quotes is left alone, and the next one is damaged in its place.
    """
    done, offset, records, is_due, is_inside = cycle(damages()), 0, 0, False, False
    with source.open("rb") as lines, target.open("wb") as damaged, truth.open("w") as places:
        for number, line in enumerate(lines, start=1):
            if not is_inside and number > 1:
                records += 1
                is_due |= records % ROWS_PER_DAMAGE == 0
                if is_due and QUOTE not in line:
                    fields = line.removesuffix(b"\n").split(b",")
                    assert len(fields) == FIELDS, f"{source}, line {number} has {len(fields)} fields"
                    line = b",".join(next(done)(fields)) + b"\n"
                    places.write(f"{number} {offset}\n")
                    is_due = False
            is_inside ^= line.count(QUOTE) % 2 == 1
            damaged.write(line)
            offset += len(line)
