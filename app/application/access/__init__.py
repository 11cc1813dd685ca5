"""Authentication and permissions: API keys, the key ring, tickets, and limits on failures."""
