"""Beside the way of the data: API keys for tests."""

from collections.abc import Mapping

from app.application.access.keys import issue
from app.application.deadline import Deadline
from app.application.ports.keys import ApiKey, KeyStore, Scope
from tests.support.stores import MOMENT


def new_key(name: str = "tms", *scopes: Scope) -> tuple[ApiKey, str]:
    """A key that no store has yet, and its whole text."""
    return issue(name, scopes or (Scope.WRITE,), MOMENT)


def add_key(store: KeyStore, name: str = "tms", *scopes: Scope) -> str:
    """The whole text of a key that the store has."""
    key, text = new_key(name, *scopes)
    store.add(key, Deadline.after(20))
    return text


def bearer(text: str) -> Mapping[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {text}"}
