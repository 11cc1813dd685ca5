"""Observability: the log as JSON lines, and metrics that all workers share."""
