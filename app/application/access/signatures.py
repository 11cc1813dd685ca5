"""Signatures by an API key: what a process signs with a key, every process can check.

The secret is derived from the digest of the key's secret, which every process reads with the keys.
So nothing is configured or stored for signing, and whatever was signed ends with its key.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from app.application.ports.keys import ApiKey

SIGNATURE = "[A-Za-z0-9_-]{43}"
"""A signature as a regular expression."""


def signature_of(key: ApiKey, purpose: bytes, text: str) -> str:
    """The HMAC of `text`. Each purpose has a secret of its own, so that what was signed for one is
    no good for another."""
    secret = hmac.digest(key.digest, purpose, sha256)
    return encoded(hmac.digest(secret, text.encode(), sha256))


def is_same(given: str, right: str) -> bool:
    """Whether the two texts, of ASCII only, are equal; it takes the same time for every `given`."""
    return hmac.compare_digest(given, right)


def encoded(digest: bytes) -> str:
    """The bytes as text that is safe in a URL, in a header and in a page."""
    return urlsafe_b64encode(digest).decode().rstrip("=")
