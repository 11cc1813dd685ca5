"""What could lose or leak data in a Cassandra cluster: facts, and what follows from them."""
