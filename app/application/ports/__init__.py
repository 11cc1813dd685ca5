"""The doors between the application and the technology: a module for each port, with what comes
through it.

Stores (events, feed, views, keys) are kept by `app/infrastructure/sqlite` and
`app/infrastructure/cassandra`; each of these ports has one contract suite (`tests/contracts`) that
both pass. The clock, the codec, the sequencer and telemetry have one implementation each, whose own
tests stand in for a suite. What a store may answer instead of doing what it was asked:

StoreError
├── VersionConflict   the stream is not at the expected version; nothing was written
├── AlreadyClaimed    a unique value belongs to another stream; nothing was written
├── StoreUnavailable  the store could not do it; nothing was written
└── OutcomeUnknown    it could not be found out in time whether it was written
"""
