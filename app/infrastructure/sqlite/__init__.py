"""The registry in two files of SQLite: one of events, feed and keys, and one of views."""
