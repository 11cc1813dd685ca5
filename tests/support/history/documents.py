"""What commands make of a carrier's documents, as the API's description says: the judge's own
words, beside those on the carrier itself in `carrier.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

_SAID: Final = (
    "kind",
    "number",
    "issuer",
    "valid_from",
    "valid_to",
    "limit",
    "sha256",
    "url",
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document by what was said of it. `successor` is the number of the one that replaced it;
    `reason` is why it was replaced or withdrawn."""

    said: tuple[Any, ...]
    successor: int | None = None
    withdrawn: bool = False
    reason: str | None = None


Documents = tuple[Document, ...]
"""Those of a carrier; the first is number 1."""


def decided(documents: Documents, command: str, body: Mapping[str, Any]) -> Documents | None:
    """The documents after a command, the same ones if it changes nothing; None if it names one that
    is not there, or not in force any more."""
    if command == "file-document":
        return _filed(documents, body)
    number = body["document_id"]
    if number > len(documents):
        return None
    return {"replace-document": _replaced, "withdraw-document": _withdrawn}[command](
        documents, number, body
    )


def after(documents: Documents, kind: str, data: Mapping[str, Any]) -> Documents:
    """The documents after an event of this type."""
    apply = _CHANGES.get(kind)
    return apply(documents, data) if apply else documents


def _filed(documents: Documents, body: Mapping[str, Any]) -> Documents:
    filed = Document(_said(body))
    return documents if filed in documents else (*documents, filed)


def _replaced(documents: Documents, number: int, body: Mapping[str, Any]) -> Documents | None:
    former = documents[number - 1]
    said = _said({**body, "kind": former.said[0]})
    if former.successor is not None:
        is_same = documents[former.successor - 1].said == said
        if is_same and former.reason == body.get("reason"):
            return documents
    if former.successor is not None or former.withdrawn:
        return None
    replaced = replace(former, successor=len(documents) + 1, reason=body.get("reason"))
    return (*_with(documents, number, replaced), Document(said))


def _withdrawn(documents: Documents, number: int, body: Mapping[str, Any]) -> Documents | None:
    document = documents[number - 1]
    if document.withdrawn:
        return documents if document.reason == body["reason"] else None
    return _with(documents, number, replace(document, withdrawn=True, reason=body["reason"]))


def _with(documents: Documents, number: int, document: Document) -> Documents:
    return (*documents[: number - 1], document, *documents[number:])


def _said(data: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(data.get(name) for name in _SAID)


def _after_replacement(documents: Documents, data: Mapping[str, Any]) -> Documents:
    number = data["replaces"]
    former = documents[number - 1]
    replaced = replace(former, successor=data["document_id"], reason=data["reason"])
    return (*_with(documents, number, replaced), Document(_said(data)))


def _after_withdrawal(documents: Documents, data: Mapping[str, Any]) -> Documents:
    number = data["document_id"]
    document = replace(documents[number - 1], withdrawn=True, reason=data["reason"])
    return _with(documents, number, document)


_CHANGES: Mapping[str, Callable[[Documents, Mapping[str, Any]], Documents]] = {
    "CarrierDocumentFiled": lambda documents, data: (*documents, Document(_said(data))),
    "CarrierDocumentReplaced": _after_replacement,
    "CarrierDocumentWithdrawn": _after_withdrawal,
}
