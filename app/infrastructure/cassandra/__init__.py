"""The registry in Apache Cassandra."""
