"""API keys: create, list, revoke. The secret is shown once, by the answer that creates the key."""

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from app.api.http.authentication import DESK
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.application.access.keys import BadKeyName, issue
from app.application.ports.keys import NameTaken, Scope
from app.desk.frame import blueprint, go_to, page

_ABOUT = {
    Scope.READ: "see everything",
    Scope.REGISTER: "register carriers; no reading",
    Scope.PROFILE: "names, addresses and profiles; no reading",
    Scope.OVERSIGHT: "suspend, reinstate, retire, incidents; no reading",
    Scope.WRITE: "read, and all of these",
    Scope.ADMIN: "everything, keys included",
}


@blueprint.get("/keys")
def list_keys() -> Response:
    """All keys, revoked and expired ones included."""
    return _list()


@blueprint.post("/keys")
def create_key() -> Response:
    """Create a key and show it, this once."""
    operations, name = services().operations, request.form.get("name", "").strip()
    try:
        scopes = [Scope(each) for each in request.form.getlist("scope")]
        expires_at = _expiry(request.form.get("expires", ""))
        if not scopes:
            return _list("Choose what the key may do", HTTPStatus.UNPROCESSABLE_ENTITY)
        key, text = issue(name, scopes, operations.clock(), expires_at)
        operations.keys.add(key, deadline())
    except BadKeyName as error:
        return _list(str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    except ValueError:
        sentence = "The last day must be a day that is still to come"
        return _list(sentence, HTTPStatus.UNPROCESSABLE_ENTITY)
    except NameTaken:
        sentence = (
            "A key that is not revoked has this name already: choose another one. If you have just"
            " created it and have not seen it, revoke it and create another"
        )
        return _list(sentence, HTTPStatus.CONFLICT)
    return page("new_key.html", HTTPStatus.CREATED, key=key, text=text)


@blueprint.post("/keys/revoke")
def revoke_key() -> AnyResponse:
    """Revoke a key for good."""
    prefix, operations = request.form.get("prefix", ""), services().operations
    if not operations.keys.revoke(prefix, operations.clock(), deadline()):
        return _list("There is no such key", HTTPStatus.NOT_FOUND)
    return go_to(f"{DESK}/keys?revoked=1")


def _list(problem: str | None = None, status: int = HTTPStatus.OK) -> Response:
    operations = services().operations
    keys = operations.keys.read_all(deadline())
    asked = request.args.get("revoke")
    return page(
        "keys.html",
        status,
        keys=keys,
        uses=operations.keys.last_uses(deadline()),
        now=operations.clock(),
        problem=problem,
        scopes_about=_ABOUT,
        typed=request.form,
        chosen=request.form.getlist("scope"),
        revoking=next((each for each in keys if each.prefix == asked and each.active), None),
        revoked="revoked" in request.args,
    )


def _expiry(text: str) -> datetime | None:
    """The end of the last day, UTC; None for none. Raises ValueError."""
    if not text.strip():
        return None
    moment = datetime.fromisoformat(text).replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if moment <= services().operations.clock():
        raise ValueError("it is over")
    return moment
