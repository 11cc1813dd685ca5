"""Signing in to the desk: who is let in, for how long, and which forms count."""

import re
import time
from html import unescape
from http.cookies import SimpleCookie

import pytest
from flask.testing import FlaskClient

from app.application.access import sessions
from app.application.access.failures import FAILURES
from app.application.access.keys import issue
from app.application.access.ring import KeyRing
from app.application.access.sessions import SESSION_SECONDS, begin_session
from app.application.ports.keys import Scope
from tests.desk.conftest import Office, signing_in
from tests.support.forms import form_to
from tests.support.keys import bearer
from tests.support.stores import MOMENT, soon

COOKIE, VISITOR = "carriers_desk", "carriers_desk_visitor"


def cookie(browser: FlaskClient, name: str = COOKIE) -> str:
    """What the browser holds."""
    found = browser.get_cookie(name)
    assert found is not None
    return found.value


def test_nobody_is_asked_on_loopback_without_keys(client: FlaskClient) -> None:
    """As in the API."""
    assert client.get("/desk/carriers").status_code == 200


def test_a_foreign_host_is_refused_without_keys(client: FlaskClient) -> None:
    """A page of any site could ask otherwise, by a name that leads here."""
    answer = client.get("/desk/carriers", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "<h1>" in answer.text


def test_whoever_is_not_signed_in_is_led_to_it_and_back(office: Office) -> None:
    """The address that was asked for waits behind the form."""
    browser = office.new_browser()
    answer = browser.get("/desk/carriers?state=active&q=a%20b")
    assert answer.status_code == 303
    shown = browser.get(answer.headers["Location"])
    form = form_to(shown.text, "/desk/sign-in")
    done = browser.post(form.action, data=form.filled(key=office.key()))
    assert done.headers["Location"] == "/desk/carriers?state=active&q=a%20b"
    page = browser.get("/desk/carriers")
    assert page.status_code == 200
    assert "ana" in page.text


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example/desk",
        "/desk.evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/deskx",
        "/desk/\nSet-Cookie: a=b",
    ],
)
def test_signing_in_leads_to_no_other_site(office: Office, address: str) -> None:
    """Whatever an address says that somebody was sent."""
    browser = office.new_browser()
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    done = browser.post(form.action, data=form.filled(key=office.key(), next=address))
    assert done.headers["Location"] == "/desk"


def test_the_cookie_is_kept_from_scripts_and_other_sites(office: Office) -> None:
    """HttpOnly, SameSite=Strict, for the whole host, and it ends."""
    browser = office.new_browser()
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    done = browser.post(form.action, data=form.filled(key=office.key()))
    held = SimpleCookie(done.headers["Set-Cookie"])[COOKIE]
    assert (held["httponly"], held["samesite"], held["path"]) == (True, "Strict", "/")
    assert held["max-age"] == str(SESSION_SECONDS)
    assert not held["secure"]


def test_behind_tls_the_cookie_is_secure(office: Office) -> None:
    """And has the name that browsers take from this host alone."""
    browser = office.new_browser()
    answer = browser.get("/desk/sign-in", base_url="https://localhost")
    held = SimpleCookie(answer.headers["Set-Cookie"])[f"__Host-{VISITOR}"]
    assert held["secure"]
    assert not held["domain"]


@pytest.mark.parametrize(
    ("key", "status"), [("", 422), ("nonsense", 422), ("a" * 12 + "." + "b" * 43, 401)]
)
def test_what_is_no_key_is_refused_in_a_sentence(office: Office, key: str, status: int) -> None:
    """It is not said whether such a key was ever there, and it is not shown again."""
    browser = office.new_browser()
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    answer = browser.post(form.action, data=form.filled(key=key))
    assert answer.status_code == status
    assert 'id="key-problem"' in answer.text
    assert not key or key not in answer.text


def test_guessing_is_slowed_down_and_valid_keys_are_let_in(office: Office) -> None:
    """By the same count as in the API."""
    browser = office.new_browser()
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    text = office.key("bea")
    guess = text[:-1] + ("A" if text[-1] != "A" else "B")
    for _ in range(FAILURES):
        assert browser.post(form.action, data=form.filled(key=guess)).status_code == 401
    assert browser.post(form.action, data=form.filled(key=guess)).status_code == 429
    browser.get("/carriers", headers=bearer(text))
    assert browser.post(form.action, data=form.filled(key=text)).status_code in {303, 429}


