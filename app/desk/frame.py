"""What all pages of the desk share: their frame, their policy, their forms' token, their errors."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.api.http.authentication import (
    DESK,
    SIGN_IN,
    cookie_name,
    cookie_of,
    visitor_name,
    visitor_of,
)
from app.api.http.current import kept
from app.api.http.errors import note, problem_of
from app.api.http.problem import Problem
from app.application.access.keys import ANONYMOUS, Caller, NotAuthenticated, TooManyFailures
from app.application.access.sessions import (
    form_token,
    is_form_token,
    is_visitor,
    new_visitor,
    session_in,
)
from app.application.ports.keys import Scope
from app.desk.static_files import address_of, static_file

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none';"
    " object-src 'none'; form-action 'self'; frame-ancestors 'none'",
    # With no-referrer, browsers would not say either which site a form comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # What a page shows stays with who may see it, also on a computer that others use later.
    "Cache-Control": "no-store",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE = frozenset({"same-origin", "none"})

blueprint = Blueprint("desk", __name__, url_prefix=DESK, template_folder="templates")


class ForeignForm(Exception):
    """A form was sent that no page of this browser has shown."""


def caller() -> Caller:
    """Who looks at the page; nobody in particular on the page to sign in."""
    found: Caller | None = kept().get("caller")
    return found or Caller(ANONYMOUS.name, frozenset())


def page(template: str, status: int = 200, **shown: Any) -> Response:  # noqa: ANN401
    """The page, in the frame of all pages."""
    held, who = _cookie_of_forms(), caller()
    cookie = held or new_visitor()
    text = render_template(
        template,
        me=who,
        is_known=who.name != ANONYMOUS.name,
        may=who.may,
        scopes=Scope,
        form_token=form_token(cookie),
        asset=address_of,
        **shown,
    )
    answer = Response(text, status)
    # Whom another site sends here has left it at home: another one would end forms that are open.
    if not held and not _is_sent_from_elsewhere():
        _keep_cookie(answer, visitor_name(request), cookie)
    return answer


def keep_session(answer: AnyResponse, text: str, seconds: int) -> None:
    """Let the browser keep it for so long; for no time to forget it."""
    _keep_cookie(answer, cookie_name(request), text, seconds)


def _cookie_of_forms() -> str:
    """What the forms of this browser belong to: its session, or else the visitor's cookie; empty
    without either."""
    if session_in(cookie_of(request)) is not None:
        return cookie_of(request)
    return visitor_of(request) if is_visitor(visitor_of(request)) else ""


def _keep_cookie(answer: AnyResponse, name: str, text: str, seconds: int | None = None) -> None:
    """For other sites, scripts and plain connections it is not there."""
    answer.set_cookie(
        name,
        text,
        max_age=seconds,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def go_to(address: str) -> AnyResponse:
    """The answer to a form: the page to look at next."""
    return redirect(address, HTTPStatus.SEE_OTHER)


def _is_sent_from_elsewhere() -> bool:
    """Whether a page of another site has sent the browser here, as the browser says."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in _SAME_SITE


def _follows_a_link_from_elsewhere() -> bool:
    """Whether somebody does, in a mail or a chat for example."""
    is_a_visit = request.method in _SAFE and request.headers.get("Sec-Fetch-Mode") == "navigate"
    return is_a_visit and _is_sent_from_elsewhere()


def _asked_again() -> Response:
    """The answer to who follows such a link: the browser asks once more, by a page of this site,
    and brings the cookie that it leaves at home when another site sends it."""
    return Response(render_template("again.html", address=_own_address()))


def _own_address() -> str:
    """The address that was asked for, without the host."""
    query = request.query_string.decode(errors="replace")
    return f"{request.path}?{query}" if query else request.path


@blueprint.before_request
def _welcome_visitors() -> Response | None:
    return _asked_again() if _follows_a_link_from_elsewhere() else None


@blueprint.before_request
def _refuse_foreign_forms() -> None:
    """A browser says which site a form comes from, and only a page that it was shown has the token
    of its cookie."""
    if request.method in _SAFE:
        return
    if _is_sent_from_elsewhere():
        raise ForeignForm
    if not is_form_token(request.form.get("form_token", ""), _cookie_of_forms()):
        raise ForeignForm


@blueprint.after_request
def _keep_to_the_policy(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


@blueprint.errorhandler(ForeignForm)
def _foreign_form(_: ForeignForm) -> Response:
    sentence = (
        "This form is not one that your browser was shown in this session, so nothing was done:"
        " go back, load the page again, and send the form once more"
    )
    return _explained(Problem(HTTPStatus.FORBIDDEN, sentence), is_right_missing=False)


@blueprint.errorhandler(NotAuthenticated)
def _not_signed_in(error: NotAuthenticated) -> AnyResponse:
    if isinstance(error, TooManyFailures):
        return _failed(error)
    if _follows_a_link_from_elsewhere():
        return _asked_again()
    answer: AnyResponse
    if request.method in _SAFE:
        following = {"next": _own_address()}
        if error.given:
            following["ended"] = "1"
        answer = go_to(f"{SIGN_IN}?{urlencode(following)}")
    else:
        answer = _explained(Problem(HTTPStatus.UNAUTHORIZED, f"{error}. Nothing was done"))
    return answer


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    note(error)
    return _explained(problem_of(error))


def _explained(problem: Problem, *, is_right_missing: bool = True) -> Response:
    about = {"is_right_missing": is_right_missing, "request_id": kept().request_id}
    answer = page("error.html", problem.status, problem=problem, **about)
    if wait := problem.headers.get("Retry-After"):
        answer.headers["Retry-After"] = wait
    return answer


@blueprint.get("/static/<name>")
def static(name: str) -> Response:
    """A style, a script, a picture or a licence of the pages."""
    return static_file(name, request)


@blueprint.get("/")
def with_a_slash() -> AnyResponse:
    """Where somebody who types the address lands."""
    return go_to(DESK)


@blueprint.get("/<path:_>")
def nowhere(_: str) -> Response:
    """An address that there is not."""
    abort(HTTPStatus.NOT_FOUND)
