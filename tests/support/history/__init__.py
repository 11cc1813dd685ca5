"""Beside the way of the data: judges whether the service has kept its promises, from the recorded
history of a run alone. It imports nothing of the application: what a carrier is after a command is
said here once more.

records     what clients sent and were told; a history is a file of them, a line of JSON each
recorder    writes that file while clients are at work
carrier     what a command does to a carrier
linear      the search for an order in which everything can have happened
once, versions, freshness, ownership, feed, views
            one promise each
judgement   all of them; `python -m tests.support.history FILE` judges a file again
order       how far the feed's order is from the order in which clients acted
"""
