"""Between the driver and the node: the native protocol's frames, for the fault proxy.

Up to version 4 every frame is a plain 9-byte header (version, flags, stream, opcode, length) and a
body (native_protocol_v4.spec, 2); version 5 packs them into segments, which this does not read. A
compressed body is passed on as it is: its opcode is in the header.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum

MAX_VERSION = 4
HEADER = struct.Struct(">BBhBI")
PROTOCOL_ERROR = 0x000A


class Opcode(IntEnum):
    """The requests and answers that tests care about (native_protocol_v4.spec, 2.4)."""

    ERROR = 0x00
    QUERY = 0x07
    PREPARE = 0x09
    EXECUTE = 0x0A
    BATCH = 0x0D


STATEMENTS = frozenset({Opcode.QUERY, Opcode.EXECUTE, Opcode.BATCH})
WRITES = frozenset({Opcode.EXECUTE, Opcode.BATCH})


@dataclass(frozen=True)
class Frame:
    """One message, as it was read."""

    version: int
    flags: int
    stream: int
    opcode: int
    body: bytes

    def __bytes__(self) -> bytes:
        head = HEADER.pack(self.version, self.flags, self.stream, self.opcode, len(self.body))
        return head + self.body


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next frame, or None when there will be none."""
    try:
        version, flags, stream, opcode, length = HEADER.unpack(
            await reader.readexactly(HEADER.size)
        )
        return Frame(version, flags, stream, opcode, await reader.readexactly(length))
    except (OSError, asyncio.IncompleteReadError):
        return None


async def write_frame(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Write a frame; a side that has gone is noticed by whoever reads from it."""
    if writer.is_closing():
        return
    writer.write(bytes(frame))
    try:
        await writer.drain()
    except OSError:
        return


def write_late(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Write a frame that was held up, if the side that it is for is still there."""
    if not writer.is_closing():
        writer.write(bytes(frame))


def use_version_4(frame: Frame) -> Frame:
    """Answer a client's first frame as a server that knows nothing newer does; drivers obey it."""
    text = b"Invalid or unsupported protocol version; the highest supported is 4"
    body = struct.pack(">iH", PROTOCOL_ERROR, len(text)) + text
    return Frame(0x80 | MAX_VERSION, 0, frame.stream, Opcode.ERROR, body)
