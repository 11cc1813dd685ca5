#!/usr/bin/env python3
"""Register a carrier once, however bad the line is.

Every attempt carries the same Idempotency-Key, so the registry carries out the first that reaches
it and answers the others with the same carrier. An answer that got lost, and one that says that
the outcome is unknown, are therefore no different from one that says "later": send it again.

An API key is taken from CARRIERS_API_KEY. Exit codes: 0 registered, 1 refused, 75 given up for now.
"""

import argparse
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from email.message import Message

LATER = {429, 502, 503, 504}
"""The service is busy or away, or cannot tell whether it was done."""


def attempt(url: str, body: dict[str, str], key: str) -> tuple[int, Message, bytes]:
    """Status, headers and body of one answer; OSError or HTTPException if there was none."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    if api_key := os.environ.get("CARRIERS_API_KEY"):
        headers["Authorization"] = f"Bearer {api_key}"
    request = urllib.request.Request(
        f"{url}/register-carrier", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()


def register(url: str, body: dict[str, str], key: str, patience: float) -> str:
    """The carrier's id. Ends the program if it is refused, or not done within the patience."""
    until = time.monotonic() + patience
    pause = 0.5
    while True:
        try:
            status, headers, content = attempt(url, body, key)
            if status == 201:
                carrier_id: str = json.loads(content)["data"]["carrier_id"]
                return carrier_id
            if status not in LATER:
                sys.exit(f"{status}: {content.decode()}")
            after = headers.get("Retry-After", "")
            asked, reason = float(after) if after.isdigit() else 0.0, f"answer {status}"
        except (OSError, http.client.HTTPException) as error:
            asked, reason = 0.0, str(error)
        wait = max(asked, pause * random.uniform(0.5, 1))
        if time.monotonic() + wait > until:
            print(
                f"given up for now ({reason}): run it again with --key {key}, which does it once",
                file=sys.stderr,
            )
            sys.exit(os.EX_TEMPFAIL)
        print(f"{reason}: again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
        pause = min(2 * pause, 30)


def main() -> None:
    """Read the command line and print the carrier's id."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--name", required=True)
    parser.add_argument("--email", required=True)
    parser.add_argument("--key", help="names the attempt; best one that you keep with your own row")
    parser.add_argument("--patience", type=float, default=60, help="seconds in all (60)")
    given = parser.parse_args()
    body = {"name": given.name, "email": given.email}
    print(register(given.url, body, given.key or str(uuid.uuid4()), given.patience))


if __name__ == "__main__":
    main()
