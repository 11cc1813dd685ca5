"""The kind of Flask application that the service is."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.routing import BuildError, Map, Rule


def test_addresses_are_built_as_werkzeug_builds_them(app: Flask) -> None:
    """Of every route, with values that have to be quoted, and with more values than it has."""
    ours = app.url_map.bind("localhost")
    rules = list(app.url_map.iter_rules())
    plain = Map([Rule(each.rule, endpoint=each.endpoint) for each in rules]).bind("localhost")
    assert len(rules) > 100
    for rule in rules:
        values = {name: f"ä /{name}" for name in rule.arguments}
        for more in ({}, {"rule": "?&=", "self": ["1", "2"]}):
            for append_unknown in (True, False):
                built, expected = (
                    each.build(rule.endpoint, values | more, append_unknown=append_unknown)
                    for each in (ours, plain)
                )
                assert built == expected


def test_a_missing_value_is_an_error(app: Flask) -> None:
    """As it is Werkzeug's."""
    with pytest.raises(BuildError):
        app.url_map.bind("localhost").build("carriers.rename", {})
