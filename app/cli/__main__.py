"""`python -m app.cli`, where the command `carriers` is not installed."""

from app.cli import main

main(prog_name="carriers")
