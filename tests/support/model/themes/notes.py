"""What is remembered of a carrier and changes nothing that it is: incidents, notes, and that it is
another company than one that it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tests.support.model import pools
from tests.support.model.carrier import (
    ANY,
    INVALID,
    THERE,
    Carrier,
    Choice,
    Model,
    Refused,
    Sent,
    Step,
    needs,
)

INCIDENTS: Final = ("late", "damage", "loss", "safety", "other")


def note_incident(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """In every state, and the same one twice is two; not on a day that has begun nowhere yet."""
    first_to_have_a_day = datetime.fromisoformat(sent.at) + timedelta(hours=14)
    if sent.body["happened_on"] > first_to_have_a_day.date().isoformat():
        raise Refused(INVALID)
    needs(carrier, ANY)
    incident = (sent.body["kind"], sent.body["happened_on"])
    noted = replace(carrier, incidents=(*carrier.incidents, incident))
    yield Step("CarrierIncidentNoted", sent.body, noted)


def annotate(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """In every state."""
    needs(carrier, ANY)
    yield Step("CarrierAnnotated", sent.body, carrier)


def not_a_duplicate(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """Once of each other one, which need not be there."""
    if sent.body["other"] == carrier.id:
        raise Refused(INVALID)
    needs(carrier, THERE)
    if sent.body["other"] not in carrier.distinct_from:
        apart = replace(carrier, distinct_from=carrier.distinct_from | {sent.body["other"]})
        yield Step("CarrierDistinguished", sent.body, apart)


def _incident(choice: Choice) -> dict[str, Any]:
    kind = choice.random.choice(INCIDENTS)
    return {"kind": kind, "happened_on": pools.day(choice, end=4), "note": "2 pallets wet"}


def _note(choice: Choice) -> dict[str, Any]:
    return {"note": choice.random.choice(("Ask for Ms Ito", " =1+1 "))}


def _distinction(choice: Choice) -> dict[str, Any]:
    return {"other": choice.random.choice(choice.others), "reason": pools.reason(choice)}


COMMANDS: Final = {
    "note-incident": Model(note_incident, _incident, ("kind", "happened_on", "note"), 8),
    "annotate": Model(annotate, _note, ("note",), 3),
    "not-a-duplicate": Model(not_a_duplicate, _distinction, ("other", "reason"), 6),
}
