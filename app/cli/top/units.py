"""Figures as people read them. Pure."""

from app.cli.top.interval import Latency

_MILLISECOND = 1e-3
_MEGABYTE = 1e6


def rate(per_second: float) -> str:
    """Two significant digits below 10, one place below 100, whole numbers above: 0, 0.02, 4.5,
    42.5, 1,234."""
    if per_second == 0:
        return "0"
    if per_second < 10:  # noqa: PLR2004 - the docstring says it
        return f"{per_second:.2g}"
    return f"{per_second:.1f}" if per_second < 100 else f"{per_second:,.0f}"  # noqa: PLR2004


def seconds(value: float, limit: float | None = None) -> str:
    """A length of time, to two digits: more of them a histogram does not hold. `limit` is the
    longest that can be told from longer ones."""
    if limit is not None and value >= limit:
        return f"> {seconds(limit)}"
    if value < 0.995:  # noqa: PLR2004 - what is rounded to less than a second
        return f"{_two_digits(value / _MILLISECOND)} ms"
    return f"{_two_digits(value)} s"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.10g}"


def latency(took: Latency | None) -> str:
    """Both quantiles."""
    if took is None:
        return "none"
    return f"p50 {seconds(took.p50, took.limit)}, p99 {seconds(took.p99, took.limit)}"


def counted(number: int, noun: str) -> str:
    """So many of them: 1 event, 1,200 events."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def megabytes(size: float) -> str:
    """A size in bytes as millions of them."""
    return f"{size / _MEGABYTE:,.0f} MB"
