"""What queries are made into."""

import importlib
import pkgutil

import pytest
from marshmallow import ValidationError

from app.api import schemas
from app.api.schemas.commands import QuerySchema


def query_schemas() -> list[type[QuerySchema]]:
    """Every schema of a query that there is."""
    for module in pkgutil.iter_modules(schemas.__path__, f"{schemas.__name__}."):
        importlib.import_module(module.name)
    found, above = [], [QuerySchema]
    while above:
        above = [each for one in above for each in one.__subclasses__()]
        found += above
    return [each for each in found if each.__module__.startswith("app.")]


@pytest.mark.parametrize("schema", query_schemas(), ids=lambda each: each.__name__)
def test_what_an_empty_query_means_is_always_the_same(schema: type[QuerySchema]) -> None:
    """It is loaded once and given to every request without a query, so it is equal each time and
    nothing in it can be changed: it has a hash."""
    try:
        value = schema().load({})
    except ValidationError:
        return  # a parameter is required: each such request is refused anew
    if isinstance(value, dict):
        return  # made anew each time
    assert hash(value) == hash(schema().load({}))
    assert value == schema().load({})
