"""From two readings to rates and quantiles: what `carriers top` computes."""

import math
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.top.interval import Interval, is_continued
from app.cli.top.quantiles import quantile
from app.cli.top.reading import NotFigures, Reading, read
from app.cli.top.summary import Summary, summary
from tests.support.readings import BOUNDS, URL, answers, reading, times


def shown(before: Reading, after: Reading) -> Summary:
    """What is shown of the time between them."""
    return summary(URL, before, after)


def test_a_rate_is_per_second_of_the_time_between() -> None:
    """Also of a route that nobody had asked for before."""
    rates = shown(
        reading(10, answers("/carriers", 5)),
        reading(14, answers("/carriers", 13), answers("/statistics", 2, "304")),
    ).rates
    assert rates is not None
    assert (rates.seconds, rates.requests) == (4, 2.5)
    assert rates.answers == {"2xx": 2, "3xx": 0.5, "4xx": 0, "5xx": 0}


def test_probes_count_nowhere() -> None:
    """Or `carriers top` would show itself."""
    routes = ["/metrics", "/health/live", "/health/ready"]
    rates = shown(
        reading(0),
        reading(
            1,
            *(answers(route, 9) for route in routes),
            *(times(route, 9, 0, 0, 0, 0) for route in routes),
        ),
    ).rates
    assert rates is not None
    assert (rates.requests, rates.answered_in, rates.slowest) == (0, None, ())


def test_commands_are_told_from_other_posts() -> None:
    """A ticket changes no carrier; what is refused and what has failed are told apart."""
    rates = shown(
        reading(0),
        reading(
            1,
            answers("/register-carrier", 4, "201", "POST"),
            answers("/carriers/<id>/rename", 3, "412", "POST"),
            answers("/carriers/<id>/rename", 2, "503", "POST"),
            answers("/events/ticket", 9, "200", "POST"),
        ),
    ).rates
    assert rates is not None
    assert rates.commands == {"done": 4, "refused": 3, "failed": 2}


@pytest.mark.parametrize(
    "after",
    [
        reading(12, answers("/carriers", 3)),
        reading(12),
        reading(12, answers("/carriers", 2_000_000), started=1e9 + 60),
    ],
    ids=["a count went back", "a count is gone", "another process"],
)
def test_a_restart_gives_no_rate(after: Reading) -> None:
    """Neither a negative one nor one that counts from the beginning; the next reading has one."""
    before = reading(10, answers("/carriers", 1_000))
    found = shown(before, after)
    assert (found.rates, found.is_restarted) == (None, True)
    with pytest.raises(ValueError, match="not of the same process"):
        Interval(before, after)
    then = reading(14, answers("/carriers", 2_000_006), started=after.started_at() or 0)
    rates = shown(after, then).rates
    assert rates is not None
    assert rates.seconds == 2


def test_the_kernels_clock_wavers_by_a_second() -> None:
    """That is no restart."""
    assert is_continued(reading(0, started=1e9), reading(1, started=1e9 + 1))


WORKER = """# TYPE process_start_time_seconds gauge
process_start_time_seconds{{process="worker-1"}} {started}
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes{{process="worker-1"}} 5e7
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{{process="worker-1"}} {cpu}"""


def test_a_worker_that_was_replaced_is_no_restart() -> None:
    """It says so in place of its share of the CPU, which would be negative; counts go on."""
    before = reading(0, answers("/carriers", 5), WORKER.format(started=2e9, cpu=100))
    after = reading(2, answers("/carriers", 7), WORKER.format(started=2e9 + 50, cpu=0.1))
    found = shown(before, after)
    assert found.rates is not None
    assert found.rates.requests == 1
    (worker,) = found.workers
    assert (worker.cpu, worker.is_new) == (None, True)
    then = reading(4, answers("/carriers", 7), WORKER.format(started=2e9 + 50, cpu=1.1))
    (worker,) = shown(after, then).workers
    assert worker.cpu == pytest.approx(0.5)
    assert not worker.is_new


