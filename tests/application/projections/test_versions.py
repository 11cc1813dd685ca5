"""What each version of a projection makes of the golden events is pinned: who changes it has to
raise the version, so that no view is answered from that other code has made.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.application.ports.event_store import RecordedEvent
from app.application.projections import PROJECTIONS, Projection
from app.application.projections.replay import Folded
from app.domain.command import CarrierEvent
from app.domain.eligibility import state_after
from app.infrastructure.codec import JsonCodec
from tests.application.projections.world import last_profile_day
from tests.infrastructure.test_golden_events import CLASSES, golden, kept
from tests.support.commits import event, recorded
from tests.support.project import TESTS

PINNED = TESTS / "golden_views"
NAMES = [
    "FedEx",
    "Müller & Söhne Spedition GmbH",
    "STRASSE straße \u017ftra\u00dfe",
    "Ærø Fragt",
    "İstanbul Kargo",
    "ΟΔΥΣΣΕΥΣ",
    "東京 運送",
    "Crème Brûlée d'Or-Express",
    "ﬁne ﬀreight ①",
    "x" * 200,
    "a\u200bb  c\u00a0d",
]
"""Names that show how text is folded and cut."""


def carriers() -> list[Folded]:
    """One for each golden event, which is registered before, and one for each of NAMES."""
    fedex = registered("FedEx")
    found = []
    for number, stored in enumerate(golden_events()):
        is_first = stored.data.event_type.endswith("CarrierRegistered")
        found.append(folded(f"golden-{number:03}", *([] if is_first else [fedex]), stored))
    names = enumerate(map(registered, NAMES))
    return [*found, *(folded(f"name-{number:03}", each) for number, each in names)]


def golden_events() -> list[RecordedEvent]:
    """All of carriers, whatever their type and schema version."""
    return [
        recorded(event(each.event_type, each.payload, each.metadata))
        for name, version in sorted(kept())
        if issubclass(CLASSES[name], CarrierEvent)
        for each in golden(name, version)[1]
    ]


def registered(name: str) -> RecordedEvent:
    """The first event of a carrier of that name."""
    return recorded(event(payload=json.dumps({"name": name, "email": "contact@fedex.com"})))


def folded(stream: str, *events: RecordedEvent) -> Folded:
    """The carrier that these events make."""
    moments = [each.data.created_at for each in events]
    decoded = [JsonCodec().decode(each) for each in events]
    profile_of = last_profile_day(decoded, moments)
    return Folded(stream, len(events), state_after(decoded), moments[0], moments[-1], profile_of)


def view_of(projection: Projection) -> Any:  # noqa: ANN401 - JSON
    """All that the projection makes of them, as JSON has it."""
    if projection.counted is not None:
        counts = Counter[str]()
        for each in carriers():
            counts.update(projection.counted(each))
        return counts
    assert projection.row is not None
    rows = map(projection.row, carriers())
    return {
        row.carrier_id: {
            "body": json.loads(row.body),
            "keys": dict(row.keys),
            "terms": sorted(row.terms),
            "words": sorted(row.words),
            "shared": sorted(row.shared),
        }
        for row in rows
    }


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_whose_result_changes_gets_another_version(name: str) -> None:
    """If this fails: raise VERSION in the projection's module of app/application/projections, and
    run this module (`python -m tests.application.projections.test_versions`), which writes the file
    of the new version. The files of former versions stay as they are."""
    projection = PROJECTIONS[name]
    pinned = json.loads((PINNED / f"{projection.key}.json").read_text())
    assert view_of(projection) == pinned


if __name__ == "__main__":
    for each in PROJECTIONS.values():
        file: Path = PINNED / f"{each.key}.json"
        if file.exists():
            print(f"{file.name} is there: raise the version first")
        else:
            text = json.dumps(view_of(each), ensure_ascii=False, indent=2, sort_keys=True)
            file.write_text(f"{text}\n")
