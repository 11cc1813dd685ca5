"""The lines of a `Summary`, for people. Pure.

Each row has a label and what there is to say; the mark `!` before it says that it needs a look.
ASCII only, so that every terminal can show it.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from app.cli.output import printable
from app.cli.top.summary import Rates, Summary, View, Waiting, Worker
from app.cli.top.units import counted, latency, megabytes, rate, seconds

FAR_BEHIND = 1_000
"""Events; the alert ViewsBehind has the same threshold."""

LATE_SECONDS = 30
"""For so long no append waits for its position; the alert AppendsWait has the same threshold."""

_LABEL = 12


class Row(NamedTuple):
    """A line, or several in a narrow terminal."""

    label: str
    text: str
    needs_a_look: bool = False


def lines(shown: Summary, width: int | None = None) -> list[str]:
    """The lines of the summary, none of them wider than `width` columns."""
    return [
        *wrapped(_head(shown), width),
        "",
        *(line for row in _rows(shown) for line in _row(row, width)),
        *_route_lines(shown, width),
    ]


def wrapped(text: str, width: int | None, indent: int = 0) -> list[str]:
    """The text in lines of at most `width` columns, all but the first indented."""
    if width is None:
        return [_plain(text)]
    return textwrap.wrap(
        _plain(text),
        max(width, indent + 8),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )


def _row(row: Row, width: int | None) -> list[str]:
    mark = "!" if row.needs_a_look else " "
    return wrapped(f"{mark} {row.label:{_LABEL}}{row.text}", width, _LABEL + 2)


def _head(shown: Summary) -> str:
    return f"{shown.moment:%H:%M:%S} UTC  {shown.url}"


def _release(shown: Summary) -> Row:
    started = "" if shown.started is None else f", started {shown.started:%Y-%m-%d %H:%M:%S} UTC"
    return Row("release", f"{shown.release}{started}")


def _rows(shown: Summary) -> Iterator[Row]:
    yield _release(shown)
    down = not shown.store_is_up
    yield Row("store", "DOWN: it does not answer the service" if down else "up", down)
    if shown.rates is None:
        yield Row("rates", _no_rates(shown), shown.is_restarted)
    else:
        yield Row("rates", f"per second, over the last {shown.rates.seconds:.1f} s")
        yield from _request_rows(shown.rates)
        yield from _store_rows(shown.rates, shown.failed_appends)
    yield _feed(shown)
    yield from map(_view, shown.views)
    yield Row("listeners", _listed({way: str(count) for way, count in shown.listeners.items()}))
    yield from map(_worker, shown.workers)


def _no_rates(shown: Summary) -> str:
    if shown.is_restarted:
        return "none: the service was restarted, so that its counts began anew"
    return "from the next reading on"


def _request_rows(rates: Rates) -> Iterator[Row]:
    failed = rates.answers["5xx"] + rates.commands["failed"] > 0
    yield Row("requests", f"{rate(rates.requests)}: {_rates(rates.answers)}", failed)
    yield Row("answer time", latency(rates.answered_in))
    sent = sum(rates.commands.values())
    yield Row("commands", f"{rate(sent)}: {_rates(rates.commands)}", rates.commands["failed"] > 0)
    refused = rates.turned_away
    yield Row("turned away", _rates(refused), refused.get("overload", 0) > 0)


def _store_rows(rates: Rates, failed: Mapping[str, int]) -> Iterator[Row]:
    needs_a_look = any(rates.appends.get(outcome) for outcome in failed)
    yield Row("appends", _rates(rates.appends), needs_a_look)
    if any(failed.values()):
        since = _listed({outcome: f"{count:,}" for outcome, count in failed.items()})
        yield Row("", f"in all since the start: {since}")
    for operation, took in rates.store_answered_in.items():
        yield Row(f"{operation} time", latency(took))
    yield Row("retries", f"{rate(rates.retries)}; hedges: {_rates(rates.hedges)}")


def _feed(shown: Summary) -> Row:
    if shown.feed_position is None:
        return Row("feed", "not known: the store did not say it in time", needs_a_look=True)
    at = f"position {shown.feed_position:,}"
    rates, waiting = shown.rates, shown.waiting
    written = 0.0 if rates is None else rates.appends.get("written", 0.0)
    if waiting is not None and waiting.appends:
        at += f", waiting for one: {counted(waiting.appends, 'append')}"
        at += f" (the oldest for {waiting.seconds:.1f} s)"
    if rates is None or rates.feed is None:
        return Row("feed", at, _is_late(waiting))
    if waiting is None and written and not rates.feed:
        return Row("feed", f"{at}: stands still, while {rate(written)} appends/s are written", True)
    return Row("feed", f"{at}, grows by {rate(rates.feed)}/s", _is_late(waiting))


def _is_late(waiting: Waiting | None) -> bool:
    return waiting is not None and waiting.seconds > LATE_SECONDS


def _view(view: View) -> Row:
    behind = f"{counted(view.behind, 'event')} behind the feed"
    said = [behind if view.behind else "holds the whole feed"]
    if not view.is_made:
        said.append("is being made, queries get 503")
    if view.parked:
        said.append(counted(view.parked, "parked stream"))
    needs_a_look = view.behind > FAR_BEHIND or bool(view.parked) or not view.is_made
    return Row("view", f"{view.name}: {', '.join(said)}", needs_a_look)


def _worker(worker: Worker) -> Row:
    if worker.is_new:
        return Row(worker.name, "replaced since the reading before", needs_a_look=True)
    cpu = "" if worker.cpu is None else f"{worker.cpu:.0%} of a CPU, "
    return Row(worker.name, f"{cpu}{megabytes(worker.resident_bytes)}")


def _route_lines(shown: Summary, width: int | None) -> Iterator[str]:
    if shown.rates is None or not shown.rates.slowest:
        return
    yield ""
    yield from wrapped("  slowest            p99        p50   per second", width)
    for each in shown.rates.slowest:
        took = each.latency
        line = f"  {'':11}{seconds(took.p99, took.limit):>11}{seconds(took.p50, took.limit):>11}"
        line += f"{rate(each.rate):>13}  {each.method} {each.route}"
        yield _plain(line)[:width]


def _rates(by_name: Mapping[str, float]) -> str:
    return _listed({name: rate(value) for name, value in by_name.items()})


def _listed(values: Mapping[str, str]) -> str:
    """Values that are 0 are there too: that a thing did not happen is worth knowing."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _plain(text: str) -> str:
    return printable(text).encode("ascii", "backslashreplace").decode()
