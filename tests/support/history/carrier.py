"""What a carrier is, and what a command makes of it, as the API's description says: the judge's own
words, so that a fault of the application is none of the judge's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.support.history import documents, instructions
from tests.support.history.documents import Documents
from tests.support.history.instructions import Instructions
from tests.support.history.records import Event

ACTIVE, SUSPENDED, RETIRED = STATES = ("active", "suspended", "retired")
DOCUMENTED: Final = frozenset({"file-document", "replace-document", "withdraw-document"})

OF_A_SECOND_PERSON: Final = frozenset({"approve", "confirm-change"})
"""What nobody may do where nobody is asked for a key: who asks cannot be told from anybody."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier at a version; at version 0 it is not registered."""

    version: int = 0
    name: str = ""
    email: str = ""
    state: str = ""
    reason: str | None = None
    category: str | None = None
    website: str | None = None
    aliases: tuple[str, ...] = ()
    documents: Documents = ()
    instructions: Instructions = ()
    rejected: tuple[str | None, ...] = ()
    distinct_from: frozenset[str] = field(default=frozenset(), compare=False)  # is not shown

    @property
    def address(self) -> str:
        """The e-mail address that nobody else may have meanwhile; empty if there is none."""
        return "" if self.state == RETIRED else self.email.lower()

    @property
    def shown(self) -> Carrier:
        """What `GET /carriers/{id}` and the directory show: all but the documents, the
        instructions and the rejection."""
        return replace(self, documents=(), instructions=(), rejected=())


NOBODY: Final = Carrier()


def decided(carrier: Carrier, command: str, body: Mapping[str, Any]) -> Carrier | None:
    """The carrier after a command, at the same version if that changes nothing; None if its state
    forbids the command, or if that `is_invalid`."""
    if command == "register":
        return _registered(body) if carrier == NOBODY else None
    if command in {"note-incident", "vet", "annotate", "not-a-duplicate"}:
        return _noted(carrier, body.get("other"))
    if command in DOCUMENTED:
        return _documented(carrier, command, body)
    if command in instructions.COMMANDS:
        return _instructed(carrier, command, body)
    return _changed(carrier, command, body)


def _documented(carrier: Carrier, command: str, body: Mapping[str, Any]) -> Carrier | None:
    filed = documents.decided(carrier.documents, command, body)
    if filed is None:
        return None
    states = set(STATES) if command == "withdraw-document" else {ACTIVE, SUSPENDED}
    return _result(carrier, replace(carrier, documents=filed), states, None)


def _instructed(carrier: Carrier, command: str, body: Mapping[str, Any]) -> Carrier | None:
    given = instructions.decided(carrier.instructions, command, body)
    if given is None:
        return None
    states = {ACTIVE, SUSPENDED} if command in instructions.GIVEN else set(STATES)
    return _result(carrier, replace(carrier, instructions=given), states, None)


def _changed(carrier: Carrier, command: str, body: Mapping[str, Any]) -> Carrier | None:
    if command == "discard-change" or command in OF_A_SECOND_PERSON:
        return None
    if command == "reject":
        return _result(carrier, _rejected(carrier, body), {ACTIVE, SUSPENDED}, None)
    if command == "reinstate":
        changed = replace(carrier, state=ACTIVE, reason=None, category=None)
        return _result(carrier, changed, {SUSPENDED}, ACTIVE)
    if command == "suspend":
        category = body.get("category", "other")
        changed = replace(carrier, state=SUSPENDED, reason=body["reason"], category=category)
        return _result(carrier, changed, {ACTIVE}, SUSPENDED)
    if command == "retire":
        changed = replace(carrier, state=RETIRED, reason=body["reason"], category=None)
        return _result(carrier, changed, {ACTIVE, SUSPENDED}, RETIRED)
    field = {"rename": "name", "change-email": "email", "update-profile": "website"}[command]
    changed = replace(carrier, **{field: body[field]})
    return _result(carrier, changed, {ACTIVE, SUSPENDED}, None)


