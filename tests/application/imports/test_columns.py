"""Which field a column is taken for by its name."""

import pytest

from app.application.imports.columns import guessed
from app.application.imports.file import BadFile

GERMAN = {
    "Firma": "name",
    "E-Mail-Adresse": "email",
    "Telefon-Nr.": "phone",
    "Webseite": "website",
    "Schlagwörter": "tags",
    "Zeitzone": "time_zone",
    "Bankverbindung": "bank_reference",
    "USt-IdNr.": "vat",
    "DUNS-Nummer": "duns",
    "Lieferantennummer": "own",
    "Bemerkung": None,
}
ENGLISH = {
    "Legal Name": "name",
    "E-mail": "email",
    "Phone No.": "phone",
    "Web Address": "website",
    "Trade Names": "aliases",
    "Timezone": "time_zone",
    "IBAN": "bank_reference",
    "USDOT Number": "usdot",
    "MC Number": "mc",
    "SCAC Code": "scac",
    "VAT No.": "vat",
    "Country": None,
}


@pytest.mark.parametrize("columns", [GERMAN, ENGLISH])
def test_columns_are_guessed_from_what_people_call_them(columns: dict[str, str | None]) -> None:
    """In German and English, however they are spelled; others are left alone."""
    assert guessed(tuple(columns)).as_json() == columns
    capital = {name.upper(): field for name, field in columns.items()}
    assert guessed(tuple(capital)).as_json() == capital


def test_two_columns_for_one_field_are_for_people_to_choose_from() -> None:
    """Nothing says which of them is right."""
    with pytest.raises(BadFile, match="Company and Legal name are both taken for name: choose one"):
        guessed(("Company", "Legal name", "email"))
