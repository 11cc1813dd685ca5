"""Keys, scopes, and the key ring: what it remembers, for how long, and when it refuses to know."""

import re
import threading
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from app.application.access import (
    ANONYMOUS,
    FRESH_SECONDS,
    PAUSE_SECONDS,
    RECHECKS_PER_SECOND,
    USABLE_SECONDS,
    ApiKey,
    BadKeyName,
    Caller,
    KeyRing,
    KeyStore,
    Scope,
    issue,
)
from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.sqlite_keys import SqliteKeyStore
from tests.support.keys import add_key, new_key
from tests.support.processes import wait_until
from tests.support.stores import MOMENT, soon
from tests.support.threads import at_once


class Watched:
    """A real store that counts what it is asked, and can be made to fail or to hold its answer."""

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self.asked = 0
        self.down = False
        self.may_answer = threading.Event()
        self.may_answer.set()

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        self.store.add(key, deadline)

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        self.asked += 1
        self.may_answer.wait(20)
        if self.down:
            raise StoreUnavailable("down")
        return self.store.read_all(deadline)

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        return self.store.revoke(prefix, moment, deadline)


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    """An empty store of keys."""
    return Watched(SqliteKeyStore(tmp_path / "events.sqlite3"))


@pytest.fixture
def seconds() -> Seconds:
    """The ring's clock."""
    return Seconds()


@pytest.fixture
def ring(store: Watched, seconds: Seconds) -> KeyRing:
    """A ring that has not asked yet."""
    return KeyRing(store, seconds)


def shown(ring: KeyRing, text: str, deadline: Deadline | None = None) -> Caller | None:
    """Whom the ring takes the sender of this key for."""
    prefix, _, secret = text.partition(".")
    return ring.authenticate(prefix, secret, deadline or soon())


def test_a_key_has_256_random_bits() -> None:
    """Its text is a prefix of 12 characters and a secret of 32 bytes, never the same twice; what
    is kept is the secret's SHA-256, which is not shown."""
    key, text = new_key()
    assert re.fullmatch(r"[a-z2-7]{12}\.[A-Za-z0-9_-]{43}", text)
    prefix, secret = text.split(".")
    assert (key.prefix, key.digest) == (prefix, sha256(secret.encode()).digest())
    assert secret not in repr(key)
    assert repr(key.digest) not in repr(key)
    assert len({new_key()[1] for _ in range(50)}) == 50


@pytest.mark.parametrize("name", ["a", "TMS 2", "contact@fedex.com", "x" * 64, "a_b-c.d", "7"])
def test_a_name_that_is_taken(name: str) -> None:
    """1 to 64 visible ASCII characters, with spaces within."""
    assert issue(name, [Scope.READ], MOMENT)[0].name == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", " a", "a ", "x" * 65, "a\n", "a\tb", "é", 'a"b', "a/b", "a\x00"),
        *("anonymous", "Anonymous", "ANONYMOUS"),
    ],
)
def test_a_name_that_is_refused(name: str) -> None:
    """What could forge a line or an actor, and the name of callers without a key."""
    with pytest.raises(BadKeyName):
        issue(name, [Scope.READ], MOMENT)


@pytest.mark.parametrize(
    ("held", "may"),
    [
        ([], []),
        ([Scope.READ], [Scope.READ]),
        ([Scope.WRITE], [Scope.READ, Scope.WRITE]),
        ([Scope.READ, Scope.WRITE], [Scope.READ, Scope.WRITE]),
        ([Scope.ADMIN], [Scope.READ, Scope.WRITE, Scope.ADMIN]),
    ],
)
def test_what_a_scope_includes(held: list[Scope], may: list[Scope]) -> None:
    """Writing includes reading, admin includes all."""
    caller = Caller("tms", frozenset(held))
    assert [scope for scope in Scope if caller.may(scope)] == may


def test_anonymous_may_do_everything() -> None:
    """While no key is needed."""
    assert all(ANONYMOUS.may(scope) for scope in Scope)


def test_a_key_is_recognised(ring: KeyRing, store: Watched) -> None:
    """With its name and its scopes."""
    text = add_key(store, "tms", Scope.READ)
    assert shown(ring, text) == Caller("tms", frozenset({Scope.READ}))


def test_what_is_no_key_is_not(ring: KeyRing, store: Watched, seconds: Seconds) -> None:
    """An unknown prefix, another key's secret, an empty one: all the same."""
    prefix, secret = add_key(store, "one").split(".")
    _, other = add_key(store, "two").split(".")
    for text in (f"abcdefghijkl.{secret}", f"{prefix}.{other}", f"{prefix}.", f".{secret}"):
        assert shown(ring, text) is None
    assert shown(ring, f"abcdefghijkl.{chr(0) * 32}") is None