def test_the_first_reading_has_no_rates() -> None:
    """But the gauges are known, and it is no restart."""
    found = summary(URL, None, reading(0))
    assert (found.rates, found.is_restarted, found.store_is_up) == (None, False, True)


def test_the_slowest_routes_come_first() -> None:
    """By the time that 99 of a hundred answers do not exceed; those that wait for events are no
    slow ones, and whoever was not asked is not there."""
    names = ["/events", "/events/stream", "/idle", "/a", "/b", "/c", "/d", "/e", "/f"]
    slow = {"/events": (0, 0, 0, 9, 0), "/events/stream": (0, 0, 0, 9, 0), "/idle": (0,) * 5}
    slow |= {name: (90 - number, number, 0, 0, 0) for number, name in enumerate(names[3:], 1)}
    before = [times(name, 0, 0, 0, 0, 0) for name in names]
    after = [times(name, *slow[name]) for name in names]
    rates = shown(reading(0, *before), reading(9, *after)).rates
    assert rates is not None
    assert [each.route for each in rates.slowest] == ["/f", "/e", "/d", "/c", "/b"]
    assert rates.slowest[0].rate == 10


def test_a_lag_is_the_distance_from_the_head() -> None:
    """Of each view."""
    found = summary(
        URL,
        None,
        reading(
            0,
            "# TYPE feed_position gauge\nfeed_position 1200",
            '# TYPE view_position gauge\nview_position{projection="carriers"} 1150',
            '# TYPE view_parked_streams gauge\nview_parked_streams{projection="carriers"} 2',
            '# TYPE view_made gauge\nview_made{projection="carriers"} 0',
        ),
    )
    (view,) = found.views
    assert (view.behind, view.parked, view.is_made) == (50, 2, False)


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=200),
    st.floats(0.01, 1),
)
def test_a_quantile_is_in_the_bucket_of_the_true_one(observed: list[float], share: float) -> None:
    """What lies above the last bound is answered with that bound."""
    buckets = {bound: float(sum(each <= bound for each in observed)) for bound in BOUNDS}
    buckets[math.inf] = float(len(observed))
    true = sorted(observed)[max(0, math.ceil(share * len(observed) - 1e-9) - 1)]
    bucket = bisect_left(BOUNDS, true)
    found = quantile(share, buckets)
    assert found is not None
    lower = (0.0, *BOUNDS)[bucket]
    upper = (*BOUNDS, BOUNDS[-1])[bucket]
    assert lower - 1e-9 <= found <= upper + 1e-9


def test_quantiles_as_prometheus_has_them() -> None:
    """Observations count as evenly spread in their bucket: 10 up to 1 ms and 10 up to 10 ms."""
    interval = Interval(reading(0), reading(1, times("/carriers", 10, 10, 0, 0, 0)))
    found = interval.latency("http_request_duration_seconds")
    assert found is not None
    assert (found.p50, found.limit) == (0.001, 1.0)
    assert found.p99 == pytest.approx(0.001 + 0.009 * 9.8 / 10)
    assert quantile(0.5, {}) is None
    assert quantile(0.5, {1.0: 0.0, math.inf: 0.0}) is None
    assert quantile(0.99, {1.0: 0.0, math.inf: 3.0}) == 1.0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!DOCTYPE html>\n<html><body>Hello</body></html>", "text format"),
        ('{"success": true}', "text format"),
        ("", "event_store_up is not among them"),
        ("node_load1 0.5\n", "event_store_up is not among them"),
    ],
)
def test_text_that_is_no_reading(text: str, why: str) -> None:
    """It is told what is wrong with it."""
    with pytest.raises(NotFigures, match=why):
        read(text, 0)


def test_a_figure_that_is_no_number_is_left_out() -> None:
    """A rate of it would be none either."""
    assert reading(0, answers("/carriers", math.nan)).counts == {}
