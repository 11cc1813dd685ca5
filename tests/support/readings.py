"""Beside the way of the data: readings of `carriers top`, written by hand."""

from itertools import accumulate

from app.cli.top.reading import Reading, read

URL = "http://127.0.0.1:8000"
BOUNDS = (0.001, 0.01, 0.1, 1.0)


def reading(at: float, *lines: str, started: float = 1e9) -> Reading:
    """The reading at this moment of a service that says these lines."""
    always = [
        "# TYPE event_store_up gauge",
        "event_store_up 1",
        "# TYPE process_start_time_seconds gauge",
        f'process_start_time_seconds{{process="master"}} {started}',
    ]
    return read("\n".join([*always, *lines, ""]), at)


def answers(route: str, count: float, status: str = "200", method: str = "GET") -> str:
    """The counter of a route's answers."""
    labels = f'method="{method}",route="{route}",status="{status}"'
    return f"# TYPE http_requests_total counter\nhttp_requests_total{{{labels}}} {count}"


def times(route: str, *in_each_bucket: int) -> str:
    """The histogram of a route's times; the last bucket has no upper bound."""
    name, labels = "http_request_duration_seconds", f'method="GET",route="{route}"'
    lines = [f"# TYPE {name} histogram"]
    for bound, upto in zip([*BOUNDS, "+Inf"], accumulate(in_each_bucket), strict=True):
        lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {upto}')
    lines.append(f"{name}_count{{{labels}}} {sum(in_each_bucket)}")
    return "\n".join(lines)


def gauge(name: str, value: float, **labels: str) -> str:
    """A gauge with these labels."""
    return f"# TYPE {name} gauge\n{_series(name, labels)} {value}"


def counter(name: str, value: float, **labels: str) -> str:
    """A counter with these labels."""
    return f"# TYPE {name} counter\n{_series(name, labels)} {value}"


def _series(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name
