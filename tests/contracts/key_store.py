"""What every key store has to do. A store's own tests subclass `KeyStoreContract`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.application.access.sessions import end_all_sessions
from app.application.ports.keys import ApiKey, KeyStore, NameTaken, Scope
from tests.support.keys import new_key
from tests.support.stores import MOMENT, soon
from tests.support.threads import at_once

LATER = MOMENT + timedelta(days=1)


class KeyStoreContract:
    """Subclasses give one fixture: `keys`, a store without a key."""

    @pytest.fixture
    def keys(self) -> KeyStore:
        """The store that is tested."""
        raise NotImplementedError

    @staticmethod
    def put(keys: KeyStore, name: str, *scopes: Scope) -> ApiKey:
        """Add a new key."""
        key, _ = new_key(name, *scopes)
        keys.add(key, soon())
        return key

    def test_it_begins_empty(self, keys: KeyStore) -> None:
        """There is no key, and to revoke one says so and makes none."""
        assert keys.read_all(soon()) == []
        assert not keys.revoke("abcdefghijkl", LATER, soon())
        assert keys.read_all(soon()) == []

    def test_a_key_comes_back_as_it_was_added(self, keys: KeyStore) -> None:
        """Every field of it, whatever its scopes."""
        added = [
            self.put(keys, "form", Scope.REGISTER),
            self.put(keys, "one", Scope.READ),
            self.put(keys, "two @home", Scope.READ, Scope.WRITE),
            self.put(keys, "x" * 64, Scope.ADMIN),
        ]
        assert sorted(keys.read_all(soon()), key=lambda key: key.name) == added

    def test_keys_come_in_the_order_of_their_creation(self, keys: KeyStore) -> None:
        """The oldest first."""
        made = [
            replace(new_key(f"key {number}")[0], created_at=MOMENT + timedelta(hours=number))
            for number in (3, 1, 2)
        ]
        for key in made:
            keys.add(key, soon())
        assert [key.name for key in keys.read_all(soon())] == ["key 1", "key 2", "key 3"]

    def test_a_key_is_revoked_once(self, keys: KeyStore) -> None:
        """Revoking again succeeds and changes nothing; the other keys stay as they are."""
        key, other = self.put(keys, "leaked"), self.put(keys, "other")
        assert keys.revoke(key.prefix, LATER, soon())
        assert keys.revoke(key.prefix, LATER + timedelta(days=1), soon())
        found = {each.name: each for each in keys.read_all(soon())}
        assert found == {"leaked": replace(key, revoked_at=LATER), "other": other}

    def test_an_unknown_prefix_cannot_be_revoked(self, keys: KeyStore) -> None:
        """Also where there are other keys."""
        key = self.put(keys, "other")
        assert not keys.revoke("abcdefghijkl", LATER, soon())
        assert keys.read_all(soon()) == [key]

    def test_the_end_of_sessions_is_kept(self, keys: KeyStore) -> None:
        """The latest moment, in whatever order two processes bring theirs, and however often; of
        no other key, and of none that is not there."""
        key, other = self.put(keys, "tms"), self.put(keys, "other")
        assert not keys.end_sessions("abcdefghijkl", MOMENT, soon())
        for moment in (MOMENT, LATER, MOMENT, LATER):
            assert keys.end_sessions(key.prefix, moment, soon())
        found = {each.name: each for each in keys.read_all(soon())}
        assert found == {"tms": replace(key, sessions_ended_at=LATER), "other": other}

    def test_all_sessions_of_all_keys_are_ended(self, keys: KeyStore) -> None:
        """As after a restore; where they were ended later already that stays."""
        key, other = self.put(keys, "tms"), self.put(keys, "other")
        assert keys.end_sessions(other.prefix, LATER, soon())
        end_all_sessions(keys, MOMENT, soon())
        ended = {each.name: each.sessions_ended_at for each in keys.read_all(soon())}
        assert ended == {key.name: MOMENT, other.name: LATER}

    def test_active_keys_have_different_names(self, keys: KeyStore) -> None:
        """A second one is refused and not kept; once the first is revoked the name is free."""
        first = self.put(keys, "tms")
        with pytest.raises(NameTaken):
            self.put(keys, "tms")
        assert keys.read_all(soon()) == [first]
        keys.revoke(first.prefix, LATER, soon())
        second = self.put(keys, "tms")
        assert {key.prefix for key in keys.read_all(soon())} == {first.prefix, second.prefix}

    def test_a_race_for_a_name_has_one_winner(self, keys: KeyStore) -> None:
        """Eight at once: one key is kept, seven are refused."""

        def race(_: int) -> bool:
            try:
                self.put(keys, "tms")
            except NameTaken:
                return False
            return True

        assert sum(at_once(8, race)) == 1
        assert len(keys.read_all(soon())) == 1

    def test_keys_added_at_once_are_all_kept(self, keys: KeyStore) -> None:
        """Different names do not get into each other's way."""
        added = at_once(8, lambda number: self.put(keys, f"key {number}").prefix)
        assert {key.prefix for key in keys.read_all(soon())} == set(added)

    def test_an_expiry_comes_back_as_it_was_added(self, keys: KeyStore) -> None:
        """To the millisecond; and a key without one has none."""
        forever = self.put(keys, "forever")
        passing = replace(new_key("passing")[0], expires_at=LATER)
        keys.add(passing, soon())
        found = {key.name: key for key in keys.read_all(soon())}
        assert found == {"forever": forever, "passing": passing}

    def test_an_expired_key_keeps_its_name(self, keys: KeyStore) -> None:
        """Until it is revoked: the name is the actor in what was written with it."""
        expired = replace(new_key("tms")[0], expires_at=MOMENT - timedelta(days=1))
        keys.add(expired, soon())
        with pytest.raises(NameTaken):
            self.put(keys, "tms")
        keys.revoke(expired.prefix, LATER, soon())
        assert self.put(keys, "tms")

    def test_no_use_is_known_at_first(self, keys: KeyStore) -> None:
        """Whether there are keys or not."""
        assert keys.last_uses(soon()) == {}
        self.put(keys, "tms")
        assert keys.last_uses(soon()) == {}

    def test_the_last_use_of_each_key_is_kept(self, keys: KeyStore) -> None:
        """Beside the keys, which stay as they are."""
        one, two = self.put(keys, "one"), self.put(keys, "two")
        keys.note_uses({one.prefix: MOMENT, two.prefix: LATER}, soon())
        assert keys.last_uses(soon()) == {one.prefix: MOMENT, two.prefix: LATER}
        assert {key.prefix: key for key in keys.read_all(soon())} == {
            one.prefix: one,
            two.prefix: two,
        }

    def test_the_later_use_wins(self, keys: KeyStore) -> None:
        """In whatever order two processes note theirs, and however often."""
        prefix = self.put(keys, "tms").prefix
        for moment in (MOMENT, LATER, MOMENT, LATER):
            keys.note_uses({prefix: moment}, soon())
        assert keys.last_uses(soon()) == {prefix: LATER}

    def test_uses_noted_at_once(self, keys: KeyStore) -> None:
        """Eight processes' worth: the latest of them is what is kept."""
        prefix = self.put(keys, "tms").prefix
        moments = [MOMENT + timedelta(minutes=number) for number in range(8)]
        at_once(8, lambda number: keys.note_uses({prefix: moments[number]}, soon()))
        assert keys.last_uses(soon()) == {prefix: moments[-1]}
