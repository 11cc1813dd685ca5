"""The commands, one a module: `change-email` is in `change_email.py`, and so on.

Imports nothing, so that the shell's help page, which shows these lines, comes at once;
`app/domain/declarations.py` imports the modules.
"""

SENTENCES = {
    "register": "Register a carrier.",
    "rename": "Give a carrier another name.",
    "change-email": "Give a carrier another e-mail address.",
    "update-profile": "Replace parts of a carrier's profile.",
    "schedule-change": "Change fields of a carrier from a day on.",
    "cancel-scheduled-change": "Cancel a change that is scheduled.",
    "suspend": "Suspend a carrier until it is reinstated.",
    "reinstate": "End a carrier's suspension.",
    "retire": "Take a carrier out of the registry for good.",
    "note-incident": "Note that something went wrong with a carrier's work.",
    "file-document": "File a carrier's document, with the days on which it is valid.",
    "replace-document": "File a document in the place of an earlier one.",
    "withdraw-document": "Take a carrier's document back: it holds on no day.",
    "block": "Give a carrier no work of some kind, from a day on.",
    "unblock": "Lift a carrier's block.",
    "prefer": "Ask a carrier first for work of some kind, from a day on.",
    "unprefer": "Take a preference for a carrier back.",
    "override-verdict": "Let a rule hold for a carrier against its verdict, for some days.",
    "withdraw-override": "Take an override back: the rule is judged by its own verdict again.",
    "approve": "Approve what a carrier says of itself; as a second person.",
    "reject": "Do not approve what a carrier says of itself.",
    "confirm-change": "Confirm a change that waits for a second person.",
    "discard-change": "Discard a change that waits for a second person.",
    "vet": "Tell whether a carrier can be given a piece of work, and keep the answer for ever.",
    "annotate": "Add a note for people to a carrier's history.",
    "not-a-duplicate": "Note that two carriers which look alike are two.",
    "merge": "Merge a carrier into another one that it turned out to be.",
    "unmerge": "Take a merge back: both carriers are what they were.",
}
"""Every command by its name, in the order in which they are shown, with what it does."""
