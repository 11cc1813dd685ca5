"""Tests of the adapters, against the real thing behind each of them."""
