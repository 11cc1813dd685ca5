"""Every carrier goes from version to version as if its commands had come one after another, each on
the version that its If-Match names; and whoever looks sees the carrier as it was at one moment of
their request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from tests.support.history.carrier import (
    NOBODY,
    OF_A_SECOND_PERSON,
    Carrier,
    decided,
    folded,
    is_invalid,
    read,
)
from tests.support.history.linear import Operation, Undecided, find_stuck
from tests.support.history.records import DONE, NEVER, REFUSED, UNKNOWN, Command, History, Sent

Operations = list[Operation[Carrier]]


def check_versions(history: History) -> Iterator[str]:
    """One sentence for each carrier whose requests no order explains."""
    for carrier, operations in _by_carrier(history).items():
        try:
            stuck = find_stuck(NOBODY, operations)
        except Undecided as reason:
            yield f"{carrier}: there are too many orders to try ({reason})"
        else:
            if stuck is not None:
                yield f"{carrier}: {stuck}"


def _by_carrier(history: History) -> Mapping[str, Operations]:
    found: defaultdict[str, Operations] = defaultdict(list)
    for command in history.commands:
        carrier = _carrier_of(command, history)
        if carrier and (operation := _of_command(command)):
            found[carrier].append(operation)
    for look in history.shown:
        found[look.carrier].append(_of_look(look.begin, look.end, read(look.fields), _shown))
    for told in history.told:
        found[told.carrier].append(_of_look(told.begin, told.end, folded(told.events), _whole))
    return found


def _carrier_of(command: Command, history: History) -> str:
    """Of a registration without an answer the streams tell, if it was carried out."""
    named = (command.done or command.first).carrier
    events = history.events_of.get(command.id, ())
    return named or (events[0].carrier if events else "")


def _shown(carrier: Carrier) -> Carrier:
    return carrier.shown


def _whole(carrier: Carrier) -> Carrier:
    return carrier


def _of_look(
    begin: float, end: float, seen: Carrier, visible: Callable[[Carrier], Carrier]
) -> Operation[Carrier]:
    """`visible` is what such a look can see of a carrier."""

    def step(carrier: Carrier) -> Carrier | None:
        return carrier if visible(carrier) == seen else None

    return Operation(begin, end, step, f"a look that shows {seen}")


def _of_command(command: Command) -> Operation[Carrier] | None:
    """None of one that says nothing of the carrier's version."""
    begin, sent = command.first.begin, command.first
    if command.outcome == UNKNOWN:
        return Operation(begin, NEVER, partial(_may_happen, sent), f"{command}", is_required=False)
    answer = command.done or command.last
    step = _STEPS.get((answer.outcome, answer.reason))
    if step is None:
        return None
    # What was refused in the end had not happened when it was first sent either.
    begin = begin if answer.outcome == DONE else answer.begin
    said = f"{answer.outcome} {answer.reason} {answer.state} {answer.version or ''}"
    return Operation(begin, answer.end, partial(step, answer), f"{command}: {said.strip()}")


def _matches(sent: Sent, carrier: Carrier) -> bool:
    return sent.if_match is None or sent.if_match == carrier.version


def _may_happen(sent: Sent, carrier: Carrier) -> Carrier | None:
    after = decided(carrier, sent.name, sent.body) if _matches(sent, carrier) else None
    return None if after == carrier else after


def _is_done(sent: Sent, carrier: Carrier) -> Carrier | None:
    after = decided(carrier, sent.name, sent.body) if _matches(sent, carrier) else None
    if after is None or (after.version, sent.state or after.state) != (sent.version, after.state):
        return None  # the answer to a vetting tells no state
    return carrier if sent.is_dry_run else after


def _is_stale(sent: Sent, carrier: Carrier) -> Carrier | None:
    return carrier if carrier.version == sent.version != sent.if_match else None


def _is_forbidden(sent: Sent, carrier: Carrier) -> Carrier | None:
    is_so = _matches(sent, carrier) and decided(carrier, sent.name, sent.body) is None
    is_so = is_so and not is_invalid(carrier, sent.name, sent.body)
    is_so = is_so and sent.name not in OF_A_SECOND_PERSON
    return carrier if is_so and carrier.version and carrier.state == sent.state else None


def _is_invalid(sent: Sent, carrier: Carrier) -> Carrier | None:
    is_so = _matches(sent, carrier) and is_invalid(carrier, sent.name, sent.body)
    return carrier if is_so else None


def _is_alone(sent: Sent, carrier: Carrier) -> Carrier | None:
    is_so = _matches(sent, carrier) and sent.name in OF_A_SECOND_PERSON
    return carrier if is_so and carrier.version else None


def _is_not_there(_: Sent, carrier: Carrier) -> Carrier | None:
    return carrier if carrier == NOBODY else None


_STEPS: Mapping[tuple[str, str], Callable[[Sent, Carrier], Carrier | None]] = {
    (DONE, ""): _is_done,
    (REFUSED, "stale-version"): _is_stale,
    (REFUSED, "forbidden-by-state"): _is_forbidden,
    (REFUSED, "validation-failed"): _is_invalid,
    (REFUSED, "second-person-needed"): _is_alone,
    (REFUSED, "carrier-not-found"): _is_not_there,
}


def known_versions(history: History) -> Mapping[str, Sequence[tuple[float, int]]]:
    """Of each carrier when somebody knew that it had reached a version: moments and versions."""
    found: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for sent in history.sent:
        if sent.outcome == DONE and not sent.is_dry_run:
            found[sent.carrier].append((sent.end, sent.version))
    return found
