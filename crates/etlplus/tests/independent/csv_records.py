"""Records of a CSV file, taken apart as the manual says, on bytes.

A record ends at a line end (LF or CRLF) outside quotes. A field in quotes begins and ends with one; inside, a quote is
doubled. What breaks that is given up at the end of the physical line on which the record began, and reading resumes on
the next line.
"""

import re
from typing import Iterator, NamedTuple, Optional

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
COMMA, QUOTE, LINE_FEED = b',"\n'
SPECIAL = re.compile(b'[,"\n]')


class Field(NamedTuple):
    """A field's bytes without its quotes."""

    text: bytes
    is_quoted: bool


class Record(NamedTuple):
    """One record that is not a blank line."""

    line: int
    """The physical line on which it begins, from 1."""
    offset: int
    """Where in the file it begins."""
    raw: bytes
    """Its bytes without the line end."""
    malformed: Optional[str]
    """The rule that it breaks as a whole."""
    fields: list[Field]
    """Empty where it is malformed."""


class Malformed(Exception):
    """A record that cannot be taken apart."""


def read_records(data: bytes, limit: int) -> Iterator[Record]:
    """All records, the header among them. `limit` is the most bytes that a record may have."""
    at = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
    line = 1
    while at < len(data):
        line_end = data.find(b"\n", at)
        line_end = len(data) if line_end < 0 else line_end
        malformed, fields = None, []
        if line_end - at > limit:
            # Whether its quotes are right is not looked at: nobody holds more of a record than the limit.
            end, malformed = line_end, "record_too_long"
        elif data.find(b'"', at, line_end) < 0:
            end = line_end
            fields = [Field(text, False) for text in without_cr(data[at:end]).split(b",")]
        else:
            try:
                end, fields = take_apart(data, at, limit)
            except Malformed as rule:
                end, malformed = line_end, str(rule)
        raw = without_cr(data[at:end])
        if raw:
            yield Record(line, at, raw, malformed, fields)
        line += data.count(b"\n", at, end + 1)
        at = end + 1


def take_apart(data: bytes, start: int, limit: int) -> tuple[int, list[Field]]:
    """The fields of the record at `start`, and where its line end is."""
    fields: list[Field] = []
    at = start
    while True:
        field, at = read_field(data, at, start + limit)
        fields.append(field)
        if at < len(data) and data[at] == COMMA:
            at += 1
        else:
            return at, fields


def read_field(data: bytes, at: int, limit: int) -> tuple[Field, int]:
    """The field at `at`, and where the comma, line feed or end of the file behind it is."""
    if at < len(data) and data[at] == QUOTE:
        closing = find_closing_quote(data, at + 1, limit)
        text = data[at + 1 : closing].replace(b'""', b'"')
        at = closing + 1
        # A carriage return belongs to the line end, as far as one follows; the end of the file counts as one.
        if data[at : at + 1] == b"\r" and data[at + 1 : at + 2] in (b"\n", b""):
            at += 1
        if at < len(data) and data[at] not in (COMMA, LINE_FEED):
            raise Malformed("bad_quote")
        return Field(text, True), at
    special = SPECIAL.search(data, at)
    end = special.start() if special else len(data)
    if special and data[end] == QUOTE:
        raise Malformed("bad_quote")
    text = data[at:end]
    is_followed = special is not None and data[end] == COMMA
    return Field(text if is_followed else without_cr(text), False), end


def find_closing_quote(data: bytes, at: int, limit: int) -> int:
    while True:
        closing = data.find(b'"', at, limit + 1)
        if closing < 0:
            raise Malformed("unclosed_quote")
        if data[closing + 1 : closing + 2] != b'"':
            return closing
        at = closing + 2


def without_cr(raw: bytes) -> bytes:
    return raw[:-1] if raw.endswith(b"\r") else raw
