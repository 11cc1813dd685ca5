"""Views in a file of their own, which can be thrown away and made again."""
