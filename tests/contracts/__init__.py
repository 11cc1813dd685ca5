"""Contract suites: what every implementation of a port has to pass."""
