"""Tests of the HTTP API, from a request to its answer, on SQLite."""
