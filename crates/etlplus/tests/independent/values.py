"""Values of the types that the orders use: from the text of a field, strictly, to something that compares as the type
does. A text that is no value of its type raises `NoValue`."""

import datetime
import math
import re
from typing import Any, Callable

INTEGER = re.compile(r"[+-]?[0-9]+\Z")
DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?\Z")
FLOAT = re.compile(r"[0-9.eE+-]+\Z")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
TIMESTAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?\Z")


class NoValue(Exception):
    """The text is no value of its type."""


def integer(bits: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not INTEGER.match(text):
            raise NoValue
        value = int(text)
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise NoValue
        return value

    return parse


def decimal(precision: int, scale: int) -> Callable[[str], int]:
    """A decimal as a whole number of its smallest unit."""

    def parse(text: str) -> int:
        match = DECIMAL.match(text)
        if not match or not (match[2] or match[3]):
            raise NoValue
        whole, fraction = match[2].lstrip("0"), (match[3] or "").rstrip("0")
        if len(whole) > precision - scale or len(fraction) > scale:
            raise NoValue
        value = int(whole + fraction.ljust(scale, "0") or "0")
        return -value if match[1] == "-" else value

    return parse


def float64(text: str) -> float:
    try:
        value = float(text) if FLOAT.match(text) else math.nan
    except ValueError:
        raise NoValue from None
    if not math.isfinite(value):
        raise NoValue
    return value


def boolean(text: str) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    if value is None:
        raise NoValue
    return value


def date(text: str) -> datetime.date:
    if not DATE.match(text):
        raise NoValue
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise NoValue from None


def timestamp(text: str) -> datetime.datetime:
    match = TIMESTAMP.match(text)
    if not match:
        raise NoValue
    fraction = (match[5] or "").rstrip("0")
    if len(fraction) > 6:
        raise NoValue
    day = date(match[1])
    try:
        time = datetime.time(int(match[2]), int(match[3]), int(match[4]), int(fraction.ljust(6, "0")))
    except ValueError:
        raise NoValue from None
    return datetime.datetime.combine(day, time)


def string(text: str) -> Any:
    return text
