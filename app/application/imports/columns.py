"""Which column of a file is which field of a carrier: guessed from the header, or given.

A column that is taken for nothing is left alone: what the registry itself says of a carrier, such
as its state, and what only repeats another column.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.application.imports.file import BadFile
from app.domain.profile import PROFILE_PARTS
from app.domain.profile.identifiers import SCHEMES

CARRIER_ID, VERSION, BECAUSE = "carrier_id", "version", "refused_because"
IDENTIFIERS = "identifiers"

FIELDS = (CARRIER_ID, VERSION, "name", "email", *PROFILE_PARTS, *SCHEMES)
"""All that a column can be taken for; the schemes are those of identifiers."""

_ALSO = {
    CARRIER_ID: ("id", "carrier"),
    "name": (
        "carriername",
        "company",
        "companyname",
        "legalname",
        "firma",
        "firmenname",
        "unternehmen",
    ),
    "email": ("emailaddress", "mail", "contactemail", "emailadresse", "mailadresse"),
    "phone": (
        "phonenumber",
        "phoneno",
        "telephone",
        "telephonenumber",
        "tel",
        "telefon",
        "telefonnummer",
        "telefonnr",
        "rufnummer",
    ),
    "website": ("url", "web", "webaddress", "homepage", "webseite", "internet", "internetseite"),
    "aliases": ("alias", "tradename", "tradenames", "tradingname", "dba"),
    "tags": ("tag", "schlagworte", "schlagwörter"),
    "time_zone": ("tz", "zeitzone"),
    "bank_reference": ("iban", "bankaccount", "bankaccountnumber", "bankverbindung", "kontonummer"),
    IDENTIFIERS: ("identifier", "identifiersjson"),
    "tracking_url": ("tracking", "trackinglink", "sendungsverfolgung"),
    "usdot": ("dot", "dotnumber", "usdotnumber", "usdotnummer"),
    "mc": ("mcnumber", "mcnummer", "docket", "docketnumber"),
    "scac": ("scaccode",),
    "vat": (
        "vatnumber",
        "vatno",
        "vatid",
        "ustid",
        "ustidnr",
        "ustidnummer",
        "umsatzsteuerid",
        "umsatzsteueridentifikationsnummer",
    ),
    "duns": ("dunsnumber", "dunsno", "dunsnummer", "dunsnr"),
    "lei": ("leicode",),
    "own": (
        "ownnumber",
        "ournumber",
        "kreditor",
        "kreditorennummer",
        "lieferantennummer",
        "vendor",
        "vendornumber",
        "vendorno",
        "suppliernumber",
    ),
}
"""What people call a field besides, in lower case and without anything but letters and digits."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The field of each column, in the file's order; None for a column that is left alone."""

    header: tuple[str, ...]
    fields: tuple[str | None, ...]

    def place(self, field: str) -> int | None:
        """Where the field stands in a row."""
        return self.fields.index(field) if field in self.fields else None

    def name_of(self, field: str) -> str:
        """The column of a field, by the file's own name."""
        place = self.place(field)
        return field if place is None else self.header[place]

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes of identifiers that have columns of their own."""
        return tuple(each for each in SCHEMES if each in self.fields)

    @property
    def identify(self) -> bool:
        """Whether the file says identifiers, in whichever way."""
        return IDENTIFIERS in self.fields or bool(self.schemes)

    def as_json(self) -> dict[str, str | None]:
        """The field by the column's name, as it is shown and kept."""
        return {name: field for name, field in zip(self.header, self.fields, strict=True) if name}


def guessed(header: Sequence[str]) -> Columns:
    """What each column seems to be. Raises BadFile."""
    return checked(guess(header))


def guess(header: Sequence[str]) -> Columns:
    """What each column seems to be, whether a file can be read by that or not."""
    known = {_bare(field): field for field in FIELDS}
    known |= {word: field for field, words in _ALSO.items() for word in words}
    fields = [known.get(_bare(name)) for name in header]
    # The registry's own export says them twice, once for people.
    if IDENTIFIERS in fields and "identifiers_json" in header:
        fields = [
            None if field == IDENTIFIERS and name != "identifiers_json" else field
            for name, field in zip(header, fields, strict=True)
        ]
    return Columns(tuple(header), tuple(fields))


def given(header: Sequence[str], chosen: object) -> Columns:
    """As somebody has chosen, by the JSON object that `Columns.as_json` gives: every column that
    is to be read is named. Raises BadFile."""
    if not isinstance(chosen, Mapping):
        raise BadFile("The columns must be a JSON object: column → field")
    for name, field in chosen.items():
        if name not in header:
            raise BadFile(f"The file has no column {name}")
        if field is not None and field not in FIELDS:
            raise BadFile(f"The column {name} can be one of {', '.join(FIELDS)}, or null")
    picked = [chosen.get(name) if name else None for name in header]
    fields = tuple(None if each is None else str(each) for each in picked)
    return checked(Columns(tuple(header), fields))


def checked(columns: Columns) -> Columns:
    """The columns, if a file can be read by them. Raises BadFile."""
    found = [field for field in columns.fields if field is not None]
    for field in found:
        if found.count(field) > 1:
            taken = zip(columns.header, columns.fields, strict=True)
            names = [name for name, each in taken if each == field]
            raise BadFile(
                f"The columns {' and '.join(names)} are both taken for {field}: choose one of them"
            )
    if IDENTIFIERS in found and columns.schemes:
        raise BadFile("Give identifiers in one column or in a column for each scheme, not both")
    if not (columns.identify or {CARRIER_ID, "email"} & set(found)):
        raise BadFile(
            "No column says which carrier a row means: carrier_id, email or an identifier is needed"
        )
    return columns


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