def is_invalid(carrier: Carrier, command: str, body: Mapping[str, Any]) -> bool:
    """Whether a command names a document or an instruction that the carrier has not, or has no
    more."""
    if not carrier.version:
        return False
    if command in instructions.COMMANDS:
        return instructions.decided(carrier.instructions, command, body) is None
    if command == "discard-change":  # no policy makes any change wait
        return True
    return command in DOCUMENTED and documents.decided(carrier.documents, command, body) is None


def after(carrier: Carrier, event: Event) -> Carrier:
    """The carrier after one event more."""
    change = _CHANGES.get(event.type, _nothing)
    filed = documents.after(carrier.documents, event.type, event.data)
    given = instructions.after(carrier.instructions, event.type, event.data)
    changed = replace(carrier, version=event.version, documents=filed, instructions=given)
    changed = replace(changed, **change(event.data))
    if event.type == "CarrierRejected":
        return _rejected(changed, event.data)
    is_apart = event.type == "CarrierDistinguished"
    return _distinguished(changed, event.data["other"]) if is_apart else changed


def folded(events: Iterable[Event]) -> Carrier:
    """The carrier after these events, the first of which is its first."""
    carrier = NOBODY
    for event in events:
        carrier = after(carrier, event)
    return carrier


def read(fields: Mapping[str, Any] | None) -> Carrier:
    """The carrier as the API shows it."""
    if fields is None:
        return NOBODY
    return Carrier(
        fields["version"],
        fields["name"],
        fields["email"],
        fields["state"],
        fields["reason"],
        fields["category"],
        fields["website"],
        tuple(fields["aliases"]),
    )


def _rejected(carrier: Carrier, body: Mapping[str, Any]) -> Carrier:
    """A rejection is for a reason, and of what the carrier says of itself."""
    said = (body["reason"], carrier.name, carrier.email, carrier.website)
    return replace(carrier, rejected=said)


def _registered(body: Mapping[str, Any]) -> Carrier:
    """With parts of a profile it is a commit of two events."""
    website, aliases = body.get("website"), tuple(body.get("aliases", ()))
    version = 2 if website or aliases else 1
    carrier = Carrier(version, body["name"], body["email"], ACTIVE)
    return replace(carrier, website=website, aliases=aliases)


def _noted(carrier: Carrier, other: str | None) -> Carrier | None:
    """With an incident, a vetting or a note, in every state; or told from another carrier, once."""
    if other is None:
        return _moved(carrier) if carrier.version else None
    if carrier.state not in {ACTIVE, SUSPENDED}:
        return None
    return carrier if other in carrier.distinct_from else _moved(_distinguished(carrier, other))


def _distinguished(carrier: Carrier, other: str) -> Carrier:
    return replace(carrier, distinct_from=carrier.distinct_from | {other})


def _moved(carrier: Carrier) -> Carrier:
    return replace(carrier, version=carrier.version + 1)


def _result(
    carrier: Carrier, changed: Carrier, states: set[str], leads_to: str | None
) -> Carrier | None:
    if carrier.version == 0:
        return None
    # Who reinstates a carrier that is active changes nothing, whatever it is so for.
    changes = changed != carrier and not (leads_to == ACTIVE and carrier.state == ACTIVE)
    if not changes and carrier.state == leads_to:
        return carrier
    if carrier.state not in states:
        return None
    return _moved(changed) if changes else carrier


def _profile(data: Mapping[str, Any]) -> Mapping[str, Any]:
    changes = dict(data["changes"])
    if "aliases" in changes:
        changes["aliases"] = tuple(changes["aliases"])
    return changes


def _nothing(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


_CHANGES: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "CarrierRegistered": lambda data: {**_named(data, "name", "email"), "state": ACTIVE},
    "CarrierRenamed": lambda data: _named(data, "name"),
    "CarrierEmailChanged": lambda data: _named(data, "email"),
    "CarrierProfileUpdated": _profile,
    "CarrierSuspended": lambda data: {**_named(data, "reason", "category"), "state": SUSPENDED},
    "CarrierReinstated": lambda _: {"state": ACTIVE, "reason": None, "category": None},
    "CarrierRetired": lambda data: {
        **_named(data, "reason"),
        "state": RETIRED,
        "category": None,
    },
}


def _named(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return {name: data[name] for name in names}
