"""Whether this instance of the service can carry out commands, and if not, whether others can."""

from app.application.deadline import Deadline
from app.application.ports.errors import NoMajority, StoreOutOfReach, StoreUnavailable
from app.application.ports.event_store import EventStore

_OUT_OF_REACH = (
    "This instance reaches no part of its store, as others may: it should leave until it does"
)
_NO_MAJORITY = (
    "Too few of the store's nodes are up: no instance does better until more of them are back"
)
_NO_ANSWER = "The store does not answer this instance: it should leave while another one is ready"


class NotReady(StoreUnavailable):
    """Says in one sentence why, and whether this instance should leave its load balancer."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def ask_whether_ready(store: EventStore, deadline: Deadline) -> None:
    """Raises NotReady, at the deadline at the latest."""
    try:
        store.ping(deadline)
    except StoreOutOfReach as error:
        raise NotReady(_OUT_OF_REACH) from error
    except NoMajority as error:
        raise NotReady(_NO_MAJORITY) from error
    except StoreUnavailable as error:
        raise NotReady(_NO_ANSWER) from error
