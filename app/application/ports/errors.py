"""What every store may answer instead of doing what it was asked."""


class StoreError(Exception):
    """An event store did not do what it was asked."""


class StoreUnavailable(StoreError):
    """Nothing was written; the same call can be made again."""


class StoreOutOfReach(StoreUnavailable):
    """No part of the store answers this process; others may reach it."""


class NoMajority(StoreUnavailable):
    """The store answers, and says that too few of its nodes are up: it can do no more for other
    processes."""


class OutcomeUnknown(StoreError):
    """Perhaps written, perhaps not. Sending the identical commit again settles it."""


class SchemaError(Exception):
    """A store's schema cannot be brought up to date; one sentence says why and what to do."""
