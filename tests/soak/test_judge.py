"""The judge of recorded histories: it finds every anomaly that is planted in one, and finds nothing
in one that has none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tests.support.history.judgement import PROMISES, broken, described
from tests.support.history.linear import Operation, find_stuck
from tests.support.history.order import FeedOrder, feed_order
from tests.support.history.recorder import read_history, write_history
from tests.support.history.records import (
    Counted,
    History,
    Listed,
    Page,
    Record,
    Sent,
    Shown,
    Told,
)
from tests.support.project import ROOT
from tests.support.written_history import WrittenHistory

ONCE, REFUSED, VERSIONS, FRESH, OWNER, FEED, VIEWS = PROMISES

Kind = TypeVar("Kind", bound=Record)


def clean() -> WrittenHistory:
    """A bit of everything; two carriers have one address after another."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example", aliases=["fx"])
    written.done("register", "", name="DHL", email="b@x.example")
    written.done("rename", "carrier-1", name="Express", if_match=2)
    written.refused("stale-version", "rename", "carrier-1", name="Late", if_match=2)
    written.refused("already-claimed", "change-email", "carrier-2", email="a@x.example")
    written.shown("carrier-1")
    lost = written.unknown("change-email", "carrier-1", True, email="c@x.example")
    written.again(lost)
    written.done("change-email", "carrier-2", email="a@x.example")
    written.listed("carrier-2")
    written.page("second")
    written.done("suspend", "carrier-2", reason="unpaid", category="other")
    written.done("suspend", "carrier-2", reason="unpaid", category="other")
    written.done("update-profile", "carrier-2", website="https://x.example/1")
    written.done("reinstate", "carrier-2")
    written.done("note-incident", "carrier-2", kind="late", note="an hour")
    cover = {"issuer": "Insurer", "valid_from": "2026-01-31"}
    written.done("file-document", "carrier-2", kind="contract", number="1", **cover)
    written.done("file-document", "carrier-2", kind="contract", number="1", **cover)
    written.done("replace-document", "carrier-2", document_id=1, number="2", **cover)
    written.refused(
        "validation-failed", "withdraw-document", "carrier-2", document_id=3, reason="x"
    )
    written.shown("carrier-2")
    written.done("withdraw-document", "carrier-2", document_id=2, reason="forged")
    block = {"service": "express", "valid_from": "2026-01-31", "reason": "late"}
    written.done("block", "carrier-2", **block)
    written.done("block", "carrier-2", **block)
    written.done("prefer", "carrier-2", **block)
    written.done("unblock", "carrier-2", block_id=1, reason="settled")
    written.refused("validation-failed", "unprefer", "carrier-2", preference_id=2, reason="x")
    written.done("unprefer", "carrier-2", preference_id=1, reason="over")
    override = {**block, "rule": "recent", "valid_to": "2026-02-28"}
    written.done("override-verdict", "carrier-2", **override)
    written.done("withdraw-override", "carrier-2", override_id=1, reason="not so")
    scheduled = {"effective_on": "2099-01-31", "name": "Later", "reason": "agreed"}
    written.done("schedule-change", "carrier-2", **scheduled)
    written.done("cancel-scheduled-change", "carrier-2", change_id=1, reason="not so")
    written.done("reject", "carrier-2", reason="no answer")
    written.done("reject", "carrier-2", reason="no answer")
    written.refused("second-person-needed", "approve", "carrier-2", reason="known")
    written.refused(
        "second-person-needed", "confirm-change", "carrier-2", proposal_id=1, reason="x"
    )
    written.refused("validation-failed", "discard-change", "carrier-2", proposal_id=1, reason="x")
    written.done("annotate", "carrier-2", note="ask for Ms Ito")
    for reason in ("brothers", "twins"):
        written.done("not-a-duplicate", "carrier-2", other="carrier-1", reason=reason)
    written.unknown("rename", "carrier-2", False, name="Never")
    written.done("retire", "carrier-1", reason="merged")
    written.refused("forbidden-by-state", "rename", "carrier-1", name="Undead")
    return written


