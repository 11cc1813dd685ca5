"""What a command is, of a carrier or of another aggregate, and how it is declared. Imports only
the domain.

A module of `app/domain/commands` holds one command: the event, the command with its decision, and
the declaration. The bus, the routes, OpenAPI, the shell, the possible actions and the examples
follow from the declarations (`declarations.py` has them all).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from app.domain.aggregate import Event
from app.domain.commands import SENTENCES
from app.domain.state import CarrierState

REGISTER, PROFILE, OVERSIGHT, POLICY = "register", "profile", "oversight", "policy"
"""The groups of commands that somebody can be permitted to send: to register carriers, to keep what
a profile says, to judge a carrier's work, and to decide by what carriers are judged."""


@dataclass(frozen=True, slots=True)
class CarrierEvent(Event[CarrierState]):
    """What has happened to a carrier."""


Events = Iterator[CarrierEvent]
"""What a decision about a carrier gives, event by event."""


@dataclass(frozen=True, slots=True)
class Command(ABC):
    """A request to change one aggregate, as a dataclass of valid values. The docstring describes
    the request's body; each field is annotated with its Input (`inputs.py`)."""

    @abstractmethod
    def decide(self, state: Any, now: datetime) -> Iterator[Any]:  # noqa: ANN401
        """The events that follow from the aggregate's state; none if the command would change
        nothing. Pure. `now` is UTC.

        Whether a carrier's state allows the command is decided by the declaration. Raises
        InvalidInput for a value that only the state or the moment shows to be wrong.
        """


@dataclass(frozen=True, slots=True)
class Change(Command):
    """A command that changes what has a stream already, or needs none to be there."""

    @property
    @abstractmethod
    def stream(self) -> str:
        """The stream of what is changed."""


@dataclass(frozen=True, slots=True)
class ChangeCarrier(Change):
    """A command that changes a carrier which is registered already."""

    carrier_id: str

    @property
    def stream(self) -> str:
        """See `Change`."""
        return self.carrier_id


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """How a field of a command is given, and what people are told of it.

    `read` makes the value of the text, or raises InvalidValue. `keywords` are those that JSON
    Schema has for the text. `option` and `metavar` describe the field's option of the shell.
    `type_name` is that of the text's type, if other places have the type as well. The classes below
    are Inputs that are no text in JSON.
    """

    read: Callable[[Any], Any]
    description: str
    example: Any
    option: str
    metavar: str = "TEXT"
    keywords: Mapping[str, Any] = field(default_factory=dict)
    type_name: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NumberInput(Input):
    """An Input that is a whole number from 1 on in JSON and in the shell; `read` is given it."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectInput(Input):
    """An Input that is an object of named texts in JSON, all of which are required, and in the
    shell one text of them in this order with spaces between. `read` is given the object."""

    parts: Mapping[str, Input] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ListInput(Input):
    """An Input that is a list of texts in JSON, each of which `keywords` describe, and in the shell
    an option that can be repeated. `read` is given the list."""


class Profile:
    """In the place of an Input: the parts of a profile, each a field of its own."""


@dataclass(frozen=True, slots=True)
class Given:
    """A field of a command with its Input. Without it `default` counts, if it is not required."""

    name: str
    input: Input
    required: bool
    default: Any = None


@dataclass(frozen=True)
class Declaration:
    """All that has to be said of a command.

    `group` is one of those above. `states` are those in which the command may change a carrier;
    none for a command that registers one. `leads_to` is the state that the command is to bring
    about: asked for in that state, it is no longer forbidden but done already, unless it still
    would change something. `events` begins with the command's own event. `summary` is the API's
    sentence, if that is another one than the help page's; `details` are the help page's second
    paragraph. `any_of` are fields of which at least one has to be given. What `records` is answered
    with the record of what was decided, which can be asked for again, not with the new version.
    """

    name: str
    command: type[Command]
    events: tuple[type[Event[Any]], ...]
    states: tuple[str, ...] = ()
    leads_to: str | None = None
    summary: str = ""
    details: str = ""
    any_of: tuple[str, ...] = ()
    records: bool = False
    group: str = field(kw_only=True)

    @property
    def sentence(self) -> str:
        """What the command does."""
        return SENTENCES[self.name]

    @property
    def registers(self) -> bool:
        """Whether the carrier only comes into being by the command."""
        return not issubclass(self.command, Change)

    @cached_property
    def takes_profile(self) -> bool:
        """Whether the parts of a profile are among the fields."""
        return any(described is Profile for _, described in self._described())

    @cached_property
    def inputs(self) -> tuple[Given, ...]:
        """The fields but for a profile's parts, in order."""
        defaults = {each.name: each.default for each in fields(self.command)}
        return tuple(
            Given(name, described, defaults[name] is MISSING, defaults[name])
            for name, described in self._described()
            if isinstance(described, Input)
        )

    def made(self, carrier_id: str, values: Mapping[str, Any]) -> Command:
        """The command of a carrier's id, which a registration has no use for, and of the values of
        the fields."""
        given = {each.name for each in self.inputs} & values.keys()
        arguments: dict[str, Any] = {name: values[name] for name in given}
        if self.takes_profile:
            arguments["profile"] = {part: values[part] for part in values if part not in given}
        if not self.registers:
            arguments["carrier_id"] = carrier_id
        return self.command(**arguments)

    def _described(self) -> Iterator[tuple[str, object]]:
        for name, hint in get_type_hints(self.command, include_extras=True).items():
            if get_origin(hint) is Annotated:
                yield name, get_args(hint)[1]
