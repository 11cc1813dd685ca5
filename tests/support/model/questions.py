"""What can be asked, and what the answer has to be: each question gives what the model expects and
what the application answers, in the same form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any, Final

from tests.support.csv_reader import carriers as read_csv
from tests.support.csv_reader import without_what_was_added
from tests.support.model import duplicates, pools
from tests.support.model.carrier import Carrier, Choice, Json
from tests.support.model.client import Client
from tests.support.model.directory import SORTED_BY, matches, statistics
from tests.support.model.eligibility import Verdict, preferences, verdicts
from tests.support.model.policy import Policy
from tests.support.model.registry import NOT_FOUND, Entry, Registry
from tests.support.model.themes import documents, instructions, vettings
from tests.support.model.themes.instructions import Work


@dataclass(frozen=True)
class Comparison:
    """What was asked, what the model expects, and what came."""

    asked: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class Asking:
    """Who is asked, what is known, the choices of the walk, what time it is there, and how each
    vetting was answered."""

    client: Client
    registry: Registry
    random: Random
    now: datetime
    vettings: Mapping[str, Json]

    def day(self, stream: str = "", kind: str = "") -> str:
        """A day around today; mostly one on which something of the carrier, or a document of that
        kind, begins or ends, or one beside it."""
        carrier = self.registry.carrier(stream)
        found = [*_edges(carrier, kind)] if carrier else []
        if not found or self.random.random() < 0.2:
            return pools.day(Choice(self.random, Carrier(""), (), self.now.date().isoformat()))
        day = date.fromisoformat(self.random.choice(self.random.choice(found)))
        return (day + timedelta(self.random.choice((-1, 0, 0, 1)))).isoformat()

    def insured(self, kind: str) -> list[str]:
        """The carriers with a document of that kind."""
        return [
            each.id
            for each in self.registry.carriers()
            if any(documents.said(one)["kind"] == kind for one in each.documents)
        ]

    def today(self, carrier: Carrier) -> str:
        """Which day it is where the carrier is; UTC's where that is not known."""
        return carrier.today(self.now.isoformat())

    def moment(self, stream: str) -> str:
        """A moment at which something was recorded, of this carrier mostly, or long before."""
        if self.random.random() < 0.3:
            stream = self.random.choice([*self.registry.streams])
        moments = [each.at for each in self.registry.streams.get(stream, ())]
        return self.random.choice([*moments, "2020-01-01T00:00:00.000+00:00"])


def _edges(carrier: Carrier, kind: str) -> Iterator[list[str]]:
    """The days on which something begins or ends, where there are any: of documents that replace
    others, of documents, of instructions, of scheduled changes; of one kind, its documents' only.
    """
    filed = [each for each in map(documents.said, carrier.documents) if kind in ("", each["kind"])]
    replaced = {each.successor for each in carrier.documents if each.successor}
    successors = (documents.said(carrier.documents[number - 1]) for number in replaced)
    given = [] if kind else [instructions.said(each) for each in carrier.instructions]
    for days in (
        [each["valid_from"] for each in successors if each in filed],
        [*_days(filed)],
        [*_days(given)],
        [] if kind else [each.effective_on for each in carrier.scheduled],
    ):
        if days:
            yield days


def _days(said: Iterable[Json]) -> Iterator[str]:
    return (each[name] for each in said for name in ("valid_from", "valid_to") if each[name])


Question = Callable[[Asking, str], Iterator[Comparison]]


def shown(asking: Asking, stream: str) -> Iterator[Comparison]:
    """The carrier as it is now."""
    path = f"/carriers/{stream}"
    now = asking.registry.carrier(stream)
    expected = now.shown(asking.today(now)) if now else NOT_FOUND
    yield Comparison(path, expected, asking.client.data(path))


