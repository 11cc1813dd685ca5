"""Between the Cassandra adapter's driver and the node: passes frames on, and breaks chosen ones.

It reads the native protocol up to version 4 (cql_frames.py). A driver that proposes a newer one is
told, as an older server would tell it, to use 4.

One thread runs everything in an event loop, so a frame that is held up holds up no other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from tests.support.cql_frames import (
    MAX_VERSION,
    WRITES,
    Frame,
    read_frame,
    use_version_4,
    write_frame,
    write_late,
)


class Kind(Enum):
    """Where a request or its answer is lost or held up."""

    DROP_REQUEST = "the node never sees the request"
    DROP_ANSWER = "the node does it, and its answer is lost"
    DELAY_REQUEST = "the node sees the request later"
    DELAY_ANSWER = "the node does it, and its answer comes later"
    CUT_BEFORE = "the connection breaks, and the node never sees the request"
    CUT_AFTER = "the connection breaks, and the node does it"


@dataclass(frozen=True)
class Fault:
    """What happens to one request; `seconds` matter for delays only."""

    kind: Kind
    seconds: float = 0.0


DROP_REQUEST = Fault(Kind.DROP_REQUEST)
DROP_ANSWER = Fault(Kind.DROP_ANSWER)
CUT_BEFORE = Fault(Kind.CUT_BEFORE)
CUT_AFTER = Fault(Kind.CUT_AFTER)


def delay_request(seconds: float) -> Fault:
    """Hold the request up: with more than the client's timeout it arrives when nobody waits."""
    return Fault(Kind.DELAY_REQUEST, seconds)


def delay_answer(seconds: float) -> Fault:
    """Do the request at once and hold its answer up."""
    return Fault(Kind.DELAY_ANSWER, seconds)


Decision = Callable[[Frame], Fault | None]


class Armed:
    """A fault that waits for its frames; tells when it struck, and when the node was done with it.

    `struck` counts requests it was applied to; `settled` those of them whose fate is sealed: the
    node has answered (or will never see the request). Only the proxy's thread changes them.
    """

    def __init__(self, decide: Decision, times: int | None, opcodes: Collection[int]) -> None:
        self.struck = 0
        self.settled = 0
        self._decide = decide
        self._left = times
        self._opcodes = frozenset(opcodes)
        self._changed = threading.Condition()

    def wait_struck(self, times: int = 1, timeout_s: float = 10) -> bool:
        """Wait until it struck so often; False if that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self.struck >= times, timeout_s)

    def wait_settled(self, times: int = 1, timeout_s: float = 10) -> bool:
        """Wait until so many of its requests can change nothing any more; False if not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.settled >= times, timeout_s)

    def disarm(self) -> None:
        """Let every further frame pass."""
        with self._changed:
            self._left = 0

    def strike(self, frame: Frame) -> Fault | None:
        """Take one of the strikes that are left, if this frame is due one."""
        with self._changed:
            if self._left == 0 or frame.opcode not in self._opcodes:
                return None
            fault = self._decide(frame)
            if fault is not None:
                self.struck += 1
                self._left = None if self._left is None else self._left - 1
                self._changed.notify_all()
            return fault

    def settle(self) -> None:
        """Note that one of its requests can change nothing any more."""
        with self._changed:
            self.settled += 1
            self._changed.notify_all()


