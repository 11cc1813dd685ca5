"""The policy: what a registry asks of a carrier that is to be given work. An aggregate with one
stream in each registry."""