def as_of(asking: Asking, stream: str) -> Iterator[Comparison]:
    """The carrier, its documents and its blocks at a version that it may not have, and at a
    moment, for a day; for the carrier's today if none is named."""
    entries = asking.registry.streams[stream]
    version = asking.random.randrange(1, len(entries) + 2)
    day = asking.day(stream) if asking.random.random() < 0.7 else None
    moment = asking.moment(stream)
    last = entries[min(version, len(entries)) - 1].at
    for when, then in (({"version": version}, last), ({"at": moment}, moment)):
        carrier = asking.registry.carrier(stream, **when)
        for part, of in (
            ("", lambda of, today: of.shown(day or today)),
            ("/documents", lambda of, _: documents.shown(of, day or asking.today(of))),
            ("/blocks", lambda of, _: instructions.shown(of, day or asking.today(of))),
        ):
            path = f"/carriers/{stream}{part}"
            asked = {**when, "on": day} if day else when
            expected = of(carrier, carrier.today(then)) if carrier else NOT_FOUND
            yield Comparison(f"{path} {asked}", expected, asking.client.data(path, asked))


def edges(asking: Asking, stream: str) -> Iterator[Comparison]:
    """The documents as they are now, on days about which it is easy to be wrong."""
    carrier, path = asking.registry.carrier(stream), f"/carriers/{stream}/documents"
    assert carrier, "it is asked of those that are known"
    for day in {asking.day(stream), asking.day(stream)}:
        expected = documents.shown(carrier, day)
        yield Comparison(f"{path} {day}", expected, asking.client.data(path, {"on": day}))


