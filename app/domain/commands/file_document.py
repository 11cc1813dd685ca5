"""`file-document`: what a carrier has to show, such as an insurance, is put on file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.documents import IN_FORCE_MAX, KINDS, Document, check, in_force, next_id
from app.domain.errors import InvalidInput
from app.domain.state import ACTIVE, SUSPENDED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierDocumentFiled(CarrierEvent):
    """A document is on file. `limit` is an object of `amount` and `currency`."""

    document_id: int
    kind: str
    number: str
    issuer: str
    valid_from: str
    valid_to: str | None
    limit: Mapping[str, str] | None
    sha256: str | None
    url: str | None

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`."""
        return replace(state, documents={**state.documents, self.document_id: self.document()})

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
class FileDocument(ChangeCarrier):
    """A document of a carrier, and the days on which it is valid."""

    kind: Annotated[str, inputs.choice("kind", KINDS, "What it is.", "DocumentKind")]
    number: inputs.DocumentNumber
    issuer: inputs.Issuer
    valid_from: inputs.ValidFrom
    valid_to: inputs.ValidTo = None
    limit: inputs.OptionalLimit = None
    sha256: inputs.FileSha256 = None
    url: inputs.FileUrl = None

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. What is on file already, with the same words, is not filed again."""
        filed = CarrierDocumentFiled(
            document_id=next_id(state.documents),
            kind=self.kind,
            number=self.number,
            issuer=self.issuer,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            limit=self.limit.as_json() if self.limit else None,
            sha256=self.sha256,
            url=self.url,
        )
        document = filed.document()
        check(document)
        there = list(in_force(state.documents))
        if any(document.says_the_same(each) for each in there):
            return
        if len(there) >= IN_FORCE_MAX:
            raise InvalidInput(
                "number",
                f"The carrier has {IN_FORCE_MAX} documents in force, which is the most; withdraw"
                " or replace one",
            )
        yield filed


DECLARATION = Declaration(
    "file-document",
    FileDocument,
    (CarrierDocumentFiled,),
    (ACTIVE, SUSPENDED),
    details="`carriers documents` shows them with their ids.",
    group=PROFILE,
)
