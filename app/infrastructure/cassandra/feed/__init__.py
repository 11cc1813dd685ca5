"""The one order of all events: the sequencer gives it, the reader reads it.

sequencer            the loop: reads, asks, drafts, commits, cleans up
  outcome, ordering  what it decides: plain functions, each with its drawing
  draft              the values that these work on: the feed's state and the next one
  intents, resolver, predecessors, owners, state, cleanup
                     its requests to Cassandra
reader, identity     the feed and its id, as `ports.feed.Feed` has them
backfill, lag        for operators
"""
