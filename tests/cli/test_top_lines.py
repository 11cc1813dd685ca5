"""What `carriers top` says: which lines need a look, and how figures are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.top.lines import lines
from app.cli.top.reading import Reading
from app.cli.top.summary import summary
from app.cli.top.units import rate, seconds
from tests.support.readings import URL, answers, counter, gauge, reading, times

APPENDS = "event_store_appends_total"
HEALTHY = (
    gauge("feed_position", 100),
    gauge("view_position", 100, projection="carriers"),
    gauge("view_parked_streams", 0, projection="carriers"),
    gauge("view_made", 1, projection="carriers"),
    counter(APPENDS, 5, outcome="unknown"),
    answers("/carriers", 7),
)


def marked(before: Reading, after: Reading) -> list[str]:
    """The lines that need a look."""
    found = lines(summary(URL, before, after))
    return [line.removeprefix("! ") for line in found if line.startswith("! ")]


def test_a_healthy_service_has_nothing_to_look_at() -> None:
    """What has failed before is said, without a mark."""
    assert marked(reading(0, *HEALTHY), reading(2, *HEALTHY)) == []
    said = lines(summary(URL, reading(0, *HEALTHY), reading(2, *HEALTHY)))
    assert "              in all since the start: unknown 5" in said


@pytest.mark.parametrize(
    ("after", "line"),
    [
        (gauge("event_store_up", 0), "store       DOWN: it does not answer the service"),
        (answers("/statistics", 1, "500"), "requests    0.5: 2xx 0, 3xx 0, 4xx 0, 5xx 0.5"),
        (
            answers("/register-carrier", 2, "503", "POST"),
            "commands    1: done 0, refused 0, failed 1",
        ),
        (
            counter("http_requests_refused_total", 8, cause="overload"),
            "turned away overload 4, no valid key 0",
        ),
        (counter(APPENDS, 6, outcome="unknown"), "appends     unknown 0.5"),
        (
            counter(APPENDS, 3, outcome="written"),
            "feed        position 100: stands still, while 1.5 appends/s are written",
        ),
        (
            "\n".join((gauge("feed_waiting_appends", 3), gauge("feed_waiting_seconds", 31))),
            "feed        position 100, waiting for one: 3 appends (the oldest for 31.0 s),"
            " grows by 0/s",
        ),
        (gauge("feed_position", 1_102), "view        carriers: 1,002 events behind the feed"),
        (
            gauge("view_parked_streams", 1, projection="carriers"),
            "view        carriers: holds the whole feed, 1 parked stream",
        ),
        (
            gauge("view_made", 0, projection="carriers"),
            "view        carriers: holds the whole feed, is being made, queries get 503",
        ),
        (
            answers("/carriers", 6),
            "rates       none: the service was restarted, so that its counts began anew",
        ),
    ],
)
def test_a_line_that_needs_a_look(after: str, line: str) -> None:
    """Has a mark, and says what is wrong."""
    assert line in marked(reading(0, *HEALTHY), reading(2, *HEALTHY, after))


def test_an_append_that_waits_for_a_moment_is_no_reason_to_look() -> None:
    """It is shown without a mark: a feed that has not moved meanwhile is one that is at work."""
    waits = (gauge("feed_waiting_appends", 1), gauge("feed_waiting_seconds", 0.25))
    after = reading(2, *HEALTHY, *waits, counter(APPENDS, 3, outcome="written"))
    said = lines(summary(URL, reading(0, *HEALTHY), after))
    waiting = "waiting for one: 1 append (the oldest for 0.2 s)"
    assert f"  feed        position 100, {waiting}, grows by 0/s" in said


def test_a_store_that_is_away_says_nothing_of_the_feed() -> None:
    """Nor of views, which are left out."""
    (line,) = marked(reading(0), reading(2))
    assert line == "feed        not known: the store did not say it in time"


def test_a_worker_that_was_replaced_needs_a_look() -> None:
    """As what it had in hand is lost."""
    before, after = (
        (
            gauge("process_start_time_seconds", started, process="worker-2"),
            gauge("process_resident_memory_bytes", 5e7, process="worker-2"),
            gauge("feed_position", 1),
        )
        for started in (1e9, 1e9 + 60)
    )
    found = marked(reading(0, *before), reading(2, *after))
    assert found == ["worker-2    replaced since the reading before"]


def test_the_slowest_routes_are_a_table() -> None:
    """Figures in columns; what took longer than the last bound says so."""
    after = [times("/carriers", 10, 0, 0, 0, 0), times("/statistics", 0, 0, 0, 0, 1)]
    *_, head, first, second = lines(summary(URL, reading(0), reading(2, *after)))
    assert head == "  slowest            p99        p50   per second"
    assert first == "                   > 1 s      > 1 s          0.5  GET /statistics"
    assert second == "                 0.99 ms     0.5 ms            5  GET /carriers"


@given(st.integers(1, 200))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Down to 22 columns."""
    after = reading(2, *HEALTHY, times("/a/long/route/" + "x" * 80, 1, 1, 1, 1, 1))
    found = lines(summary(URL, reading(0, *HEALTHY), after), width)
    assert max(map(len, found)) <= max(width, 22)


def test_no_label_can_steer_the_terminal() -> None:
    """Whatever it is that answers at the URL."""
    evil = times("/\x1b[2J\u202e東", 1, 0, 0, 0, 0)
    said = "\n".join(lines(summary(URL, reading(0), reading(2, evil))))
    assert "/\\x1b[2J\\u202e\\u6771" in said


@pytest.mark.parametrize(
    ("value", "written"),
    [
        *((0, "0"), (0.0166, "0.017"), (0.5, "0.5"), (9.96, "10"), (42.46, "42.5")),
        *((99.96, "100.0"), (123.4, "123"), (1_234_567.0, "1,234,567")),
    ],
)
def test_a_rate_as_it_is_written(value: float, written: str) -> None:
    """Small ones do not become 0."""
    assert rate(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        *((0.0, "0 ms"), (0.000_55, "0.55 ms"), (0.0436, "44 ms"), (0.216, "220 ms")),
        *((0.994, "990 ms"), (0.9951, "1 s"), (1.23, "1.2 s"), (12.3, "12 s"), (29.9, "30 s")),
        (30.0, "> 30 s"),
    ],
)
def test_a_time_as_it_is_written(value: float, written: str) -> None:
    """To two digits."""
    assert seconds(value, 30.0) == written
