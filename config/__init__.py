"""Configuration: the service's settings, and gunicorn's configuration file."""
