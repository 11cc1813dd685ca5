"""Who may be given some work: the list, the answer for one carrier, and the answer as of a moment
are one, whatever has happened, whatever the policy asks for, on whatever day."""

from collections import Counter
from pathlib import Path

import pytest

from config.settings import Settings
from tests.support.judged_registry import judged_registry
from tests.support.measurements import IS_FULL, each_round

CARRIERS, ROUNDS = 40, 25
REGISTRIES = 12
"""With so many it is 10,000 questions of each kind; a tenth of them without SOAK=full."""

pytestmark = pytest.mark.soak

OVERRIDDEN = {"country", "recent", "cargo-insurance"}
RULES = {"active", "service", "country", "recent", "not-blocked", "not-on-hold", "approved"}


def test_the_list_the_answer_and_the_answer_of_then_agree(tmp_path: Path) -> None:
    """In each round something happens to some carriers, mostly another policy is adopted, and work
    is named. Who is listed is who is eligible when asked one by one; and what was answered then is
    what is answered at the end as of that moment."""
    failed: Counter[str] = Counter()
    answers: Counter[bool] = Counter()
    overridden: Counter[str] = Counter()
    for seed in each_round(REGISTRIES):
        settings = Settings(app_env="testing", sqlite_path=tmp_path / f"{seed}.sqlite3")
        with judged_registry(settings, seed) as registry:
            registry.register()
            asked = []
            for _ in range(ROUNDS):
                while len(registry.carriers) < CARRIERS and registry.chance.random() < 0.9:
                    registry.register()
                for _ in range(registry.chance.randrange(60)):
                    registry.change()
                if registry.chance.random() < 0.7:
                    registry.adopt()
                registry.take_in()
                work = registry.work()
                judged = registry.judged(work)
                may = {each for each, found in judged.items() if found.eligible}
                assert registry.listed(work) == may, (seed, work)
                asked.append((registry.now, work, judged))
                answers.update(each in may for each in judged)
                verdicts = [each for found in judged.values() for each in found.verdicts]
                failed.update(each.rule for each in verdicts if not each.holds)
                overridden.update(
                    each.rule
                    for found in judged.values()
                    if found.eligible
                    for each in found.verdicts
                    if "by override" in each.explanation
                )
            for moment, work, judged in asked:
                assert registry.judged(work, moment) == judged, (seed, work)
    assert failed.keys() >= RULES | {"cargo-insurance", "contract"}
    assert answers.total() >= 10_000 or not IS_FULL
    assert min(answers.values()) > answers.total() / 10
    assert overridden.keys() >= OVERRIDDEN, overridden
