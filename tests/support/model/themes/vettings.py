"""May the carrier be given this work? The answer is kept as an event, which changes nothing that
the carrier is. Sentences and the position of the feed are not the model's: see `comparable`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.support.model import pools
from tests.support.model.carrier import ANY, Carrier, Choice, Json, Model, Sent, Step, needs


def vet(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """In every state, and the same work twice is two vettings."""
    needs(carrier, ANY)
    body = sent.body
    work = {"country": body["country"], "service": body["service"]}
    work |= {"customer": body.get("customer"), "on": body.get("on") or carrier.today(sent.at)}
    yield Step("CarrierVetted", {**work, **sent.judge(work)}, carrier)


def comparable(data: Json) -> dict[str, Any]:
    """The data of a vetting, as far as the model can say them."""
    rules = {rule["rule"]: rule["holds"] for rule in data["rules"]}
    kept = {
        n: each for n, each in data.items() if n not in ("vetting_id", "feed", "position", "rules")
    }
    return {**kept, "rules": rules}


def _work(choice: Choice) -> dict[str, Any]:
    random = choice.random
    body: dict[str, Any] = {
        "country": random.choice(("DE", "fr", "US")),
        "service": random.choice(pools.SERVICES[:4]),
    }
    if random.random() < 0.5:
        body["customer"] = random.choice((None, *pools.CUSTOMERS))
    return {**body, "on": pools.day(choice)} if random.random() < 0.6 else body


COMMANDS: Final = {"vet": Model(vet, _work, ("country", "service"), 6)}
