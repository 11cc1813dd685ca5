"""The commit path: events, claims on unique values, and the log of intents."""
