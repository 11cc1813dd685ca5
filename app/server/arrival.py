"""Beside the way of the data: how much of a request must have arrived before a thread handles it.

An estimate that saves threads, not a parser: gunicorn's parser reads the same bytes and alone
decides what they mean.
"""

import re

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine

MAX_BYTES = 65_536
"""Bytes of an incomplete request that are buffered. A thread reads the rest of larger bodies."""

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,6})[ \t]*\r\n", re.IGNORECASE)
_EXPECTATION = re.compile(rb"\r\nexpect:", re.IGNORECASE)


def missing(received: bytes | bytearray, longest_line: int) -> int:
    """The least number of bytes still to wait for; 0 if a thread can handle the request.

    Raises gunicorn's LimitRequestLine or LimitRequestHeaders for a head that is too long.
    """
    end = received.find(_END_OF_HEAD)
    if end >= 0:
        return max(0, _length(received, end + len(_END_OF_HEAD)) - len(received))
    if _has_bare_newline(received):
        return 0  # the parser refuses it at once, as such a head has no end
    if len(received) >= MAX_BYTES:
        raise LimitRequestHeaders("limit request headers size")
    if len(received) > longest_line + 2 and b"\r\n" not in received[: longest_line + 2]:
        raise LimitRequestLine(len(received), longest_line)
    return 1


def _length(received: bytes | bytearray, head: int) -> int:
    """The bytes of the request to wait for: its head, and its body if that fits the buffer."""
    announced = _LENGTH.search(received, 0, head)
    if announced is None or _EXPECTATION.search(received, 0, head):
        return head  # a client that expects 100-continue sends its body only after that answer
    whole = head + int(announced[1])
    return whole if whole <= MAX_BYTES else head


def _has_bare_newline(received: bytes | bytearray) -> bool:
    return received.count(b"\n") != received.count(b"\r\n")
