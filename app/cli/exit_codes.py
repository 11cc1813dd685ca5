"""The exit codes of `carriers`, and their tables on help pages. Imports nothing of the application,
which would slow help pages down."""

import signal

FAILED = 1
INVALID = 2  # click's own code for wrong usage
NOT_FOUND = 3
REFUSED = 4
STALE = 5
UNAVAILABLE = 6
UNKNOWN = 7
NOT_SAID = 8
NOT_WRITTEN = 9
INTERRUPTED = 128 + signal.SIGINT  # as shells have it

# \b keeps click from joining the lines.
EXIT_CODES = f"""\b
Exit codes:
  0    done; with --dry-run: it could be done
  {FAILED}    a stored event cannot be read, or a defect
  {INVALID}    wrong usage, settings, or an invalid value
  {NOT_FOUND}    there is no such carrier
  {REFUSED}    refused: by the carrier's state, because the e-mail address is
       another's, because others keep changing it, or because the
       idempotency key stands for another command
  {STALE}    the carrier is not at the version of --if-version
  {UNAVAILABLE}    the store cannot be reached; nothing was done
  {UNKNOWN}    it could not be found out whether it was done; the same command
       with the same --idempotency-key settles it
  {NOT_SAID}    it was done, but the answer cannot be written: it is on stderr
  {NOT_WRITTEN}    the output cannot be written; nothing was changed
  {INTERRUPTED}  interrupted: look before you repeat it"""

# For operators' commands, which can end in fewer ways.
OPERATORS_EXIT_CODES = f"""\b
Exit codes:
  0    done
  {FAILED}    a defect
  {INVALID}    wrong usage or settings
  {UNAVAILABLE}    the store cannot be reached
  {NOT_SAID}    it was done, but the answer cannot be written: it is on stderr
  {NOT_WRITTEN}    the output cannot be written; nothing was changed
  {INTERRUPTED}  interrupted: run it again"""

IMPORT_EXIT_CODES = f"""\b
Exit codes:
  0    done; with --dry-run: it could be done
  {FAILED}    a defect
  {INVALID}    wrong usage, settings, columns, or a file that is no CSV
  {REFUSED}    rows were refused, and the others done; or it was not to be done
  {UNAVAILABLE}    the store cannot be reached: start it again, it goes on
  {UNKNOWN}    it could not be found out whether a row was done: start it again
  {NOT_SAID}    it was done, but the answer cannot be written: it is on stderr
  {NOT_WRITTEN}    the plan, or the file of refused rows, cannot be written
  {INTERRUPTED}  interrupted: start it again, it goes on"""


DEMO_EXIT_CODES = f"""\b
Exit codes:
  0    done
  {FAILED}    a defect
  {INVALID}    wrong usage or settings
  {REFUSED}    the registry is not empty; nothing was done
  {UNAVAILABLE}    the store cannot be reached; some may be done
  {NOT_SAID}    it was done, but the answer cannot be written: it is on stderr
  {INTERRUPTED}  interrupted: some is done"""

SCHEMA_EXIT_CODES = f"""\b
Exit codes:
  0    done, or nothing to do
  {FAILED}    not done, or not all of it: the sentence says why; it can be repeated
  {INVALID}    wrong usage or settings
  {NOT_SAID}    it was done, but that cannot be written: it is on stderr
  {INTERRUPTED}  interrupted: run it again"""

SOMETHING_TO_KNOW = 1
SOMETHING_AT_RISK = 2

DOCTOR_EXIT_CODES = f"""\b
Exit codes, of which 1 and 2 have a meaning of their own here:
  0    nothing was found
  {SOMETHING_TO_KNOW}    something to know; also a defect, then with a traceback
  {SOMETHING_AT_RISK}    data at risk; also wrong usage or settings, then with an error
       on stderr and nothing on stdout
  {UNAVAILABLE}    the store cannot be reached; nothing was looked at
  {NOT_WRITTEN}    the output cannot be written; nothing was changed
  {INTERRUPTED}  interrupted: run it again"""

TOP_EXIT_CODES = f"""\b
Exit codes:
  0    done; without --once, also ended by q or Ctrl-C
  {FAILED}    a defect
  {INVALID}    wrong usage or settings
  {UNAVAILABLE}    the service cannot be reached, or does not answer with its figures
  {NOT_WRITTEN}    the output cannot be written; nothing was changed
  {INTERRUPTED}  interrupted: run it again"""

KEYS_EXIT_CODES = f"""\b
Exit codes:
  0    done
  {FAILED}    a defect
  {INVALID}    wrong usage, settings, or an invalid value
  {NOT_FOUND}    there is no such key
  {REFUSED}    refused: an active key has that name
  {UNAVAILABLE}    the store cannot be reached; nothing was done
  {UNKNOWN}    it could not be found out whether it was done
  {NOT_SAID}    it was done, but the answer cannot be written: it is on stderr
  {NOT_WRITTEN}    the output cannot be written; nothing was changed
  {INTERRUPTED}  interrupted: see `carriers keys list`"""
