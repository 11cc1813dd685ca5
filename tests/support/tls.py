"""Beside the way of the data: certificates that sign themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path) -> Path:
    """Write certificate.pem of 127.0.0.1, and key.pem beside it; an old pair is replaced."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: install it (Debian: apt-get install openssl)")
    made = folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -addext subjectAltName=IP:127.0.0.1"
    where = ["-keyout", str(made.with_name("key.pem")), "-out", str(made)]
    subprocess.run([*command.split(), *where], check=True, capture_output=True)
    return made
