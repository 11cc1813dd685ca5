"""Tests of the application on a real store: SQLite in a temporary file."""
