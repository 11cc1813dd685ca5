"""`withdraw-document`: a document does not count, and never did, such as one that was forged."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import inputs
from app.domain.command import PROFILE, CarrierEvent, ChangeCarrier, Declaration, Events
from app.domain.documents import WITHDRAWN, on_file, refuse_former
from app.domain.state import UNMERGED, CarrierState


@dataclass(frozen=True, slots=True)
class CarrierDocumentWithdrawn(CarrierEvent):
    """A document holds on no day."""

    document_id: int
    reason: str

    def apply(self, state: CarrierState) -> CarrierState:
        """See `CarrierEvent`. A view may have left out the document's filing."""
        document = state.documents.get(self.document_id)
        if document is None:
            return state
        withdrawn = replace(document, withdrawn=True, reason=self.reason)
        return replace(state, documents={**state.documents, self.document_id: withdrawn})


@dataclass(frozen=True, slots=True)
class WithdrawDocument(ChangeCarrier):
    """Which document is taken back, and why."""

    document_id: inputs.DocumentId
    reason: inputs.Reason

    def decide(self, state: CarrierState, now: datetime) -> Events:
        """See `Command`. One that was replaced may be withdrawn too: it held on some days."""
        document = on_file(state.documents, self.document_id)
        if document.standing != WITHDRAWN:
            yield CarrierDocumentWithdrawn(document.document_id, self.reason.text)
        elif document.reason != self.reason.text:
            refuse_former(document)


DECLARATION = Declaration(
    "withdraw-document", WithdrawDocument, (CarrierDocumentWithdrawn,), UNMERGED, group=PROFILE
)
