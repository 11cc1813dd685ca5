"""What the registry does: commands in, events out. Imports the domain and its own ports only."""