def test_the_store_is_not_asked_for_each_request(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """Once, then again when the answer is no longer fresh."""
    text = add_key(store)
    for _ in range(100):
        assert shown(ring, text) is not None
        assert ring.has_keys(soon())
    assert store.asked == 1
    seconds.now += FRESH_SECONDS
    shown(ring, text)
    assert store.asked == 2


def test_that_there_are_no_keys_is_remembered_too(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """And the first key that is created is noticed in time."""
    assert not any(ring.has_keys(soon()) for _ in range(100))
    assert store.asked == 1
    add_key(store)
    seconds.now += FRESH_SECONDS
    assert ring.has_keys(soon())


def test_a_new_key_works_at_once(ring: KeyRing, store: Watched) -> None:
    """A key that is not known is looked for, though the last answer was given this moment."""
    assert not ring.has_keys(soon())
    assert shown(ring, add_key(store)) is not None


def test_guessing_does_not_keep_the_store_busy(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """However many keys are tried, it is asked ten times a second at most."""
    assert not ring.has_keys(soon())
    for second in range(1, 4):
        for _ in range(100):
            assert shown(ring, new_key()[1]) is None
        assert store.asked == 1 + second * RECHECKS_PER_SECOND
        seconds.now += 1


def test_a_revoked_key_is_refused_in_time(ring: KeyRing, store: Watched, seconds: Seconds) -> None:
    """After what is fresh has aged; and having no active key left opens no door."""
    text = add_key(store)
    assert shown(ring, text) is not None
    store.revoke(text[:12], MOMENT, soon())
    seconds.now += FRESH_SECONDS
    assert shown(ring, text) is None
    assert ring.has_keys(soon())


def test_a_revoked_key_is_refused_by_every_worker(store: Watched) -> None:
    """Each has a ring of its own, and with the shortest and longest delays it is below 60 s."""
    text = add_key(store)
    clocks = [Seconds() for _ in range(3)]
    rings = [KeyRing(store, clock) for clock in clocks]
    for number, (ring, clock) in enumerate(zip(rings, clocks, strict=True)):
        clock.now += number
        assert shown(ring, text) is not None
    store.revoke(text[:12], MOMENT, soon())
    for clock in clocks:
        clock.now += 59
    assert [shown(ring, text) for ring in rings] == [None] * 3


def test_a_store_that_fails_is_bridged_for_a_while(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """With what was known; then nobody is let in until it answers again."""
    text = add_key(store)
    assert shown(ring, text) is not None
    store.down = True
    seconds.now += USABLE_SECONDS - 1
    assert shown(ring, text) is not None
    seconds.now += 2
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            shown(ring, text)
        with pytest.raises(StoreUnavailable):
            ring.has_keys(soon())
    store.down = False
    seconds.now += PAUSE_SECONDS
    assert shown(ring, text) is not None


def test_a_store_that_never_answered_lets_nobody_in(ring: KeyRing, store: Watched) -> None:
    """It is not taken for one without keys."""
    store.down = True
    with pytest.raises(StoreUnavailable):
        ring.has_keys(soon())


def test_a_store_that_fails_is_left_alone_for_a_moment(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """One question a second, however many requests there are."""
    store.down = True
    for _ in range(100):
        with pytest.raises(StoreUnavailable):
            ring.has_keys(soon())
    assert store.asked == 1
    seconds.now += PAUSE_SECONDS
    with pytest.raises(StoreUnavailable):
        ring.has_keys(soon())
    assert store.asked == 2


def test_threads_ask_once(ring: KeyRing, store: Watched) -> None:
    """One of sixteen asks, the others take its answer."""
    text = add_key(store)
    callers = at_once(16, lambda _: shown(ring, text))
    assert callers == [Caller("tms", frozenset({Scope.WRITE}))] * 16
    assert store.asked == 1


def test_nobody_waits_beyond_the_deadline(ring: KeyRing, store: Watched) -> None:
    """Whoever waits for another thread's question gives up in time."""
    store.may_answer.clear()
    thread = threading.Thread(target=lambda: ring.has_keys(soon()))
    thread.start()
    try:
        wait_until(lambda: store.asked, 20, "the other thread to ask")
        with pytest.raises(StoreUnavailable):
            ring.has_keys(Deadline.after(0.05))
    finally:
        store.may_answer.set()
        thread.join(20)


def test_a_key_of_a_newer_form_harms_nobody(ring: KeyRing, store: Watched) -> None:
    """A key without a scope that is known here is recognised, and may do nothing."""
    key, text = new_key()
    store.add(replace(key, scopes=frozenset()), soon())
    caller = shown(ring, text)
    assert caller is not None
    assert not any(caller.may(scope) for scope in Scope)
