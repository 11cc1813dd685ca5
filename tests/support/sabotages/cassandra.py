"""Faults in the store on Cassandra: its appends, its claims, its feed."""

from __future__ import annotations

from tests.support.sabotages.sabotage import OVER_CASSANDRA, Sabotage

_APPEND = "app/infrastructure/cassandra/append"
_FEED = "app/infrastructure/cassandra/feed"
_TESTS = "tests/infrastructure/cassandra"

IN_CASSANDRA = (
    Sabotage(
        "the head is no condition of an append",
        f"{_APPEND}/commit.py",
        (
            (
                '" IF head = ? AND commit_id != ? AND fence = ?"',
                '" IF commit_id != ? AND fence = ?"',
            ),
            (
                "commit.stream, head, commit.commit_id, fence)",
                "commit.stream, commit.commit_id, fence)",
            ),
        ),
        (OVER_CASSANDRA, f"{_TESTS}/append/test_event_store.py"),
    ),
    Sabotage(
        "the fence is no condition of an append",
        f"{_APPEND}/commit.py",
        (
            (
                '" IF head = ? AND commit_id != ? AND fence = ?"',
                '" IF head = ? AND commit_id != ?"',
            ),
            ("head, commit.commit_id, fence)", "head, commit.commit_id)"),
        ),
        ("tests/soak/test_slow_writers.py",),
    ),
    Sabotage(
        "a claim is deleted without a fence",
        f"{_APPEND}/claims.py",
        (
            (
                "if not _holds(own, claim) and self._moves_fence(stream, own, deadline):",
                "if not _holds(own, claim):",
            ),
        ),
        (f"{_TESTS}/append/test_claims.py", "tests/soak/test_slow_writers.py"),
    ),
    Sabotage(
        "a claim is taken over without a fence",
        f"{_APPEND}/claims.py",
        (
            (
                'return self._moves_fence(row["owner"], owner, deadline)',
                "return True",
            ),
        ),
        ("tests/soak/test_slow_writers.py",),
    ),
    Sabotage(
        "the fence is read after the claim",
        f"{_APPEND}/appending.py",
        (
            (
                "            fence = self._read_fence()\n            taking",
                "            taking",
            ),
            (
                "            verdict = self._send(fence, intent)\n",
                "            fence = self._read_fence()\n"
                "            verdict = self._send(fence, intent)\n",
            ),
        ),
        (f"{_TESTS}/append/test_claims.py", "tests/soak/test_slow_writers.py"),
    ),
    Sabotage(
        "a retry after a maybe does not know its own commit",
        f"{_APPEND}/appending.py",
        (
            (
                'return bool(rows) and rows[0]["event_id"] == commit.events[0].event_id',
                "return bool(rows) and commit is None",
            ),
        ),
        (f"{_TESTS}/append/test_event_store.py", OVER_CASSANDRA),
    ),
    Sabotage(
        "a retry after a maybe has a new commit id",
        f"{_APPEND}/commit.py",
        (
            (
                "move = (commit.head, commit.commit_id, commit.stream,",
                "move = (commit.head, uuid4(), commit.stream,",
            ),
            ("from uuid import UUID\n", "from uuid import UUID, uuid4\n"),
        ),
        (f"{_TESTS}/append/test_commit.py", f"{_TESTS}/append/test_event_store.py"),
    ),
    Sabotage(
        "a maybe is taken for a no",
        "app/infrastructure/cassandra/errors.py",
        (
            (
                "return RequestFailed(_cause(error), maybe_applied=True)",
                "return RequestFailed(_cause(error), maybe_applied=False)",
            ),
        ),
        (f"{_TESTS}/test_errors.py", OVER_CASSANDRA),
    ),
    Sabotage(
        "an append without an answer is acknowledged as failed",
        f"{_APPEND}/appending.py",
        (
            (
                "is_certain = not (appended.already_applied if appended else self.is_uncertain)",
                "is_certain = not (appended.already_applied if appended else False)",
            ),
        ),
        (f"{_TESTS}/feed/test_sequencer.py -k WritersThatFail",),
    ),
    Sabotage(
        "a log's cursor goes past an append in doubt",
        f"{_FEED}/ordering.py",
        (
            (
                "if intent.outcome is not Outcome.NOT_APPENDED and added < len(intent.events):",
                "if intent.outcome is Outcome.APPENDED and added < len(intent.events):",
            ),
        ),
        (f"{_TESTS}/feed/test_ordering.py",),
    ),
    Sabotage(
        "the feed does not wait for the event before",
        f"{_FEED}/ordering.py",
        (("if known >= intent.first - 1:", "if known >= 0:"),),
        (f"{_TESTS}/feed/test_ordering.py",),
    ),
    Sabotage(
        "an append in doubt is given up without a fence",
        f"{_FEED}/resolver.py",
        (
            (
                "if not self._claims.fence_off(intent.stream, deadline):",
                "if intent.events is None:",
            ),
        ),
        (f"{_TESTS}/feed/test_outcome.py", f"{_TESTS}/feed/test_sequencer.py"),
    ),
    Sabotage(
        "an intent is not written before its append",
        f"{_APPEND}/intent_log.py",
        (
            (
                "            self._send(rows, deadline)\n        self._unsure = []",
                "            rows.clear()\n        self._unsure = []",
            ),
        ),
        (f"{_TESTS}/append/test_intent_log.py",),
    ),
    Sabotage(
        "a hole in an intent log is left",
        f"{_APPEND}/intent_log.py",
        (("        self._unsure = new  # until", "        self._unsure = []  # until"),),
        (f"{_TESTS}/append/test_intent_log.py", f"{_TESTS}/feed/test_sequencer.py"),
    ),
    Sabotage(
        "a reader of the feed skips a hole",
        f"{_FEED}/reader.py",
        (('if row["position"] != after + 1:', 'if row["position"] < after + 1:'),),
        (f"{_TESTS}/feed/test_reader.py",),
    ),
    Sabotage(
        "the checkpoint of a view is moved before its rows are written",
        "app/infrastructure/cassandra/views/store.py",
        (
            (
                "        self._rows.write(view, changes.rows, deadline)\n"
                "        writes: list[Write] = [",
                "        writes: list[Write] = [",
            ),
            (
                "        if not retrying(deadline, attempt):\n            raise Overtaken\n\n"
                "    def request(",
                "        if not retrying(deadline, attempt):\n            raise Overtaken\n"
                "        self._rows.write(view, changes.rows, deadline)\n\n    def request(",
            ),
        ),
        (f"{_TESTS}/views", OVER_CASSANDRA, "tests/soak/test_rebuild.py -k cassandra"),
    ),
    Sabotage(
        "rows of a view are dated by the clock, not by their version",
        "app/infrastructure/cassandra/views/rows.py",
        (
            (
                "return row.discarded * VERSIONS + row.version",
                'return __import__("time").time_ns() // 1_000',
            ),
        ),
        (f"{_TESTS}/views",),
    ),
    Sabotage(
        "reads of streams are not SERIAL",
        "app/infrastructure/cassandra/requests.py",
        (
            (
                "        statement.consistency_level = self._serial\n",
                "",
            ),
        ),
        (f"{_TESTS}/test_requests.py", f"{_TESTS}/append"),
    ),
)
