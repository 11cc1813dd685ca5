#!/usr/bin/env python3
"""Page through the whole directory and print a line of JSON for each carrier.

A page names the cursor of the next; the last names none.

An API key is taken from CARRIERS_API_KEY.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

LATER = {429, 502, 503, 504}
TRIES = 10


def page(url: str, query: dict[str, str]) -> dict[str, Any]:
    """One page, asked for again while the service is busy."""
    request = urllib.request.Request(f"{url}/carriers?{urlencode(query)}")
    if api_key := os.environ.get("CARRIERS_API_KEY"):
        request.add_header("Authorization", f"Bearer {api_key}")
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                found: dict[str, Any] = json.load(answer)["data"]
                return found
        except urllib.error.HTTPError as refusal:
            with refusal:
                if refusal.code not in LATER:
                    sys.exit(f"{refusal.code}: {refusal.read().decode()}")
                after = refusal.headers.get("Retry-After", "")
                time.sleep(float(after) if after.isdigit() else 1.0)
        except (OSError, http.client.HTTPException, ValueError) as error:  # not all of it
            print(f"{error}: again in 1 s", file=sys.stderr)
            time.sleep(1)
    sys.exit(f"given up after {TRIES} tries")


def carriers(url: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    """All that the filter selects."""
    cursor = None
    while True:
        # The filter goes along with every cursor: that is what the cursor was made for.
        found = page(url, query | ({"cursor": cursor} if cursor else {}))
        yield from found["carriers"]
        cursor = found["next"]
        if cursor is None:
            return


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--limit", type=int, default=100, help="carriers a page (100)")
    parser.add_argument("--state", help="active, suspended, retired; several with commas")
    given = parser.parse_args()
    query = {"limit": str(given.limit)} | ({"state": given.state} if given.state else {})
    for carrier in carriers(given.url, query):
        print(json.dumps(carrier, ensure_ascii=False))


if __name__ == "__main__":
    main()
