"""Where the project's own files are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
MIGRATIONS = ROOT / "migrations_cql"
