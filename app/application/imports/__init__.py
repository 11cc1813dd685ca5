"""Imports of carriers from CSV: the file, its columns, the plan of each row, and what applies or
undoes it. Everything of an import can be derived again from the file and the streams."""
