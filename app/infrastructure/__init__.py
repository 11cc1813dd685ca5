"""Implements the application's ports on real technology: files, databases, logs."""
