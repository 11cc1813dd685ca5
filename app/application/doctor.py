"""What could lose or leak data, as findings: values that a shell prints and the service logs.

Checks are pure functions over facts. Each store gathers and judges its own facts in
`app/infrastructure`; the checks here are the same for every store.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.application.projections.status import ViewStatus

EVENTS_BEHIND = 1000
"""A view so far behind is worth a word; monitoring/rules/alerts.yml has the same number."""


class Severity(StrEnum):
    """RISK: data can be lost, or be read or changed by anybody. NOTICE: worth knowing."""

    NOTICE = "notice"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` names the kind of finding and stays the same in later releases; `sentence` says what
    was found, what can come of it, and what to do."""

    code: str
    severity: Severity
    sentence: str


def notice(code: str, sentence: str) -> Finding:
    """A finding that is worth knowing."""
    return Finding(code, Severity.NOTICE, sentence)


def risk(code: str, sentence: str) -> Finding:
    """A finding by which data can be lost or be read by others."""
    return Finding(code, Severity.RISK, sentence)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Risks first."""
    return sorted(findings, key=lambda each: each.severity is not Severity.RISK)


def of_views(ours: Sequence[ViewStatus], others: Sequence[str], head: int) -> Iterator[Finding]:
    """`ours` are this release's views, `others` the keys of other releases' views; `head` is the
    feed's."""
    for each in ours:
        lag = head - each.checkpoint
        if not each.is_made and head:
            yield notice(
                "view-not-made",
                f"The view {each.key} of this release is not made yet, so queries get 503: the"
                " running service makes it; `carriers projections status` says how far it is.",
            )
        elif each.is_made and lag > EVENTS_BEHIND:
            yield notice(
                "view-behind",
                f"The view {each.key} is {lag} events behind the feed, so lists are out of date:"
                " look whether a process follows (FOLLOWER) and what it logs.",
            )
        if each.parked:
            yield notice(
                "parked-streams",
                f"The view {each.key} has stopped following {each.parked} streams: see `carriers"
                " parked list`.",
            )
    if others:
        yield notice(
            "views-of-other-releases",
            f"There are views that other releases have made ({', '.join(others)}): once none of"
            " those releases runs any more, `carriers projections prune` removes them.",
        )


def of_access(
    host: str, *, on_loopback: bool, allow_anonymous: bool, has_keys: bool
) -> Iterator[Finding]:
    """Who may call the service."""
    if allow_anonymous and not on_loopback and not has_keys:
        yield notice(
            "open-to-everybody",
            f"Whoever reaches HOST={host} may read and change every carrier, as ALLOW_ANONYMOUS is"
            " true and there is no API key: create one with `carriers keys create`.",
        )
