"""Tests of the projections and of the parts that make and update views."""
