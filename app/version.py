"""The release of this program; setup.cfg is the one place that says it.

The specification, the `carriers` command and the metrics all show the answer of `version()`.
"""

from importlib import metadata

DISTRIBUTION = "distributing-carriers"


def version() -> str:
    """The version of the installed distribution, such as 0.2.0."""
    return metadata.version(DISTRIBUTION)
