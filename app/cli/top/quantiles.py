"""Quantiles of a histogram's buckets, as Prometheus' `histogram_quantile` has them. Pure."""

import math
from collections.abc import Mapping


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """The value that this share of the observations (0 to 1) does not exceed; None if there are no
    observations.

    `buckets` maps an upper bound to how many observations are not above it, `math.inf` included.
    Within a bucket observations count as evenly spread, so the answer is exact to a bucket only.
    What lies above the last finite bound is answered with that bound.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    rank, lower, below = share * total, 0.0, 0.0
    for bound in bounds:
        upto = buckets[bound]
        if upto >= rank and upto > below:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (rank - below) / (upto - below)
        lower, below = bound, upto
    return lower
