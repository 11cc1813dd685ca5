"""Documents with days. What they become is the judge's own words (`tests/support/history`); here is
what is refused besides, what the events say, and when a document holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.support.history import documents
from tests.support.history.documents import Document
from tests.support.model import pools
from tests.support.model.carrier import (
    ANY,
    INVALID,
    THERE,
    Carrier,
    Choice,
    Json,
    Model,
    Refused,
    Sent,
    Step,
    needs,
)

SAID: Final = ("kind", "number", "issuer", "valid_from", "valid_to", "limit", "sha256", "url")


def said(document: Document) -> dict[str, Any]:
    """What was said of a document, by name."""
    return dict(zip(SAID, document.said, strict=True))


def holds(carrier: Carrier, number: int, on: str) -> bool:
    """Whether a document counts on a day: between its first and its last day, not withdrawn, and
    before the first day of the one that replaced it."""
    document = carrier.documents[number - 1]
    days = said(document)
    if document.withdrawn or not days["valid_from"] <= on <= (days["valid_to"] or "9999-12-31"):
        return False
    successor = document.successor
    return successor is None or on < said(carrier.documents[successor - 1])["valid_from"]


def standing(document: Document) -> str:
    """What became of it."""
    if document.withdrawn:
        return "withdrawn"
    return "in-force" if document.successor is None else "replaced"


def shown(carrier: Carrier, on: str) -> dict[str, Any]:
    """`GET /carriers/{id}/documents`."""
    found = [
        {
            "document_id": number,
            **said(document),
            "holds": holds(carrier, number, on),
            "standing": standing(document),
            "reason": document.reason,
            "replaced_by": document.successor,
        }
        for number, document in enumerate(carrier.documents, 1)
    ]
    return {"carrier_id": carrier.id, "version": carrier.version, "on": on, "documents": found}


def file(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """Another one, unless the same is in force."""
    _needs_sense(sent.body, sent.body["kind"])
    filed = _decided(carrier, "file-document", sent.body, THERE)
    if filed != carrier:
        number = len(filed.documents)
        data = {"document_id": number, **said(filed.documents[-1])}
        yield Step(
            "CarrierDocumentFiled", data, filed, (f"document {number}", f"kind {data['kind']}")
        )


def replace_one(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """One of the same kind, in the place of one in force."""
    former = sent.body["document_id"]
    if former <= len(carrier.documents):
        _needs_sense(sent.body, said(carrier.documents[former - 1])["kind"])
    filed = _decided(carrier, "replace-document", sent.body, THERE)
    if filed != carrier:
        number = len(filed.documents)
        reason = sent.body.get("reason")
        ids = {"document_id": number, "replaces": former, "reason": reason}
        data = {**ids, **said(filed.documents[-1])}
        yield Step(
            "CarrierDocumentReplaced", data, filed, (f"document {number}", f"kind {data['kind']}")
        )


def withdraw(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """In every state; for one reason."""
    withdrawn = _decided(carrier, "withdraw-document", sent.body, ANY)
    if withdrawn != carrier:
        kind = said(carrier.documents[sent.body["document_id"] - 1])["kind"]
        yield Step("CarrierDocumentWithdrawn", sent.body, withdrawn, (f"kind {kind}",))


def _decided(carrier: Carrier, command: str, body: Json, states: frozenset[str]) -> Carrier:
    filed = documents.decided(carrier.documents, command, body)
    if filed is None:
        raise Refused(INVALID)
    needs(carrier, states)
    return replace(carrier, documents=filed)


def _needs_sense(body: Json, kind: str) -> None:
    """The last day is not before the first, and only some kinds have a limit."""
    if (body.get("valid_to") or "9999-12-31") < body["valid_from"]:
        raise Refused(INVALID)
    if body.get("limit") and kind not in pools.WITH_LIMIT:
        raise Refused(INVALID)


def _filing(choice: Choice) -> dict[str, Any]:
    kind = choice.random.choice(pools.KINDS[:2] if choice.random.random() < 0.5 else pools.KINDS)
    return {"kind": kind, **_document(choice, may_have_limit=kind in pools.WITH_LIMIT)}


def _replacement(choice: Choice) -> dict[str, Any]:
    reason = pools.maybe(choice, pools.reason(choice))
    body = {**_which(choice), **_document(choice, may_have_limit=choice.random.random() < 0.5)}
    return {**body, **_soon(choice, body["document_id"]), "reason": reason}


def _soon(choice: Choice, former: int) -> dict[str, str]:
    """Mostly the first day of a replacement is one of the former's, which holds until then."""
    filed = choice.carrier.documents
    if former > len(filed) or choice.random.random() < 0.2:
        return {}
    days = said(filed[former - 1])
    begin = max(days["valid_from"], choice.today)
    return {"valid_from": min(begin, days["valid_to"] or begin)}


def _document(choice: Choice, *, may_have_limit: bool) -> dict[str, Any]:
    amount = choice.random.choice(("5", "100.00", "250.50", "1000"))
    limit = {"amount": amount, "currency": choice.random.choice((*pools.CURRENCIES, "eur"))}
    return {
        "number": str(choice.random.randrange(4)),
        "issuer": "Insurer",
        "valid_from": pools.day(choice, end=100),
        "valid_to": pools.maybe(choice, pools.day(choice, begin=0), 0.7),
        "limit": limit if may_have_limit and choice.random.random() < 0.8 else None,
        "url": pools.maybe(choice, "https://files.com/1.pdf"),
    }


def _which(choice: Choice) -> dict[str, Any]:
    return {"document_id": pools.number(choice, len(choice.carrier.documents))}


def _has_any(carrier: Carrier) -> bool:
    return bool(carrier.documents)


COMMANDS: Final = {
    "file-document": Model(file, _filing, ("kind", "number", "issuer", "valid_from"), 20),
    "replace-document": Model(
        replace_one, _replacement, ("document_id", "number", "issuer", "valid_from"), 14, _has_any
    ),
    "withdraw-document": Model(
        withdraw,
        lambda choice: {**_which(choice), "reason": pools.reason(choice)},
        ("document_id", "reason"),
        5,
        _has_any,
    ),
}
