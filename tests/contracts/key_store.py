"""What every key store has to do. A store's own tests subclass `KeyStoreContract`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.application.access import ApiKey, KeyStore, NameTaken, Scope
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
