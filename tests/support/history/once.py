"""What was acknowledged is there once, whatever was sent again; what was refused is not there; and
nothing is there that nobody sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.support.history.carrier import decided, folded
from tests.support.history.records import (
    DONE,
    REFUSED,
    UNKNOWN,
    Command,
    Event,
    History,
    Sent,
)

REASONS = frozenset(
    {
        "stale-version",
        "forbidden-by-state",
        "already-claimed",
        "contended",
        "carrier-not-found",
        "validation-failed",
        "second-person-needed",
    }
)
"""Why a valid command can be refused."""


def check_acknowledged(history: History) -> Iterator[str]:
    """One sentence for each command that was acknowledged and is not there, is there twice, or got
    two answers."""
    for command in history.commands:
        events = history.events_of.get(command.id, ())
        if len({event.commit for event in events}) > 1 or not _is_in_a_row(events):
            yield f"{command} happened more than once: {_placed(events)}"
        if command.done is None or command.first.is_dry_run:
            continue
        if not _is_there(command.done, events, history):
            yield f"{command} was acknowledged as version {command.done.version}, and is not there"
        answers = {
            (each.carrier, each.version, each.state)
            for each in command.attempts
            if each.outcome == DONE
        }
        if len(answers) > 1:
            yield f"{command} got different answers: {sorted(answers)}"


def check_refused(history: History) -> Iterator[str]:
    """One sentence for each command that was refused, or only tried out, and was done all the same;
    that was refused after it was done; or that was refused without a reason; and for each event
    that nobody sent."""
    sent = {command.id for command in history.commands}
    for command in history.commands:
        events = history.events_of.get(command.id, ())
        is_certain = command.outcome not in {DONE, UNKNOWN} or command.first.is_dry_run
        if is_certain and events:
            yield f"{command} was not to be done, and is there: {_placed(events)}"
        for attempt in command.attempts:
            yield from _odd_refusals(command, attempt)
    for event in history.all_events:
        if event.command not in sent:
            yield f"nobody sent {_placed([event])}"


def _odd_refusals(command: Command, attempt: Sent) -> Iterator[str]:
    if attempt.outcome != REFUSED:
        return
    if attempt.reason not in REASONS:
        yield f"{command} was refused as {attempt.reason}"
    elif command.done is not None and command.done.end <= attempt.begin:
        yield f"{command} was done, and then refused as {attempt.reason}"


def _is_there(answer: Sent, events: Sequence[Event], history: History) -> bool:
    if events:
        last = events[-1]
        return (last.carrier, last.version) == (answer.carrier, answer.version)
    # Then it must have been a command that changed nothing at the version of its answer.
    carrier = folded(history.streams.get(answer.carrier, ())[: answer.version])
    return carrier.version > 0 and decided(carrier, answer.name, answer.body) == carrier


def _is_in_a_row(events: Sequence[Event]) -> bool:
    return all(
        (event.carrier, event.version) == (events[0].carrier, events[0].version + at)
        for at, event in enumerate(events)
    )


def _placed(events: Sequence[Event]) -> str:
    return ", ".join(f"{event.type} {event.carrier}/{event.version}" for event in events)
