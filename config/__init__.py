"""How the service is set up: its settings, and those of its server."""
