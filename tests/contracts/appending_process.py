"""A process that appends to one stream of a store: `python -m … <store> <stream> <count>`.

Each append is made on the version that a read has just shown, as often as it takes. Prints the
event ids that were acknowledged.
"""

import sys

from app.application.ports.event_store import NO_STREAM, VersionConflict
from tests.support.stores import commit, open_store, soon


def main(name: str, stream: str, count: int) -> None:
    """Append `count` commits of one event."""
    store = open_store(name)
    for _ in range(count):
        commit_id, events = commit()
        while True:
            version = len(store.read(stream, soon(60)))
            try:
                store.append(stream, version or NO_STREAM, events, commit_id, soon(60))
            except VersionConflict:
                continue
            print(events[0].event_id, flush=True)
            break
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
