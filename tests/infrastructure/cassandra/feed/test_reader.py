"""What a reader of the feed is given where the feed, as one node has it, is not whole."""

from tests.support.sequencing import Site, places, put
from tests.support.stores import soon


def test_a_reader_stops_at_a_hole(site: Site, start: int, stream: str) -> None:
    """A position that is not there yet is never skipped, whatever is there behind it."""
    put(site.writer(), stream, count=3)
    assert len(site.follow(site.sequencer(), start, 3)) == 3
    site.ask("DELETE FROM feed WHERE bucket = 0 AND position = %s", start + 2)
    assert places(site.feed.read(start, 10, soon())) == [(stream, 1)]
    assert site.feed.read(start + 1, 10, soon()) == []