class FaultProxy:
    """Listens on a loopback port and passes everything on to one node, but for what is armed.

    A driver stays on it: for a cluster of one node on the same address it goes on using the
    contact point's port, `Cluster(["127.0.0.1"], port=proxy.port)`. Version 4 knows no other port.
    """

    def __init__(
        self, upstream_host: str, upstream_port: int, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Prepare a proxy; entering it (or start()) opens `port`, by default any free one, at a
        loopback address."""
        self._upstream = (upstream_host, upstream_port)
        self.host = host
        self.port = port
        self.upstream_ports: set[int] = set()
        self._armed: list[Armed] = []
        self._armed_lock = threading.Lock()
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Open the port."""
        self._thread.start()
        try:
            self._call(self._listen())
        except BaseException:
            self._end_thread()
            raise

    def close(self) -> None:
        """Close the port and every connection; what is held up by then is lost."""
        if self._thread.is_alive():
            self._call(self._close())
            self._end_thread()

    def arm(
        self,
        fault: Fault | Decision,
        *,
        times: int | None = 1,
        opcodes: Collection[int] = WRITES,
    ) -> Armed:
        """Break the next `times` requests (None: all) that have one of these opcodes.

        Instead of a fault, a function may choose one for each such frame, or None to let it pass
        uncounted; it runs in the proxy's thread and must not wait. Of several armed faults
        the first that applies strikes.
        """
        decide = (lambda _: fault) if isinstance(fault, Fault) else fault
        armed = Armed(decide, times, opcodes)
        with self._armed_lock:
            self._armed.append(armed)
        return armed

    def disarm(self) -> None:
        """Let everything pass again; what is held up stays so for its time."""
        with self._armed_lock:
            for armed in self._armed:
                armed.disarm()
            self._armed.clear()

    def cut(self) -> None:
        """Break all connections now; new ones are accepted."""
        self._call(self._cut())

    def strike(self, frame: Frame) -> tuple[Fault, Armed] | None:
        """Return the fault that is due for this request, if any."""
        with self._armed_lock:
            for armed in self._armed:
                if fault := armed.strike(frame):
                    return fault, armed
        return None

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._cut()

    async def _cut(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        self.upstream_ports.add(up_writer.get_extra_info("sockname")[1])
        connection = _Connection(self, (reader, writer), (up_reader, up_writer))
        self._connections.add(connection)
        try:
            await connection.run()
        except asyncio.CancelledError:
            pass  # by close(); Python 3.11 would log it if it went further
        finally:
            connection.abort()
            self._connections.discard(connection)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """One client's connection and its own connection to the node."""

    def __init__(self, proxy: FaultProxy, client: Stream, node: Stream) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = client
        self._from_node, self._to_node = node
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[int, tuple[Fault, Armed]] = {}  # by stream: struck, not yet answered
        self._idle = asyncio.Event()  # nothing that was struck is still on its way
        self._idle.set()

    def abort(self) -> None:
        """Break both sides now."""
        self._to_client.transport.abort()
        self._to_node.transport.abort()

    async def run(self) -> None:
        """Pass frames both ways until the node hangs up, or the client did and all is settled."""
        requests = asyncio.create_task(self._pass_requests())
        answers = asyncio.create_task(self._pass_answers())
        try:
            await asyncio.wait({requests, answers}, return_when=asyncio.FIRST_COMPLETED)
            # A request that was let through is done even if its client has gone meanwhile.
            done = asyncio.create_task(self._idle.wait())
            await asyncio.wait({done, answers}, return_when=asyncio.FIRST_COMPLETED)
            done.cancel()
        finally:
            requests.cancel()
            answers.cancel()
            await asyncio.gather(requests, answers, return_exceptions=True)

    async def _pass_requests(self) -> None:
        while frame := await read_frame(self._from_client):
            if frame.version > MAX_VERSION:
                await write_frame(self._to_client, use_version_4(frame))
            elif due := self._proxy.strike(frame):
                fault, armed = due
                if fault.kind is Kind.CUT_BEFORE:
                    self._to_client.transport.abort()
                    armed.settle()
                    return
                if fault.kind is Kind.DROP_REQUEST:
                    armed.settle()
                    continue
                self._awaited[frame.stream] = due
                self._idle.clear()
                if fault.kind is Kind.DELAY_REQUEST:
                    self._loop.call_later(fault.seconds, write_late, self._to_node, frame)
                    continue
                await write_frame(self._to_node, frame)
                if fault.kind is Kind.CUT_AFTER:
                    self._to_client.transport.abort()
                    return
            else:
                await write_frame(self._to_node, frame)

    async def _pass_answers(self) -> None:
        while frame := await read_frame(self._from_node):
            due = self._awaited.pop(frame.stream, None)
            if due is None:
                await write_frame(self._to_client, frame)
                continue
            fault, armed = due
            if fault.kind is Kind.DELAY_ANSWER:
                self._loop.call_later(fault.seconds, write_late, self._to_client, frame)
            elif fault.kind is Kind.DELAY_REQUEST:
                await write_frame(self._to_client, frame)
            armed.settle()
            if not self._awaited:
                self._idle.set()
