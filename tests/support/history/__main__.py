"""Judge a recorded history again: `python -m tests.support.history FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.support.history.judgement import described, judged
from tests.support.history.order import feed_order
from tests.support.history.recorder import read_history


def main() -> int:
    """Print the verdicts; the exit code is 1 if a promise was not kept."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.history", description="Judge a recorded history."
    )
    parser.add_argument("file", type=Path, help="a file of records, a line of JSON each")
    history = read_history(parser.parse_args().file)
    print(described(history))
    verdicts = judged(history)
    for verdict in verdicts:
        print(verdict)
    print(f"order   {feed_order(history)}")
    return int(any(verdict.findings for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
