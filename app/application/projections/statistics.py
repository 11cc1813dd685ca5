"""The statistics' view: in which counts a carrier is one. A pure function of a carrier.

Counted are all that ever were registered (`total`, by UTC day `registered:2026-11-23`), each
in its state (`state:active`), and those not retired by what they offer: `country:DE` and
`service:air`, once each however often the coverage names them. Who offers something worldwide
counts as `country:worldwide`.
"""

from app.application.projections.folding import Folded
from app.domain.carrier import RETIRED

TOTAL = "total"
STATE, COUNTRY, SERVICE, REGISTERED = "state:", "country:", "service:", "registered:"
"""What the keys of the counts begin with."""


def counted(carrier: Folded) -> frozenset[str]:
    """The keys of the counts that the carrier is in."""
    state = carrier.state
    keys = {TOTAL, STATE + state.status, REGISTERED + carrier.registered_at.date().isoformat()}
    if state.status != RETIRED:
        for entry in state.profile.coverage:
            keys.add(SERVICE + entry["service"])
            keys.update(COUNTRY + country for country in entry["countries"])
    return frozenset(keys)
