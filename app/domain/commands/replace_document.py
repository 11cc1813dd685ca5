"""`replace-document`: a document takes the place of an earlier one, such as a renewed insurance."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.documents import (
    IN_FORCE,
    Document,
    check,
    next_id,
    on_file,
    refuse_former,
)
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierDocumentReplaced(CarrierEvent):
    """A document is on file in the place of another of its kind, `replaces`, which holds only on
    its days before this one begins."""

    document_id: int
    replaces: int
    kind: str
    number: str
    issuer: str
    valid_from: str
    valid_to: str | None
    limit: Mapping[str, str] | None
    sha256: str | None
    url: str | None
    reason: str | None

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`. A view that has left out the filing of the former one has nothing
        that could be replaced."""
        documents = {**state.documents, self.document_id: self.document()}
        if former := documents.get(self.replaces):
            documents[self.replaces] = replace(
                former,
                replaced_by=self.document_id,
                replaced_from=self.valid_from,
                reason=self.reason,
            )
        return replace(state, documents=documents)

    def document(self) -> Document:
        """The one that is on file now."""
        return Document(
            self.document_id,
            self.kind,
            self.number,
            self.issuer,
            self.valid_from,
            self.valid_to,
            self.limit,
            self.sha256,
            self.url,
        )


@dataclass(frozen=True, slots=True)
class ReplaceDocument(ChangeCarrier):
    """The document that takes the place of an earlier one of the same kind. The earlier one still
    holds on its days before the new one begins."""

    document_id: inputs.DocumentId
    number: inputs.DocumentNumber
    issuer: inputs.Issuer
    valid_from: inputs.ValidFrom
    valid_to: inputs.ValidTo = None
    limit: inputs.OptionalLimit = None
    sha256: inputs.FileSha256 = None
    url: inputs.FileUrl = None
    reason: inputs.OptionalReason = None

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. A document that was replaced by the same one already is not replaced
        again."""
        former = on_file(state.documents, self.document_id)
        replaced = CarrierDocumentReplaced(
            document_id=next_id(state.documents),
            replaces=former.document_id,
            kind=former.kind,
            number=self.number,
            issuer=self.issuer,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            limit=self.limit.as_json() if self.limit else None,
            sha256=self.sha256,
            url=self.url,
            reason=self.reason.text if self.reason else None,
        )
        check(replaced.document())
        if former.replaced_by is not None:
            successor = state.documents[former.replaced_by]
            if former.reason == replaced.reason and successor.says_the_same(replaced.document()):
                return
        if former.standing != IN_FORCE:
            refuse_former(former)
        yield replaced


DECLARATION = Declaration(
    "replace-document",
    ReplaceDocument,
    (CarrierDocumentReplaced,),
    (ACTIVE, SUSPENDED),
    details="The earlier one still holds on its days before the new one begins.",
    group=PROFILE,
)