def history(asking: Asking, stream: str) -> Iterator[Comparison]:
    """All events, in pages of some size."""
    path, limit = f"/carriers/{stream}/history", asking.random.choice((1, 3, 100))
    limit = max(limit, len(asking.registry.streams[stream]) // 8)
    found = list(asking.client.pages(path, {"limit": limit}, "events", "after"))
    expected = [each.shown for each in asking.registry.streams[stream]]
    yield Comparison(path, expected, [_entry(each) for each in found])


def audit(asking: Asking, stream: str) -> Iterator[Comparison]:
    """Of one carrier: who changed what from what to what. What else the file tells of an event, of
    what has a number for example, no history says."""
    answer = asking.client.get("/audit.csv", {"carrier": stream})
    lines: dict[int, list[dict[str, str]]] = {}
    for line in csv.DictReader(io.StringIO(answer.text, newline="")):
        lines.setdefault(int(line["version"]), []).append(line)
    entries = asking.registry.streams[stream]
    yield Comparison(f"/audit.csv {stream}", [*range(1, len(entries) + 1)], [*lines])
    for entry, found in zip(entries, lines.values(), strict=False):
        one = found[0]
        expected = (entry.type, entry.at, entry.who)
        asked = f"/audit.csv {stream}, version {entry.carrier.version}"
        yield Comparison(asked, expected, (one["event"], one["recorded_at"], one["actor"]))
        if entry.changes:
            changes = {each["field"]: (each["from"], each["to"]) for each in entry.changes}
            yield Comparison(asked, changes, _audited(changes, found))


def _audited(changes: Json, lines: Iterable[Mapping[str, str]]) -> Json:
    """The fields of the lines that have no number, with the values that their cells stand for."""
    return {
        name: tuple(
            _meant(cell, like)
            for cell, like in zip(
                (line["old"], line["new"]), changes.get(name, ("",) * 2), strict=True
            )
        )
        for line in lines
        if "." not in (name := line["field"])
    }


def _meant(cell: str, like: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value of a cell where one like this is expected: texts stand as they are."""
    text = without_what_was_added(cell)
    if isinstance(like, str) or not text:
        return text or (None if like is None else "")
    try:
        return json.loads(text)
    except ValueError:
        return text  # which is another value then


def eligibility(asking: Asking, stream: str) -> Iterator[Comparison]:
    """By two times: the day of the work, and the moment of knowledge. Mostly of work for which the
    policy asks for a document, and of a carrier that has one."""
    random, registry = asking.random, asking.registry
    at = asking.moment(stream) if random.random() < 0.4 else None
    kind, country, service = _wanted(asking, registry.policy_at(at))
    stream = random.choice([stream, *asking.insured(kind)[-4:]])
    day = asking.day(stream, kind) if random.random() < 0.8 else None
    work = Work(country, service, random.choice((None, *pools.CUSTOMERS)), day or "")
    path, asked = f"/carriers/{stream}/eligibility", {**work._asdict(), "on": day, "at": at}
    asked = {name: value for name, value in asked.items() if value is not None}
    found, carrier = asking.client.data(path, asked), registry.carrier(stream, at=at)
    if carrier is None or isinstance(found, int):
        yield Comparison(f"{path} {asked}", "an answer" if carrier else NOT_FOUND, found)
        return
    work = work._replace(on=day or asking.today(carrier))
    policy, entries = registry.policy_at(at), registry.streams[stream]
    judged = verdicts(carrier.on(work.on), work, policy, partial(_day_of, entries))
    expected = {
        "carrier_id": stream,
        "version": carrier.version,
        "policy_version": policy.version,
        "on": work.on,
        "eligible": all(each.holds for each in judged),
        "preferences": preferences(carrier, work),
    }
    rest = {name: value for name, value in found.items() if name != "rules"}
    yield Comparison(f"{path} {asked}", expected, {"preferences": [], **rest})
    yield Comparison(f"{path} {asked}", judged, _judged(judged, found["rules"], stream, registry))


def _wanted(asking: Asking, policy: Policy) -> tuple[str, str, str]:
    """A kind of documents, and the country and the service of work for which the policy asks for
    one; of any work now and then, without a kind."""
    random, requirements = asking.random, policy.terms["requirements"]
    wanted = random.choice(requirements) if requirements and random.random() < 0.8 else {}
    country = wanted.get("country") or random.choice(pools.COUNTRIES)
    service = wanted.get("service") or random.choice(pools.SERVICES[:4])
    return wanted.get("kind", ""), country, service


def _judged(
    expected: list[Verdict], rules: list[Any], stream: str, registry: Registry
) -> list[Verdict | str]:
    """The rules in the order of the model's, each with the events that it may name if it names one
    of them."""
    by_name = sorted(expected, key=lambda each: each.rule)
    found: dict[int, Verdict | str] = {}
    entries = registry.streams[stream]
    answered = sorted(rules, key=lambda each: str(each["rule"]))
    if len(answered) != len(by_name):
        return [str(each["rule"]) for each in answered]
    for verdict, rule in zip(by_name, answered, strict=True):
        version = rule["event"] and rule["event"]["version"]
        is_named = version in verdict.events and (
            version is None or rule["event"]["type"] == entries[version - 1].type
        )
        same = (rule["rule"], rule["holds"]) == (verdict.rule, verdict.holds) and is_named
        found[id(verdict)] = verdict if same else f"{rule}"
    return [found[id(each)] for each in expected]


def _entry(event: dict[str, Any]) -> dict[str, Any]:
    if event["type"] == "CarrierVetted":
        event = {**event, "data": vettings.comparable(event["data"])}
    return {name: event[name] for name in ("version", "type", "at", "who", "data", "changes")}


def policy(asking: Asking, stream: str) -> Iterator[Comparison]:
    """Now, at a version, at a moment, and its history."""
    ask, policies = asking.client.data, asking.registry.policies
    yield Comparison("/policy", policies[-1].shown, ask("/policy"))
    version = asking.random.randrange(len(policies) + 1)
    expected: Any = policies[version].shown if version < len(policies) else NOT_FOUND
    yield Comparison(f"/policy {version}", expected, ask("/policy", {"version": version}))
    at = asking.moment(stream)
    expected = asking.registry.policy_at(at).shown
    yield Comparison(f"/policy at {at}", expected, ask("/policy", {"at": at}))
    found = asking.client.pages("/policy/history", {"limit": 50}, "events", "after")
    expected = [each.event for each in policies[1:]]
    yield Comparison("/policy/history", expected, [_entry(each) for each in found])


def _filters(asking: Asking) -> dict[str, str]:
    random = asking.random
    known = random.choice(list(asking.registry.carriers()))
    name = random.choice(known.name.split())[: random.randrange(1, 6)]
    # A list is of the carriers as they are now, whatever time it is in the walk.
    on = max(asking.day(), datetime.now(UTC).date().isoformat())
    makers: dict[str, Callable[[], str]] = {
        "state": lambda: ",".join(random.sample(("active", "suspended", "retired", "merged"), 2)),
        "country": lambda: ",".join(random.sample(pools.COUNTRIES, random.randrange(1, 3))),
        "service": lambda: ",".join(random.sample(pools.SERVICES[:5], random.randrange(1, 3))),
        "identifier": lambda: f"usdot:{1000 + random.randrange(400)},scac:{_scac(known)}",
        "tag": lambda: ",".join(random.sample(pools.TAGS, random.randrange(1, 3))),
        "waiting": lambda: ",".join(random.sample(("change", "approval"), random.randrange(1, 3))),
        "q": lambda: random.choice((name, known.email.partition("@")[0], f"{name} com")),
        "incidents_since": asking.day,
        "missing": lambda: random.choice(pools.KINDS),
        "expiring_before": asking.day,
        "sort": lambda: random.choice([*SORTED_BY]),
    }
    names = random.sample([*makers], random.choice((0, 1, 1, 1, 2, 2, 3)))
    asked = {name: makers[name]() for name in names}
    return {**asked, "on": on}


def _scac(carrier: Carrier) -> str:
    found = [each["value"] for each in carrier["identifiers"] if each["scheme"] == "scac"]
    return found[0] if found else "AAAA"


def lists(asking: Asking, _: str) -> Iterator[Comparison]:
    """Who is on it, as what, and in which order."""
    yield from _listed(asking, _filters(asking), lambda _: True)


def eligible(asking: Asking, _: str) -> Iterator[Comparison]:
    """All that may be given some work today or later, by the policy that holds; now and then those
    of a filter alone."""
    random, registry = asking.random, asking.registry
    asked = _filters(asking)
    if random.random() < 0.7:
        asked = {"on": asked["on"]}
    _, country, service = _wanted(asking, registry.policy)
    customer = random.choice((None, *pools.CUSTOMERS))
    about = {"eligible_for": f"{country}/{service}", **({"customer": customer} if customer else {})}
    work = Work(country, service, customer, asked["on"])

    def may(carrier: Carrier) -> bool:
        entries = registry.streams[carrier.id]
        day_of = partial(_day_of, entries)
        return all(each.holds for each in verdicts(carrier, work, registry.policy, day_of))

    yield from _listed(asking, asked, may, about)


def _listed(
    asking: Asking,
    asked: Mapping[str, str],
    may: Callable[[Carrier], bool],
    about: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Comparison]:
    """The same filter, and those that `may` besides, as pages and as CSV."""
    there = {each.id: each for each in asking.registry.carriers()}
    expected = {
        each.id: each
        for each in (carrier.on(asked["on"]) for carrier in there.values())
        if matches(each, asked) and may(each)
    }
    asked = {**asked, **about}
    order = SORTED_BY[asked.get("sort", "name")]
    limit = max(asking.random.choice((1, 7, 100)), len(expected) // 10 + 1)
    page = {**asked, "limit": min(100, limit)}
    found = list(asking.client.pages("/carriers", page, "carriers", "cursor"))
    text = asking.client.get("/carriers.csv", asked, is_fresh=True).data.decode()
    updated = {each.id: asking.registry.streams[each.id][-1].at for each in expected.values()}
    for name, rows, also in (
        ("/carriers", found, {}),
        ("/carriers.csv", list(read_csv(text)), updated),
    ):
        by_id = {row["carrier_id"]: row for row in rows}
        whole = {
            key: {**each.listed, **({"updated_at": also[key]} if also else {})}
            for key, each in expected.items()
        }
        yield Comparison(f"{name} {asked}", whole, by_id)
        listed = [row["carrier_id"] for row in rows]
        yield Comparison(f"{name} {asked}, how many", len(whole), len(listed))
        keys = [order(there[key]) for key in listed]
        yield Comparison(f"{name} {asked}, the order", sorted(keys), keys)


def _day_of(entries: Sequence[Entry], version: int) -> str:
    return entries[version - 1].at[:10]


def kept_vettings(asking: Asking, _: str) -> Iterator[Comparison]:
    """A few, word for word as they were answered when they were made."""
    few = asking.random.sample([*asking.vettings], min(3, len(asking.vettings)))
    for vetting in few:
        path = f"/vettings/{vetting}"
        yield Comparison(path, asking.vettings[vetting], asking.client.data(path))


def counts(asking: Asking, _: str) -> Iterator[Comparison]:
    """The statistics."""
    days = asking.random.choice((1, 5, 366))
    found = asking.client.data("/statistics", {"days": days}, is_fresh=True)
    expected = statistics(asking.registry.carriers(), days)
    found.pop("position")
    yield Comparison("/statistics", expected, found)


def pairs(asking: Asking, stream: str) -> Iterator[Comparison]:
    """All pairs, and those of one carrier."""
    least = asking.random.choice((50, 50, 80, 95))
    known = {
        pair: found
        for pair, found in duplicates.pairs(asking.registry.carriers()).items()
        if found[0] >= least
    }
    asked = {"min_score": least, "limit": 100}
    walked = list(asking.client.pages("/duplicates", asked, "pairs", "cursor"))
    yield Comparison(f"/duplicates {asked}", known, _pairs(walked))
    yield Comparison("/duplicates, how many", len(known), len(walked))
    path, asked = f"/carriers/{stream}/duplicates", {"min_score": least}
    answered = asking.client.data(path, asked, is_fresh=True)
    if isinstance(answered, int) or asking.registry.carrier(stream) is None:
        yield Comparison(path, NOT_FOUND, answered)
        return
    found = answered["pairs"]
    expected = {pair: each for pair, each in known.items() if stream in pair}
    yield Comparison(f"{path} {asked}", expected, _pairs(found))
    scores = [each["score"] for each in found]
    yield Comparison(f"{path}, the order", sorted(scores, reverse=True), scores)


def _pairs(found: list[Any]) -> dict[duplicates.Pair, duplicates.Found]:
    return {
        frozenset(each["carrier_id"] for each in pair["carriers"]): (
            pair["score"],
            tuple(sorted(reason["kind"] for reason in pair["reasons"])),
        )
        for pair in found
    }


def feed(asking: Asking, _: str) -> Iterator[Comparison]:
    """All events of all carriers and of the policy, each once, those of one in order."""
    found: dict[str, list[tuple[int, str]]] = {}
    streams = asking.registry.streams
    count = sum(map(len, streams.values())) + len(asking.registry.policies) - 1
    for event in asking.client.events(count):
        subject = "policy" if event["source"] == "/policy" else event["subject"]
        found.setdefault(subject, []).append((event["streamversion"], event["type"]))
    expected = {
        stream: [(each.carrier.version, each.type) for each in entries]
        for stream, entries in streams.items()
    }
    adopted = [(each.version, "PolicyAdopted") for each in asking.registry.policies[1:]]
    yield Comparison("/events", expected | ({"policy": adopted} if adopted else {}), found)


OF_A_CARRIER: Final[tuple[Question, ...]] = (
    *(as_of, history, audit, edges),
    *(eligibility, eligibility, eligibility),
)
"""Asked of the carrier of the last command, now and then."""
OF_ALL: Final[tuple[Question, ...]] = (
    *(lists, lists, lists, eligible, eligible),
    *(counts, pairs, policy, kept_vettings),
)
"""Asked seldom, as each looks at all that there is."""
