"""Two carriers that turned out to be one: the merged one takes no commands any more, the survivor
takes some of its fields and alone can use its addresses. While neither changes it can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.support.history.carrier import ACTIVE, SUSPENDED
from tests.support.model import pools
from tests.support.model.carrier import (
    FORBIDDEN,
    INVALID,
    MERGED,
    THERE,
    Absorbed,
    Carrier,
    Choice,
    Json,
    Model,
    Refused,
    Sent,
    Step,
    after,
    needs,
    taking_effect,
)
from tests.support.model.policy import GUARDED


def merge(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """Into another one that is there and not merged itself, and of which no change is to come; a
    field that a second person looks at is not taken, unless both have the same."""
    into, take = sent.body["into"], sent.body.get("take", [])
    survivor = sent.other(into)
    if carrier.state == MERGED and carrier.merged_into == into:
        return
    if carrier.state != MERGED and (survivor is None or into == carrier.id):
        raise Refused(INVALID)
    needs(carrier, THERE)
    assert survivor, "it is known"
    today = survivor.today(sent.at)
    is_free = all(each.effective_on <= today for each in survivor.open.values())
    taken, there = {name: carrier[name] for name in take}, survivor.on(today)
    waits = {name for name in sent.guarded & {*take} if taken[name] != there[name]}
    if survivor.state not in THERE or not is_free or waits:
        raise Refused(FORBIDDEN)
    number = carrier.merges + 1
    merged = replace(
        carrier,
        state=MERGED,
        reason=sent.reason,
        category=None,
        merged_into=into,
        merges=number,
        before_merge=(carrier.state, carrier.reason, carrier.category),
    )
    data = {"merge_id": number, "into": into, "taken": taken, "reason": sent.reason}
    yield Step("CarrierMerged", data, merged, ("state",))
    for step in taking_effect(survivor, today):
        survivor = after(step)
        yield step
    addresses = {**carrier.kept, **dict.fromkeys(carrier.addresses, carrier.id)}
    data = {"merged": carrier.id, "merge_id": number, "taken": taken, "addresses": addresses}
    absorbed = Absorbed(survivor.version + 1, {name: survivor[name] for name in take}, survivor)
    known = {**survivor.absorbed, carrier.id: absorbed}
    kept = {**survivor.kept, **addresses}
    there = survivor.having(taken, frozenset({sent.who}))
    yield Step("CarrierAbsorbed", data, replace(there, absorbed=known, kept=kept), _set(taken))


def unmerge(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """One that is active changes nothing; then both are what they were."""
    if carrier.state == ACTIVE:
        return
    needs(carrier, frozenset({MERGED}))
    survivor = sent.other(carrier.merged_into or "")
    assert survivor, "it was there when it absorbed the other one"
    absorbed = survivor.absorbed[carrier.id]
    if survivor.version != absorbed.version:
        raise Refused(FORBIDDEN)
    about = {"merged": carrier.id, "merge_id": carrier.merges}
    data = {**about, "restored": absorbed.former, "reason": sent.reason}
    there = survivor.having(absorbed.former, frozenset({sent.who}))
    separated = replace(absorbed.survivor, version=survivor.version, authors=there.authors)
    yield Step("CarrierSeparated", data, separated, _set(absorbed.former))
    state, reason, category = carrier.before_merge
    unmerged = replace(carrier, state=state, reason=reason, category=category, merged_into=None)
    data = {"merge_id": carrier.merges, "reason": sent.reason}
    yield Step("CarrierUnmerged", data, unmerged, ("state",))


def _set(fields: Json) -> tuple[str, ...]:
    """By what a survivor took or gets back; its profile is as recent as that."""
    return (*fields, "profile") if fields else ()


def _merge(choice: Choice) -> dict[str, Any]:
    random = choice.random
    take = random.sample(GUARDED, random.choice((0, 1, 2, 4)))
    into = random.choice(choice.others[-8:])
    body: dict[str, Any] = {"into": into, "reason": pools.reason(choice)}
    return {**body, "take": take} if take or random.random() < 0.5 else body


def _may_be_taken_back(carrier: Carrier) -> bool:
    return carrier.state in {MERGED, SUSPENDED}


COMMANDS: Final = {
    "merge": Model(merge, _merge, ("into", "reason"), 4),
    "unmerge": Model(
        unmerge,
        lambda choice: {"reason": pools.reason(choice)},
        ("reason",),
        8,
        _may_be_taken_back,
    ),
}
