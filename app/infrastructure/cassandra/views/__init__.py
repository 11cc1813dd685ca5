"""Views in Cassandra: generations, rows, and the lists that queries page through."""
