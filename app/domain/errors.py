"""What the rules refuse. Raised by values and aggregates; imports nothing.

DomainError
├── InvalidValue      a value breaks a rule of its own
└── AlreadyRegistered a carrier is registered only once
"""


class DomainError(Exception):
    """A rule of the domain says no."""


class InvalidValue(DomainError):
    """`sentence` says for people which rule the value breaks; it never repeats the value."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class AlreadyRegistered(DomainError):
    """The stream of this carrier already begins with its registration."""
