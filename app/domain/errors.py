"""What the rules refuse. Raised by values and aggregates; imports nothing.

DomainError
├── InvalidValue       a value breaks a rule of its own
├── NothingThere       a command names a part of what it changes that is not there
├── InvalidInput       a command's field breaks a rule that only its decision could look at
├── AlreadyRegistered  a carrier is registered only once
├── ForbiddenByState   the carrier's state does not allow it
├── OtherForbids       another carrier, which the command is about as well, does not allow it
└── SecondPersonNeeded  who asks is not the second person that this needs
"""


class DomainError(Exception):
    """A rule of the domain says no."""


class InvalidValue(DomainError):
    """`sentence` says for people which rule the value breaks; it never repeats the value."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NothingThere(DomainError):
    """What a command names by itself, and not by a field, is not there: `noun` is what it would be,
    and `sentence` says for people that it is not."""

    def __init__(self, noun: str, sentence: str) -> None:
        super().__init__(sentence)
        self.noun = noun
        self.sentence = sentence


class InvalidInput(DomainError):
    """The state or the moment shows that `field` of a command breaks a rule; `sentence` says for
    people which, and never repeats the value."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class AlreadyRegistered(DomainError):
    """The stream of this carrier already begins with its registration."""


class ForbiddenByState(DomainError):
    """`possible` names the commands that the state allows. `into` is the carrier that the carrier
    is merged into, if it is merged; `sentence` says for people what is the case."""

    def __init__(self, state: str, possible: tuple[str, ...], into: str | None = None) -> None:
        super().__init__(f"a carrier that is {state} does not take this")
        self.state = state
        self.possible = possible
        self.into = into
        self.sentence = (
            f"The carrier was merged into {into}: send this to that one"
            if into
            else f"The carrier is {state}, which does not allow this"
        )


class OtherForbids(DomainError):
    """What another carrier is, or what has happened to it, does not allow it; `sentence` says
    for people what."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SecondPersonNeeded(DomainError):
    """Who asks is the first person already, or nobody can tell who it is; `sentence` says which."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
