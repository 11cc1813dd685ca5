"""HTTP in, HTTP out: checks the shape of what comes in and dispatches it to the application.

`routes` puts it all together. It is no part of this file, as the shell takes schemas and
representations from this package, and each of its commands would wait for Flask and every route.
"""
