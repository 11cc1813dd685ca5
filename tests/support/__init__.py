"""Real parts for the tests: a Cassandra node, nginx, processes, a proxy that breaks the line."""
