"""Keys, scopes, and the key ring: what the ring remembers, for how long, and when it refuses to
answer."""

import re
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from app.application.access.keys import (
    ANONYMOUS,
    BadKeyName,
    Caller,
    ExpiredKey,
    InvalidKey,
    RevokedKey,
    UnknownKey,
    WrongSecret,
    issue,
)
from app.application.access.ring import (
    FRESH_SECONDS,
    PAUSE_SECONDS,
    RECHECKS_PER_SECOND,
    USABLE_SECONDS,
    KeyRing,
)
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import ApiKey, KeyStore, Scope
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.support.keys import add_key, new_key
from tests.support.processes import wait_until
from tests.support.stores import MOMENT, soon
from tests.support.threads import at_once


class Watched:
    """A real store that counts its reads, and can be made to fail or to block."""

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

    def end_sessions(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        return self.store.end_sessions(prefix, moment, deadline)

    def note_uses(self, uses: Mapping[str, datetime], deadline: Deadline) -> None:
        self.store.note_uses(uses, deadline)

    def last_uses(self, deadline: Deadline) -> Mapping[str, datetime]:
        return self.store.last_uses(deadline)


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    """An empty key store."""
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
    """The caller that the ring takes this key for; None if the key is not valid."""
    prefix, _, secret = text.partition(".")
    try:
        return ring.authenticate(prefix, secret, deadline or soon())
    except InvalidKey:
        return None


def test_a_key_has_256_random_bits() -> None:
    """A key's text is a prefix of 12 characters and a secret of 32 random bytes; only the secret's
    SHA-256 is kept, and it is not shown."""
    key, text = new_key()
    assert re.fullmatch(r"[a-z2-7]{12}\.[A-Za-z0-9_-]{43}", text)
    prefix, secret = text.split(".")
    assert (key.prefix, key.digest) == (prefix, sha256(secret.encode()).digest())
    assert secret not in repr(key)
    assert repr(key.digest) not in repr(key)
    assert len({new_key()[1] for _ in range(50)}) == 50


@pytest.mark.parametrize("name", ["a", "TMS 2", "contact@fedex.com", "x" * 64, "a_b-c.d", "7"])
def test_a_name_that_is_taken(name: str) -> None:
    """A name has 1 to 64 visible ASCII characters, with spaces within."""
    assert issue(name, [Scope.READ], MOMENT)[0].name == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", " a", "a ", "x" * 65, "a\n", "a\tb", "é", 'a"b', "a/b", "a\x00"),
        *("anonymous", "Anonymous", "ANONYMOUS"),
    ],
)
def test_a_name_that_is_refused(name: str) -> None:
    """Names that could forge a log line or an actor, and the name of callers without a key, are
    refused."""
    with pytest.raises(BadKeyName):
        issue(name, [Scope.READ], MOMENT)


WRITING = [Scope.READ, Scope.REGISTER, Scope.PROFILE, Scope.OVERSIGHT, Scope.WRITE]


@pytest.mark.parametrize(
    ("held", "may"),
    [
        ([], []),
        ([Scope.READ], [Scope.READ]),
        ([Scope.PROFILE], [Scope.PROFILE]),
        ([Scope.READ, Scope.OVERSIGHT], [Scope.READ, Scope.OVERSIGHT]),
        ([Scope.WRITE], WRITING),
        ([Scope.READ, Scope.WRITE], WRITING),
        ([Scope.POLICY], [Scope.POLICY]),
        ([Scope.ADMIN], list(Scope)),
    ],
)
def test_what_a_scope_includes(held: list[Scope], may: list[Scope]) -> None:
    """Scope write includes read and each group of commands on carriers; admin includes everything,
    the policy as well."""
    caller = Caller("tms", frozenset(held))
    assert [scope for scope in Scope if caller.may(scope)] == may


def test_anonymous_may_do_everything() -> None:
    """A caller without a key may do everything while no key is needed."""
    assert all(ANONYMOUS.may(scope) for scope in Scope)


def test_a_valid_key_names_its_caller(ring: KeyRing, store: Watched) -> None:
    """A valid key gives a caller with its name, scopes and prefix."""
    text = add_key(store, "tms", Scope.READ)
    assert shown(ring, text) == Caller("tms", frozenset({Scope.READ}), text[:12])


