"""The projections, and what keeps and makes their views."""
