"""Connections that come at once are shared by the workers, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.measurements import IS_FULL
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.worker_shares import (
    CONNECTIONS,
    ORDERS,
    RUNS,
    SECONDS,
    connect_all_then_ask,
    run,
    served,
    shares,
)

LEAST = 0.4
"""The smallest share that one of two workers may have."""


def is_fair(service: Service) -> bool:
    """Whether each of two workers gets its share of 16 connections that are made at once."""
    return min(shares(service)) >= LEAST * CONNECTIONS


@pytest.mark.nginx
@pytest.mark.alone
def test_each_worker_gets_its_share_of_connections(require_nginx: str, tmp_path: Path) -> None:
    """Sixteen connections are shared by two workers in whatever order they come, straight and
    through nginx: each answers at least 40 % of what they ask, in short runs nearly so. A full run
    also measures that no run is much slower than another."""
    assert require_nginx
    count, seconds, least = (RUNS, SECONDS, LEAST) if IS_FULL else (len(ORDERS), 0.3, 0.25)
    with served(tmp_path, through_nginx=True) as (service, front):
        for port in (service.port, front):
            runs = [
                run(service, port, ORDERS[number % len(ORDERS)], seconds) for number in range(count)
            ]
            assert min(each.smallest_share for each in runs) >= least, runs
            rates = [each.rate for each in runs]
            assert not IS_FULL or min(rates) >= 0.8 * max(rates), runs


def test_a_paused_worker_gets_no_connections_and_costs_none_its_time(tmp_path: Path) -> None:
    """While one of two is frozen the other takes all that come, at once; after that both share
    again."""
    with served(tmp_path) as (service, _):
        paused, other = sorted(service.workers())
        os.kill(paused, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            answers = run(service, service.port, connect_all_then_ask, 0).answers
            taken = time.monotonic() - begun
        finally:
            os.kill(paused, signal.SIGCONT)
        assert answers == {paused: 0, other: CONNECTIONS}
        assert taken < 5, "connections waited for the frozen worker one by one"
        wait_until(lambda: is_fair(service), 10, "that both share")


def test_a_killed_worker_leaves_no_count_behind(tmp_path: Path) -> None:
    """It had half of the connections, and its successor, which has none, gets new ones until it
    has as many as the other: a worker is not held to what a dead one had."""
    with served(tmp_path) as (service, _):
        open_ones = connect_all_then_ask(service.port)
        try:
            for each in open_ones:
                wait_until(each.is_answered, 20, "an answer")
            killed = min(service.workers())
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: len(set(service.workers()) - {killed}) == 2, 10, "a new worker")
            wait_until(lambda: 0 not in shares(service), 10, "that it accepts")
            kept_share, successor_share = shares(service)
            assert kept_share < successor_share
        finally:
            for each in open_ones:
                each.socket.close()
        wait_until(lambda: is_fair(service), 10, "that both share")


def test_a_reload_shares_among_the_new_workers(tmp_path: Path) -> None:
    """The counts of the former ones end with them."""
    with served(tmp_path) as (service, _):
        before = set(service.workers())
        os.kill(service.server.pid, signal.SIGHUP)
        wait_until(lambda: before.isdisjoint(service.workers()), 30, "other workers")
        wait_until(lambda: is_fair(service), 10, "that both share")