def test_what_is_no_key_is_not(ring: KeyRing, store: Watched, seconds: Seconds) -> None:
    """An unknown prefix, another key's secret and an empty secret are refused alike."""
    prefix, secret = add_key(store, "one").split(".")
    _, other = add_key(store, "two").split(".")
    for text in (f"abcdefghijkl.{secret}", f"{prefix}.{other}", f"{prefix}.", f".{secret}"):
        assert shown(ring, text) is None
    assert shown(ring, f"abcdefghijkl.{chr(0) * 32}") is None


def test_the_store_is_not_asked_for_each_request(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """The store is read once, and again when its answer is no longer fresh."""
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
    """An empty answer is remembered too, and the first key that is created is noticed in time."""
    assert not any(ring.has_keys(soon()) for _ in range(100))
    assert store.asked == 1
    add_key(store)
    seconds.now += FRESH_SECONDS
    assert ring.has_keys(soon())


def test_a_new_key_works_at_once(ring: KeyRing, store: Watched) -> None:
    """An unknown key makes the ring read again, however fresh its keys are."""
    assert not ring.has_keys(soon())
    assert shown(ring, add_key(store)) is not None


def test_guessing_does_not_keep_the_store_busy(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """The store is read at most ten times a second, however many keys are tried."""
    assert not ring.has_keys(soon())
    for second in range(1, 4):
        for _ in range(100):
            assert shown(ring, new_key()[1]) is None
        assert store.asked == 1 + second * RECHECKS_PER_SECOND
        seconds.now += 1


def test_a_revoked_key_is_refused_in_time(ring: KeyRing, store: Watched, seconds: Seconds) -> None:
    """A revoked key is refused once the ring's keys are stale, and without any active key nobody is
    admitted."""
    text = add_key(store)
    assert shown(ring, text) is not None
    store.revoke(text[:12], MOMENT, soon())
    seconds.now += FRESH_SECONDS
    assert shown(ring, text) is None
    assert ring.has_keys(soon())


def test_a_revoked_key_is_refused_by_every_worker(store: Watched) -> None:
    """Every worker has its own ring, and with the shortest and longest delays each refuses within
    60 s."""
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
    """While the store fails, the ring uses its last keys for a time; then it admits nobody until
    the store answers."""
    text = add_key(store)
    assert shown(ring, text) is not None
    store.down = True
    seconds.now += USABLE_SECONDS - 1
    assert shown(ring, text) is not None
    seconds.now += 2
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            shown(ring, text)
    store.down = False
    seconds.now += PAUSE_SECONDS
    assert shown(ring, text) is not None


def test_once_there_was_a_key_nobody_is_let_in_without_one(
    ring: KeyRing, store: Watched, seconds: Seconds, tmp_path: Path
) -> None:
    """Once a key existed, nobody is admitted without one, also after a long outage or if the store
    comes back empty."""
    add_key(store)
    assert ring.has_keys(soon())
    store.down = True
    seconds.now += 10 * USABLE_SECONDS
    assert ring.has_keys(soon())
    store.down = False
    with closing(sqlite3.connect(tmp_path / "events.sqlite3")) as database, database:
        database.execute("DELETE FROM api_keys")
    seconds.now += 10 * USABLE_SECONDS
    assert ring.has_keys(soon())
    with pytest.raises(UnknownKey):
        ring.authenticate("prefix", "secret", soon())
    assert ring.has_keys(soon())


def test_that_there_is_no_key_is_not_bridged(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """A stale empty answer is not used, as a key may have been created since."""
    assert not ring.has_keys(soon())
    store.down = True
    seconds.now += FRESH_SECONDS + 1
    with pytest.raises(StoreUnavailable):
        ring.has_keys(soon())


def test_a_store_that_never_answered_lets_nobody_in(ring: KeyRing, store: Watched) -> None:
    """A store that never answered does not count as one without keys."""
    store.down = True
    with pytest.raises(StoreUnavailable):
        ring.has_keys(soon())


def test_a_store_that_fails_is_left_alone_for_a_moment(
    ring: KeyRing, store: Watched, seconds: Seconds
) -> None:
    """A failing store is read once a second, however many requests there are."""
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
    """One of sixteen threads reads the store, and the others use its answer."""
    text = add_key(store)
    callers = at_once(16, lambda _: shown(ring, text))
    assert callers == [Caller("tms", frozenset({Scope.WRITE}), text[:12])] * 16
    assert store.asked == 1


def test_nobody_waits_beyond_the_deadline(ring: KeyRing, store: Watched) -> None:
    """A thread that waits for another thread's read gives up at its deadline."""
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
    """A key whose only scopes are unknown to this release is valid and may do nothing."""
    key, text = new_key()
    store.add(replace(key, scopes=frozenset()), soon())
    caller = shown(ring, text)
    assert caller is not None
    assert not any(caller.may(scope) for scope in Scope)


class Days:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now = MOMENT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def days() -> Days:
    """The clock by which keys expire."""
    return Days()


def expiring(store: KeyStore, expires_at: datetime) -> str:
    """The text of a key in the store that expires."""
    key, text = new_key()
    store.add(replace(key, expires_at=expires_at), soon())
    return text


def test_a_key_that_is_remembered_expires_at_once(
    store: Watched, seconds: Seconds, days: Days
) -> None:
    """The clock decides at each use whether a key has expired; a request with the right secret
    learns when."""
    ring = KeyRing(store, seconds, days)
    prefix, secret = expiring(store, MOMENT + timedelta(days=1)).split(".")
    days.now += timedelta(days=1, milliseconds=-1)
    assert ring.authenticate(prefix, secret, soon()).name == "tms"
    days.now += timedelta(milliseconds=1)
    with pytest.raises(ExpiredKey, match="has expired at 2026-02-01T12:00:00Z"):
        ring.authenticate(prefix, secret, soon(), look_again=False)
    assert store.asked == 1
    assert ring.has_keys(soon()), "a key that has expired opens no door"


def test_a_stranger_is_not_told_of_an_expired_key(store: Watched, days: Days) -> None:
    """With a wrong secret an expired key is refused like any invalid key."""
    ring = KeyRing(store, clock=days)
    sentences = set()
    for prefix in (expiring(store, MOMENT)[:12], "abcdefghijkl"):
        with pytest.raises(InvalidKey) as refusal:
            ring.authenticate(prefix, "x" * 43, soon())
        sentences.add(str(refusal.value))
    assert sentences == {"This API key is not valid"}


def test_why_a_key_is_not_valid(ring: KeyRing, store: Watched) -> None:
    """The operator sees the cause of a refusal; clients see the same answer for all causes."""
    prefix, secret = add_key(store, "one").split(".")
    revoked, its_secret = add_key(store, "two").split(".")
    store.revoke(revoked, MOMENT, soon())
    for shown_prefix, shown_secret, why in (
        ("abcdefghijkl", secret, UnknownKey),
        (prefix, its_secret, WrongSecret),
        (revoked, its_secret, RevokedKey),
    ):
        with pytest.raises(InvalidKey) as refusal:
            ring.authenticate(shown_prefix, shown_secret, soon())
        assert refusal.type is why
        assert str(refusal.value) == "This API key is not valid"


def test_the_store_is_asked_again_only_where_that_is_wanted(ring: KeyRing, store: Watched) -> None:
    """Without `look_again` an unknown key costs one look-up in memory."""
    assert not ring.has_keys(soon())
    for _ in range(5):
        with pytest.raises(UnknownKey):
            ring.authenticate("abcdefghijkl", "x" * 43, soon(), look_again=False)
    assert store.asked == 1


def test_what_a_prefix_stands_for(store: Watched, seconds: Seconds, days: Days) -> None:
    """A prefix gives its key as long as that key is valid."""
    ring = KeyRing(store, seconds, days)
    key, _ = new_key()
    key = replace(key, expires_at=MOMENT + timedelta(days=1))
    assert not ring.has_keys(soon())
    store.add(key, soon())
    assert ring.valid_key(key.prefix, soon()) == key, "also while it is new"
    assert ring.valid_key("abcdefghijkl", soon()) is None
    days.now += timedelta(days=1)
    assert ring.valid_key(key.prefix, soon()) is None
    days.now = MOMENT
    store.revoke(key.prefix, MOMENT, soon())
    seconds.now += FRESH_SECONDS
    assert ring.valid_key(key.prefix, soon()) is None


def test_a_prefix_is_known_without_asking(ring: KeyRing, store: Watched) -> None:
    """A prefix that is not in memory counts as unknown."""
    prefix = add_key(store)[:12]
    assert not ring.knows(prefix)
    assert store.asked == 0
    ring.has_keys(soon())
    assert ring.knows(prefix)
    assert not ring.knows("abcdefghijkl")


def test_only_a_valid_key_counts_as_used(store: Watched) -> None:
    """Only a valid key counts as used, each time that it is sent."""
    used: list[str] = []
    ring = KeyRing(store, on_use=used.append)
    text = add_key(store)
    assert shown(ring, f"{text[:12]}.{'x' * 43}") is None
    assert shown(ring, text)
    assert shown(ring, text)
    assert used == [text[:12]] * 2
