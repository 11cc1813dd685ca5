"""Faults in what the domain decides, which a model of it finds."""

from __future__ import annotations

from tests.support.sabotages.sabotage import Sabotage

_MODEL = "tests/soak/test_model.py::test_the_registry_does_what_the_model_does[sqlite]"

IN_DOMAIN = (
    Sabotage(
        "a replaced document holds a day too long",
        "app/domain/documents.py",
        (
            (
                "self.replaced_from is None or on < self.replaced_from",
                "self.replaced_from is None or on <= self.replaced_from",
            ),
        ),
        (_MODEL,),
    ),
    Sabotage(
        "an amount in any currency suffices",
        "app/domain/eligibility.py",
        (
            (
                'return is_enough and limit["currency"] == minimum["currency"]',
                "return is_enough",
            ),
        ),
        (_MODEL,),
    ),
)
