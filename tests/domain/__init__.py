"""Tests of the rules alone: no store, no web, no clock."""