def changed(
    history: History,
    kind: type[Kind],
    number: int,
    change: Callable[[Kind], Record | None],
) -> History:
    """The history with another record, or none, in the place of one of that kind."""
    found = [each for each in history.records if isinstance(each, kind)][number]
    records = [change(found) if each is found else each for each in history.records]
    return History([each for each in records if each is not None])


def promises(history: History) -> set[str]:
    """Those that were not kept."""
    return {verdict.promise for verdict in broken(history)}


def final_page(history: History, change: Callable[[Page], Record]) -> History:
    """With another last page of the second reader."""
    return changed(history, Page, -1, change)


def without_event(history: History, at: int) -> History:
    """As if the event with that position had never been anywhere."""
    records: list[Record] = []
    for each in history.records:
        if isinstance(each, Told):
            gone = {e.event_id for p in history.pages for e in p.events if e.position == at}
            each = replace(each, events=[e for e in each.events if e.event_id not in gone])  # noqa: PLW2901
        records.append(each)
    return History(records)


def test_a_history_without_a_fault_passes() -> None:
    """Refusals, no-ops, commands without an answer and sent again among it."""
    history = clean().finished()
    assert broken(history) == []
    assert described(history).startswith("38 commands (29 done, 8 refused, 1 unknown in the end")


def test_a_history_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    """As lines of JSON, which can be judged again from a shell."""
    history = clean().finished()
    file = tmp_path / "history.jsonl"
    write_history(file, history.records)
    assert read_history(file) == history
    command = [sys.executable, "-m", "tests.support.history", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("kept    ") == len(PROMISES)
    write_history(file, changed(history, Shown, 0, lambda look: replace(look, fields=None)).records)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"BROKEN  {VERSIONS}" in done.stdout


def test_an_acknowledged_command_that_is_lost_is_found() -> None:
    """Its event is in no stream, though it is in the feed, say."""
    written = clean()
    history = without_event(written.finished(), len(written.feed) - 1)
    assert ONCE in promises(history)


def test_a_command_that_was_done_twice_is_found() -> None:
    """Sent again with its key it was carried out once more, under another commit."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    first = written.done("note-incident", "carrier-1", kind="late", note="an hour")
    second = written.done("note-incident", "carrier-1", kind="late", note="an hour")
    written.feed[-1] = replace(written.feed[-1], command=first.command)
    written.records.remove(second)
    assert ONCE in promises(written.finished())


def test_two_answers_to_one_key_are_found() -> None:
    """A replay that tells of another version than the first answer."""
    written = WrittenHistory()
    done = written.done("register", "", name="FedEx", email="a@x.example")
    written.done("rename", "carrier-1", name="Express")
    written.again(done)
    assert ONCE in promises(written.finished())


def test_a_refused_command_that_was_done_is_found() -> None:
    """The client was told that its version was stale; the event is there."""
    history = clean().finished()
    refused = replace(history.commands[-2].first, outcome="refused", reason="stale-version")
    assert REFUSED in promises(changed(history, Sent, -2, lambda _: refused))


def test_a_dry_run_that_was_done_is_found() -> None:
    """Nothing may be there of what was only tried out."""
    history = clean().finished()
    assert REFUSED in promises(
        changed(history, Sent, 2, lambda sent: replace(sent, is_dry_run=True))
    )


def test_an_event_that_nobody_sent_is_found() -> None:
    """The only record of its command is taken away."""
    assert REFUSED in promises(changed(clean().finished(), Sent, -2, lambda _: None))


def test_a_refusal_after_the_command_was_done_is_found() -> None:
    """Sent again after it was acknowledged, it is refused as stale."""
    written = WrittenHistory()
    done = written.done("register", "", name="FedEx", email="a@x.example")
    late = replace(done, begin=8.0, end=9.0, outcome="refused", reason="stale-version")
    written.records.append(late)
    assert REFUSED in promises(written.finished())


def test_two_changes_on_one_version_are_found() -> None:
    """Both name the same version in If-Match, and both are acknowledged: a lost update."""
    history = clean().finished()
    assert VERSIONS in promises(changed(history, Sent, 2, lambda sent: replace(sent, if_match=1)))


def test_a_carrier_at_a_state_that_never_was_is_found() -> None:
    """Shown with the name of one moment and the address of another."""
    odd = {"email": "b@x.example"}
    history = changed(
        clean().finished(),
        Shown,
        0,
        lambda look: replace(look, fields={**(look.fields or {}), **odd}),
    )
    assert promises(history) == {VERSIONS}


def test_a_refusal_that_the_documents_do_not_explain_is_found() -> None:
    """A document in force can be withdrawn; and none that was withdrawn can be replaced."""
    cover = {"number": "1", "issuer": "Insurer", "valid_from": "2026-01-31"}
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    written.done("file-document", "carrier-1", kind="contract", **cover)
    withdrawal = {"document_id": 1, "reason": "forged"}
    written.refused("validation-failed", "withdraw-document", "carrier-1", **withdrawal)
    assert promises(written.finished()) == {VERSIONS}
    written.records.pop()
    written.done("withdraw-document", "carrier-1", **withdrawal)
    replacement = {**cover, "document_id": 1}
    written.refused("validation-failed", "replace-document", "carrier-1", **replacement)
    assert promises(written.finished()) == set()
    written.records.pop()
    written.refused("forbidden-by-state", "replace-document", "carrier-1", **replacement)
    assert promises(written.finished()) == {VERSIONS}


def test_a_refusal_that_the_state_does_not_explain_is_found() -> None:
    """An active carrier does not forbid to be renamed."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    written.refused("forbidden-by-state", "rename", "carrier-1", name="Express")
    assert promises(written.finished()) == {VERSIONS}


def test_a_stale_carrier_is_found() -> None:
    """It is shown without a change that was acknowledged before."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    before = written.shown("carrier-1")
    written.done("rename", "carrier-1", name="Express")
    look = written.shown("carrier-1")
    assert broken(written.finished()) == []
    written.records[written.records.index(look)] = replace(look, fields=before.fields)
    assert {FRESH, VERSIONS} <= promises(written.finished())


def test_a_token_that_is_not_waited_for_is_found() -> None:
    """The directory answers a token with an older row, or with none."""
    history = clean().finished()
    old = {**history.listed[0].rows[0], "version": 1}
    for rows in ([], [old]):
        assert promises(
            changed(history, Listed, 0, lambda seen, rows=rows: replace(seen, rows=rows))  # type: ignore[misc]
        ) == {FRESH}


def test_an_address_with_two_owners_is_found() -> None:
    """A carrier takes it before its owner has even begun to free it."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    written.done("register", "", name="DHL", email="a@x.example")
    assert promises(written.finished()) == {OWNER}


def test_an_address_that_stays_lost_is_found() -> None:
    """It is refused to a newcomer long after its owner has retired."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    written.done("retire", "carrier-1", reason="merged")
    written.refused("already-claimed", "register", "", name="DHL", email="A@x.example")
    assert promises(written.finished()) == {OWNER}


def test_a_hole_in_the_feed_is_found() -> None:
    """A page leaves out a position that another one has."""
    history = final_page(
        clean().finished(), lambda page: replace(page, events=[*page.events[:3], *page.events[4:]])
    )
    assert promises(history) == {FEED}


def test_a_feed_that_forks_is_found() -> None:
    """Two readers are given two events at one position."""

    def swapped(page: Page) -> Page:
        second, third = page.events[1:3]
        events = [replace(third, position=2), replace(second, position=3)]
        return replace(page, events=[page.events[0], *events, *page.events[3:]])

    assert FEED in promises(final_page(clean().finished(), swapped))


def test_versions_in_the_wrong_order_are_found() -> None:
    """All readers are given a carrier's second event before its first."""
    written = clean()
    first, second = written.feed[:2]
    written.feed[:2] = [replace(second, position=1), replace(first, position=2)]
    assert FEED in promises(written.finished())


def test_an_event_that_the_feed_misses_is_found() -> None:
    """It is in its stream, and no reader is ever given it."""
    written = clean()
    history = written.finished()
    last = written.feed[-1]

    def shorter(page: Page) -> Page:
        events = [event for event in page.events if event != last]
        return replace(page, events=events, next=len(events), head=len(events))

    for number in (-1, -2):
        history = changed(history, Page, number, shorter)
    assert promises(history) == {FEED}


def test_an_event_that_is_in_the_feed_twice_is_found() -> None:
    """At two positions."""
    written = clean()
    written.feed.append(replace(written.feed[-1], position=len(written.feed) + 1))
    history = written.finished()
    assert FEED in promises(history)


def test_a_head_that_goes_back_is_found() -> None:
    """A reader is told of fewer positions than another one was before."""
    history = final_page(
        clean().finished(), lambda page: replace(page, events=[], next=0, head=page.head - 1)
    )
    assert promises(history) == {FEED}


def test_a_view_that_differs_is_found() -> None:
    """A row is missing, or has a value that the events do not have; or a count is wrong."""
    history = clean().finished()
    missing = changed(history, Listed, -1, lambda seen: replace(seen, rows=seen.rows[:1]))
    other = changed(
        history,
        Listed,
        -1,
        lambda seen: replace(seen, rows=[{**seen.rows[0], "name": "?"}, *seen.rows[1:]]),
    )
    count = changed(history, Counted, 0, lambda counted: replace(counted, total=3))
    for each in (missing, other, count):
        assert promises(each) == {VIEWS}


def test_an_unknown_command_may_happen_late_or_never() -> None:
    """It counts from when it was sent, however late, and need not be there at all."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    lost = written.unknown("rename", "carrier-1", False, name="Late")
    written.done("rename", "carrier-1", name="Sooner")
    assert broken(written.finished()) == []
    late = written.done("rename", "carrier-1", name="Late")
    written.records.remove(late)
    written.feed[-1] = replace(written.feed[-1], command=lost.command)
    assert broken(written.finished()) == []


def test_the_search_tries_other_orders() -> None:
    """Of operations that overlap any may be first; of the others the one that ended before."""

    def write(value: int) -> Callable[[int], int | None]:
        return lambda _: value

    def read(value: int) -> Callable[[int], int | None]:
        return lambda state: state if state == value else None

    overlapping = [
        Operation(0, 10, write(1), "write 1"),
        Operation(0, 10, write(2), "write 2"),
        Operation(1, 2, read(2), "read 2"),
        Operation(3, 4, read(1), "read 1"),
    ]
    assert find_stuck(0, overlapping) is None
    again = find_stuck(0, [*overlapping, Operation(5, 6, read(2), "read 2 again")])
    assert again is not None
    assert "read 2 again" in str(again)
    maybe = Operation(0, float("inf"), write(3), "write 3", is_required=False)
    assert find_stuck(0, [maybe, Operation(5, 6, read(3), "read 3")]) is None
    assert find_stuck(0, [maybe, Operation(5, 6, read(0), "read 0")]) is None


def test_the_order_of_the_feed_is_measured() -> None:
    """One of three stands behind one that was sent a second after it was acknowledged."""
    written = WrittenHistory()
    for email in ("a", "b", "c"):
        written.done("register", "", name="FedEx", email=f"{email}@x.example")
    first, second = written.feed[:2]
    assert feed_order(written.finished()) == FeedOrder(3, 0, 0.0, takings=3, early=0)
    written.feed[:2] = [replace(second, position=1), replace(first, position=2)]
    assert feed_order(written.finished()) == FeedOrder(3, 1, 0.5, takings=3, early=0)


def test_addresses_that_the_feed_shows_taken_too_early_are_counted() -> None:
    """A carrier takes the address that another one has given up; the feed has it the other way
    round."""
    written = WrittenHistory()
    written.done("register", "", name="FedEx", email="a@x.example")
    written.done("retire", "carrier-1", reason="merged")
    written.done("register", "", name="DHL", email="a@x.example")
    assert feed_order(written.finished()).early == 0
    _, second, third = written.feed
    written.feed[1:] = [replace(third, position=2), replace(second, position=3)]
    order = feed_order(written.finished())
    assert (order.takings, order.early) == (2, 1)
