"""The rules of the registry: pure Python, no HTTP, no database, no clock."""