def test_a_session_is_another_than_what_the_browser_held(office: Office) -> None:
    """So nobody can sit in a session that they have put there before (session fixation)."""
    browser = office.new_browser()
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    planted = cookie(browser, VISITOR)
    browser.post(form.action, data=form.filled(key=office.key()))
    assert planted not in cookie(browser)
    other = office.new_browser()
    other.set_cookie(COOKIE, planted)
    assert other.get("/desk/carriers").status_code == 303


def test_every_sign_in_is_a_session_of_its_own(office: Office) -> None:
    """Also with one key in one second."""
    key, _ = issue("ana", [Scope.READ], MOMENT)
    now = time.time()
    assert str(begin_session(key, now)) != str(begin_session(key, now))


def test_a_forged_session_is_none(office: Office) -> None:
    """Each part is signed."""
    browser = office.signed_in()
    prefix, expiry, nonce, signature = cookie(browser).split(".")
    for forged in (
        (prefix, str(int(expiry) + 1), nonce, signature),
        (prefix, expiry, nonce[::-1], signature),
        (prefix, expiry, nonce, signature[::-1]),
        ("a" * 12, expiry, nonce, signature),
    ):
        browser.set_cookie(COOKIE, ".".join(forged))
        assert browser.get("/desk/carriers").status_code == 303


def test_a_session_ends_by_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a browser makes of the age of its cookies."""
    monkeypatch.setattr(sessions, "SESSION_SECONDS", -1)
    browser = office.new_browser()
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    browser.post(form.action, data=form.filled(key=office.key()))
    answer = browser.get("/desk/carriers")
    assert answer.status_code == 303
    assert "has ended" in browser.get(answer.headers["Location"]).text


def test_all_sessions_of_a_key_end_with_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the process has read the keys again."""
    browsers = [office.signed_in("cleo"), office.new_browser()]
    browsers[1].set_cookie(COOKIE, cookie(browsers[0]))
    assert [each.get("/desk/carriers").status_code for each in browsers] == [200, 200]
    office.keys.revoke(cookie(browsers[0]).partition(".")[0], MOMENT, soon())
    monkeypatch.setattr(KeyRing._keys, "__defaults__", (0,))  # no key in memory is fresh
    assert [each.get("/desk/carriers").status_code for each in browsers] == [303, 303]


def test_signing_out_ends_it_in_this_browser(office: Office) -> None:
    """It forgets the cookie."""
    browser = office.signed_in()
    form = form_to(browser.get("/desk/carriers").text, "/desk/sign-out")
    assert browser.post(form.action, data=form.fields).status_code == 303
    assert browser.get_cookie(COOKIE) is None
    assert browser.get("/desk/carriers").status_code == 303


@pytest.mark.parametrize("scope", [Scope.READ, Scope.REGISTER])
def test_signing_out_everywhere_ends_all_sessions_of_the_key(office: Office, scope: Scope) -> None:
    """In every browser, whatever the key may do; the key itself and those of others stay, and who
    signs in again is let in, however soon."""
    text, others = office.key("cleo", scope), office.signed_in("bea", Scope.READ)
    browsers = [signing_in(office.new_browser(), text) for _ in range(2)]
    page = browsers[0].get("/desk/carriers").text
    form = form_to(page, "/desk/sign-out-everywhere")
    assert browsers[0].post(form.action, data=form.fields).status_code == 303
    assert [each.get("/desk/carriers").status_code for each in browsers] == [303, 303]
    assert "has ended" in browsers[1].get("/desk/carriers", follow_redirects=True).text
    assert others.get("/desk/carriers").status_code == 200
    for browser in browsers:
        status = signing_in(browser, text).get("/desk/carriers").status_code
        assert status == (200 if scope is Scope.READ else 403)


