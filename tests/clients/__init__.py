"""Clients that others' generators make from /openapi.json, used against the running service."""
