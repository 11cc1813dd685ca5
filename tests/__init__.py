"""Tests: every part is met as it runs in production; what stands around it is in support/."""
