"""Beside the way of the data: the service on three nodes of Cassandra while one of them fails.

`faults` says how a node fails, `load` what clients ask for meanwhile, `witness` is a client in a
process of its own, `access_lines` reads what the service says of its answers, `seen` is what all
that shows, and `promises` what it has to be.
"""
