"""Beside the way of the data: clients that send every command that there is, readers that look on,
and faults meanwhile; all of them chosen by a seed and recorded as a history.

conversation   one client's requests to the service, each recorded with its answer
choices        what a client does next
clients        the threads: those that command, those that look, those that follow the feed
quiet          what everybody sees once everything has ended
faults         what happens to the service and to its store meanwhile
run            all of it together
"""
