"""Below `before`: a process that answers requests without HTTP, by the code of its PYTHONPATH.

Each line of its input is a kind of request; it answers with the CPU time of one of them, µs, as the
average over several. It imports nothing but the application, and of that only what both of two
commits have: it is run as a file, with either of them.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from werkzeug.test import run_wsgi_app

from app import create_app
from app.bootstrap import build_services
from app.infrastructure.observability import json_logging
from config.settings import Settings

REQUESTS = 20
"""How many a line of the input asks for: few, so that turns are short."""

_WARM_UP = 400
_COUNTRIES = ("DE", "FR", "PL", "ES", "NL", "IT", "AT", "CZ")
_SERVICES = ("express", "parcel", "freight", "air")
_PROFILE = {
    "identifiers": [{"scheme": "duns", "value": "150483782"}],
    "coverage": [{"service": each, "countries": list(_COUNTRIES)} for each in _SERVICES[:2]],
}


class Client:
    """Registers carriers, and asks of one of them, with a profile, whether it can be given work: in
    turns of each service in each country. It offers half of that."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any WSGI application
        self._app = app
        self._numbers = itertools.count(1)
        self._work = itertools.cycle(itertools.product(_COUNTRIES, _SERVICES))
        self._spellings = itertools.count()
        carrier_id = json.loads(self.register())["data"]["carrier_id"]
        self._carrier = f"/carriers/{carrier_id}"
        self._send("POST", f"{self._carrier}/update-profile", body=_PROFILE)

    def register(self) -> bytes:
        """The answer to a registration."""
        number = next(self._numbers)
        body = {"name": f"Carrier {number}", "email": f"contact{number}@example.com"}
        return self._send("POST", "/register-carrier", body=body)

    def eligibility(self) -> bytes:
        """The answer to the question for the next piece of work."""
        country, service = next(self._work)
        return self._eligibility(f"country={country}&service={service}")

    def unknown_query(self) -> bytes:
        """The answer to a question that was never spelt so before: nobody can remember it."""
        number = next(self._spellings)
        country, service = _spelt("country", number), _spelt("service", number >> len("country"))
        return self._eligibility(f"{country}=DE&{service}=express")

    def _eligibility(self, query: str) -> bytes:
        return self._send("GET", f"{self._carrier}/eligibility", query)

    def _send(self, method: str, path: str, query: str = "", body: object = None) -> bytes:
        text = b"" if body is None else json.dumps(body).encode()
        parts, status, _ = run_wsgi_app(self._app, environ_of(method, path, query, text))
        answer = b"".join(parts)
        if not status.startswith("2"):
            raise RuntimeError(answer.decode())
        return answer


KINDS: Mapping[str, Callable[[Client], bytes]] = {
    "register": Client.register,
    "eligibility": Client.eligibility,
    "eligibility, unknown query": Client.unknown_query,
}


def main(folder: Path) -> None:
    """Answer until the input ends. Nobody follows the feed: as beside workers of a server, where
    another process does."""
    settings = Settings(
        sqlite_path=folder / "events.sqlite3", log_dir=folder / "logs", workers_follow=False
    )
    json_logging.configure("info", settings.log_dir)
    json_logging.start_background_writer()
    with closing(build_services(settings)) as services:
        client = Client(create_app(settings, services).wsgi_app)
        for send in KINDS.values():
            _microseconds(client, send, _WARM_UP)
        for line in sys.stdin:
            print(_microseconds(client, KINDS[line.strip()], REQUESTS), flush=True)
    json_logging.stop_background_writer()


def _microseconds(client: Client, send: Callable[[Client], bytes], requests: int) -> float:
    started = time.process_time()
    for _ in range(requests):
        send(client)
    return 1_000_000 * (time.process_time() - started) / requests


def _spelt(text: str, number: int) -> str:
    """The text with those of its characters percent-encoded whose bit of the number is set."""
    return "".join(f"%{ord(each):x}" if number >> at & 1 else each for at, each in enumerate(text))


def environ_of(method: str, path: str, query: str, body: bytes) -> dict[str, Any]:
    """What a server would call the application with."""
    of_the_body = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        **(of_the_body if body else {}),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
