"""From the words of a command line to the JSON that the API's schemas take. No rule of a value is
decided here, only how it is written in a shell."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from marshmallow import Schema, ValidationError

from app.api.http.validation import sentences
from app.application.command_context import KEY
from app.application.strict_json import NotStrictJson, parse
from app.cli.errors import INVALID, CliError
from app.domain.command import Declaration, Input, ListInput, NumberInput, ObjectInput
from app.domain.profile import PROFILE_PARTS

Reading = Callable[[str], Any]  # raises ValueError with what is wrong


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parsed as strictly as a request's body."""
    try:
        # The very bytes that the shell was given, be they UTF-8 or not.
        return parse(text.encode(errors="surrogateescape"))
    except NotStrictJson as error:
        raise ValueError(f"It {error.why}") from error


def _identifier(text: str) -> Any:  # noqa: ANN401 - an object, if it keeps the form
    """`scheme:value`, or a JSON object where it has a validity."""
    if text.startswith("{"):
        return _json(text)
    scheme, colon, value = text.partition(":")
    if not colon:
        raise ValueError("It must be written scheme:value, such as scac:FDEG")
    return {"scheme": scheme, "value": value}


def _coverage(text: str) -> dict[str, Any]:
    """`service:DE,FR` or `service:worldwide`."""
    service, colon, countries = text.partition(":")
    if not colon:
        raise ValueError("It must be written service:countries, such as parcel:DE,FR")
    return {"service": service, "countries": countries.split(",")}


def _object(names: Sequence[str], text: str) -> dict[str, str]:
    """An object of texts, which are written with spaces between them."""
    words = text.split()
    if len(words) != len(names):
        raise ValueError(f"It must be written {' '.join(names)}, with a space between")
    return dict(zip(names, words, strict=True))


def _contact(text: str) -> Any:  # noqa: ANN401 - an object, if it keeps the form
    """`role:name:phone or e-mail`, or a JSON object where it has both."""
    if text.startswith("{"):
        return _json(text)
    role, _, rest = text.partition(":")
    name, colon, reached = rest.rpartition(":")
    if not colon:
        raise ValueError(
            "It must be written role:name:phone or role:name:email, such as"
            " dispatch:Night desk:+498912345678"
        )
    return {"role": role, "name": name, "email" if "@" in reached else "phone": reached}


def _key(text: str) -> str:
    """In the form that the HTTP header Idempotency-Key has."""
    if not re.fullmatch(KEY, text):
        raise ValueError("It must be 1 to 255 visible ASCII characters")
    return text


def _read_by(reading: Reading) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """As a callback of click's, for an option that is given once or several times."""

    def read(_: click.Context, __: click.Parameter, given: Any) -> Any:  # noqa: ANN401
        try:
            if isinstance(given, tuple):
                return tuple(map(reading, given))
            return None if given is None else reading(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def _option(*names: str, **options: Any) -> click.Option:  # noqa: ANN401
    return click.Option(names, **options)


CARRIER_ID = click.Argument(["carrier_id"], metavar="ID", type=click.UUID)
AS_JSON = _option(
    "--json", "as_json", is_flag=True, help="Print the `data` of the HTTP API's answer."
)

PROFILE = (
    _option("--phone", metavar="NUMBER", help="In international form, such as +498912345678."),
    _option("--website", metavar="URL", help="An https URL."),
    _option("--alias", "aliases", multiple=True, metavar="TEXT", help="A trade name; repeatable."),
    _option(
        "--identifier",
        "identifiers",
        multiple=True,
        metavar="SCHEME:VALUE",
        callback=_read_by(_identifier),
        help="Such as scac:FDEG; repeatable. With a validity as JSON:"
        ' {"scheme": …, "value": …, "valid_from": …, "valid_to": …}.',
    ),
    _option(
        "--coverage",
        "coverage",
        multiple=True,
        metavar="SERVICE:COUNTRIES",
        callback=_read_by(_coverage),
        help="What is offered where, such as parcel:DE,FR or air:worldwide; repeatable.",
    ),
    _option("--tracking-url", metavar="URL", help="An https URL with one {tracking_number}."),
    _option(
        "--metadata",
        metavar="JSON",
        callback=_read_by(_json),
        help="A small JSON object of your own.",
    ),
    _option(
        "--contact",
        "contacts",
        multiple=True,
        metavar="ROLE:NAME:PHONE|EMAIL",
        callback=_read_by(_contact),
        help="Such as 'dispatch:Night desk:+498912345678'; repeatable. With both as JSON:"
        ' {"role": …, "name": …, "phone": …, "email": …}.',
    ),
    _option("--tag", "tags", multiple=True, metavar="WORD", help="To find it by; repeatable."),
    _option("--time-zone", metavar="NAME", help="An IANA time zone, such as Europe/Berlin."),
    _option(
        "--bank-reference", metavar="TEXT", help="An IBAN, or the account's number in your books."
    ),
)
UNSET = _option(
    "--unset",
    "unset",
    multiple=True,
    type=click.Choice(list(PROFILE_PARTS)),
    help="Remove a part; repeatable.",
)


def options_of(declaration: Declaration) -> list[click.Option]:
    """An option for each field of a command's request."""
    options = [
        _option(
            f"--{given.name.replace('_', '-')}",
            metavar=given.input.metavar,
            required=given.required,
            help=given.input.option,
            **_reading(given.input),
        )
        for given in declaration.inputs
    ]
    if declaration.takes_profile:
        options += PROFILE if declaration.registers else (*PROFILE, UNSET)
    return options


def _reading(declared: Input) -> dict[str, Any]:
    """How the option's words become the JSON of an Input that is no text in it."""
    match declared:
        case NumberInput():
            return {"type": click.IntRange(1)}
        case ListInput():
            return {"multiple": True}
        case ObjectInput(parts=parts):
            return {"callback": _read_by(lambda text: _object(tuple(parts), text))}
    return {}


DRY_RUN = _option("--dry-run", is_flag=True, help="Do all but write; say what it would write.")
IDEMPOTENCY_KEY = _option(
    "--idempotency-key",
    metavar="KEY",
    callback=_read_by(_key),
    help="However often it is sent with this key, it is done once.",
)
IF_VERSION = _option(
    "--if-version",
    type=click.IntRange(1),
    metavar="N",
    help="Only if the carrier is at this version.",
)

_EMPTY: Mapping[str, object] = {
    **{part: [] for part in ("aliases", "identifiers", "coverage", "contacts", "tags")},
    "metadata": {},
}


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the API's body would be: the options that were given, lists for repeatable ones, and
    the empty value for each part in `unset`."""
    options = dict(given)
    unset = options.pop("unset", ())
    body = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value != ()
    }
    if both := [part for part in unset if part in body]:
        raise click.UsageError(f"Either set or unset {both[0]}, not both.")
    return body | {part: _EMPTY.get(part) for part in unset}


def loaded(schema: Schema, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what the schema loads
    """The values. Ends the command with a sentence for each field that breaks a rule."""
    try:
        return schema.load(given)
    except ValidationError as error:
        wrong = sentences({"given": dict(error.messages_dict)})
        lines = (f"{field}: {sentence}" for field, sentence in wrong.items())
        raise CliError(INVALID, *lines) from error
