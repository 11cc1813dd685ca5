"""An e-mail address belongs to one carrier at a time: as a register that is taken and freed by
whole commands, and that a refusal has read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from tests.support.history.carrier import NOBODY, Carrier, after
from tests.support.history.linear import Operation, Undecided, find_stuck
from tests.support.history.records import NEVER, REFUSED, Command, Event, History

FREE = ""

Operations = list[Operation[str]]


def check_ownership(history: History) -> Iterator[str]:
    """One sentence for each address that no order of takings, freeings and refusals explains."""
    for address, operations in _by_address(history).items():
        try:
            stuck = find_stuck(FREE, operations)
        except Undecided as reason:
            yield f"{address}: there are too many orders to try ({reason})"
        else:
            if stuck is not None:
                owner = f"owned by {stuck.state}" if stuck.state else "free"
                yield f"{address} is {owner}, and nothing explains {'; '.join(stuck.next)}"


def _by_address(history: History) -> Mapping[str, Operations]:
    found: defaultdict[str, Operations] = defaultdict(list)
    commands = {command.id: command for command in history.commands}
    for carrier, events in history.streams.items():
        for begin, end, before, now in _moves(events, commands):
            if before.address == now.address:
                continue
            if before.address:
                step = partial(_free, carrier)
                found[before.address].append(Operation(begin, end, step, f"{carrier} frees it"))
            if now.address:
                step = partial(_take, carrier)
                found[now.address].append(Operation(begin, end, step, f"{carrier} takes it"))
    for command in history.commands:
        for sent in command.attempts:
            if sent.outcome == REFUSED and sent.reason == "already-claimed":
                step = partial(_is_taken, sent.carrier)
                label = f"{command} is refused"
                found[sent.body["email"].lower()].append(
                    Operation(sent.begin, sent.end, step, label)
                )
    return found


def _moves(
    events: Sequence[Event], commands: Mapping[str, Command]
) -> Iterator[tuple[float, float, Carrier, Carrier]]:
    """Between which moments the stream went from one state to the next, event by event. Who was
    told of a later version knows that the earlier ones had come before."""
    latest = NEVER
    moments: list[tuple[float, float]] = []
    for event in reversed(events):
        command = commands.get(event.command)
        if command is not None and command.done is not None:
            latest = min(latest, command.done.end)
        moments.append((command.first.begin if command else 0.0, latest))
    before = NOBODY
    for event, (begin, end) in zip(events, reversed(moments), strict=True):
        now = after(before, event)
        yield begin, end, before, now
        before = now


def _take(carrier: str, owner: str) -> str | None:
    return carrier if owner == FREE else None


def _free(carrier: str, owner: str) -> str | None:
    return FREE if owner == carrier else None


def _is_taken(carrier: str, owner: str) -> str | None:
    return owner if owner not in {FREE, carrier} else None