def test_nobody_is_signed_out_where_nobody_signs_in(client: FlaskClient) -> None:
    """Without keys there are no sessions, and nothing to press."""
    page = client.get("/desk/carriers").text
    assert "sign-out-everywhere" not in page
    token = form_to(client.get("/desk/sign-in").text, "/desk/sign-in").fields["form_token"]
    answer = client.post("/desk/sign-out-everywhere", data={"form_token": token})
    assert answer.status_code == 303
    assert client.get("/desk/carriers").status_code == 200


def test_the_api_takes_no_session(office: Office) -> None:
    """So no page of another site can use it there, whatever it makes a browser send."""
    browser = office.signed_in()
    assert browser.get("/carriers").status_code == 401
    assert browser.post("/register-carrier", json={}).status_code == 401


def test_the_desk_takes_no_header(office: Office) -> None:
    """One way in is enough to look after."""
    browser = office.new_browser()
    assert browser.get("/desk/carriers", headers=bearer(office.key())).status_code == 303


@pytest.mark.parametrize("token", ["", "wrong", "ä", "A" * 43])
def test_a_form_without_its_token_does_nothing(office: Office, token: str) -> None:
    """Another site can send a form, but cannot know the token."""
    browser = office.signed_in()
    answer = browser.post("/desk/sign-out", data={"form_token": token})
    assert answer.status_code == 403
    assert "nothing was done" in answer.text
    assert browser.get("/desk/carriers").status_code == 200


def test_a_token_counts_for_its_own_session_only(office: Office) -> None:
    """Whoever can sign in cannot make forms for others with it."""
    mine, other = office.signed_in("ana"), office.signed_in("bea")
    form = form_to(mine.get("/desk/carriers").text, "/desk/sign-out")
    assert other.post(form.action, data=form.fields).status_code == 403


def test_a_form_of_another_site_is_refused_even_with_its_token(office: Office) -> None:
    """Browsers say where a form comes from."""
    browser = office.signed_in()
    form = form_to(browser.get("/desk/carriers").text, "/desk/sign-out")
    for site in ("cross-site", "same-site"):
        answer = browser.post(form.action, data=form.fields, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers, "nor does it end the session"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "path", ["/desk/carriers?q=<a>?", "/desk/sign-in", "/desk", "/desk/carriers.csv?q=%ff"]
)
def test_whom_another_site_sends_asks_again(office: Office, path: str, site: str) -> None:
    """The browser brings the cookie only once a page of this site asks it to."""
    browser = office.new_browser()
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    answer = browser.get(path, headers=headers)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    (address,) = re.findall('http-equiv="refresh" content="0; url=([^"]*)"', answer.text)
    assert unescape(address) == path
    assert browser.head(path, headers=headers).status_code == 200


def test_a_visit_without_its_cookie_ends_no_session(office: Office) -> None:
    """As older browsers follow a link of another site, and all of them where there is no TLS."""
    browser = office.signed_in("ana", Scope.READ)
    session = cookie(browser)
    browser.delete_cookie(COOKIE)
    assert browser.get("/desk/carriers").status_code == 303
    kept = browser.get("/desk/sign-in").headers.getlist("Set-Cookie")
    assert all(each.startswith(f"{VISITOR}=") for each in kept)
    assert browser.get_cookie(COOKIE) is None, "nothing takes the session's place"
    browser.set_cookie(COOKIE, session)
    assert browser.get("/desk/carriers").status_code == 200


@pytest.mark.parametrize("address", ["/desk/sign-out", "/desk/sign-in", "/desk/register-carrier"])
def test_nobody_can_make_the_token_of_no_cookie(client: FlaskClient, address: str) -> None:
    """It would be the same for all: another site could send any form, where browsers do not say
    that it did."""
    token = sessions.form_token("")
    answer = client.post(address, data={"form_token": token, "name": "A", "email": "a@b.example"})
    assert answer.status_code == 403


def test_pages_keep_to_their_policy_and_are_kept_nowhere(office: Office) -> None:
    """Errors as well."""
    browser = office.signed_in()
    for path in ("/desk/carriers", "/desk/nowhere", "/desk/sign-in"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'; img-src 'self' data:")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_key_that_may_not_read_is_told_so(office: Office) -> None:
    """The page says which right is missing."""
    browser = office.signed_in("till", Scope.REGISTER)
    answer = browser.get("/desk/carriers")
    assert answer.status_code == 403
    assert "scope read" in answer.text
