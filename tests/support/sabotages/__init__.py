"""Beside the way of the data: faults that are put into copies of our own code, to see that
something finds them.

sabotage    what a fault is, and a copy of the project that has it
everywhere, domain, sqlite, cassandra
            the faults
finders     what runs on such a copy, and what it says
document    docs/sabotages.md, written by a full run
"""

from tests.support.sabotages.cassandra import IN_CASSANDRA
from tests.support.sabotages.domain import IN_DOMAIN
from tests.support.sabotages.everywhere import EVERYWHERE
from tests.support.sabotages.sabotage import Sabotage
from tests.support.sabotages.sqlite import IN_SQLITE

SABOTAGES: tuple[Sabotage, ...] = (*EVERYWHERE, *IN_DOMAIN, *IN_SQLITE, *IN_CASSANDRA)
