"""How Marshmallow's schemas and fields become the named schemas of /openapi.json.

Programs make clients from that document. A generator invents a name for every shape that has none,
another one in each place; so a shape of several places is a component.
"""

import inspect
from typing import Any, Final

from apispec import BasePlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

COMPONENT: Final = "component"
"""In a field's metadata: the name under which OpenAPI has the field's type."""

CONTENT_MEDIA_TYPE: Final = "contentMediaType"
"""In a field's metadata: what the field's text is."""

_OF_THE_PLACE: Final = ("description", "example", "default")
"""What is said of a field, and not of its type."""

Described = dict[str, Any]


class SchemaDescriptions(BasePlugin):
    """A component's description is the docstring of its schema."""

    def schema_helper(self, name: str, definition: Described, **kwargs: Any) -> Described:  # noqa: ANN401
        """What apispec adds to the component."""
        schema = kwargs.get("schema")
        described = schema if isinstance(schema, type) else type(schema)
        if not issubclass(described, Schema) or not described.__doc__:
            return {}
        return {"description": inspect.cleandoc(described.__doc__).replace("\n", " ")}


def one_value(_: OpenAPIConverter, field: fields.Field[Any], ret: Described) -> Described:
    """A type of one value is a `const`: generators make a literal of it, not an enumeration."""
    values = ret.get("enum", ())
    if isinstance(field, fields.Constant):
        ret.pop("default", None)
    if len(values) != 1:
        return {}
    del ret["enum"]
    return {"const": values[0]}


def types(_: OpenAPIConverter, __: fields.Field[Any], ret: Described) -> Described:
    """A choice of types says all: what the field's class says beside it would contradict it."""
    if "anyOf" in ret:
        ret.pop("type", None)
        ret.pop("items", None)
    return {}


def content(_: OpenAPIConverter, field: fields.Field[Any], ret: Described) -> Described:
    """Say what a text is. apispec leaves this word of JSON Schema out."""
    if said := field.metadata.get(CONTENT_MEDIA_TYPE):
        ret[CONTENT_MEDIA_TYPE] = said
    return {}


def component(converter: OpenAPIConverter, field: fields.Field[Any], ret: Described) -> Described:
    """Refer to the type by the name that the field's metadata gives it. Raises ValueError if two
    fields give one name to different types."""
    name = field.metadata.get(COMPONENT)
    if name is None:
        return {}
    schemas = converter.spec.components.schemas
    of_the_type = {key: value for key, value in ret.items() if key not in _OF_THE_PLACE}
    if field.allow_none:
        of_the_type["type"] = next(each for each in ret["type"] if each != "null")
    if schemas.setdefault(name, of_the_type) != of_the_type:
        raise ValueError(f"{name} is {schemas[name]} in one place and {of_the_type} in another")
    for key in of_the_type:
        ret.pop(key, None)
    reference = {"$ref": f"#/components/schemas/{name}"}
    return {"anyOf": [reference, {"type": "null"}]} if field.allow_none else reference


def parameter(_: OpenAPIConverter, __: fields.Field[Any], ret: Described) -> Described:
    """Describe the schema as well: some generators look for the sentence there."""
    if "description" in ret:
        ret["schema"]["description"] = ret["description"]
    return {}
