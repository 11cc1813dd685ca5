"""Beside the way of the data: packets between processes of this machine that get lost, by iptables.

A process that connects to 127.0.0.2 does so from 127.0.0.1, whichever node it is: an address tells
to whom a packet goes, and not from whom it comes. So whoever is to be told from others runs as a
group of its own (`Server`), by which iptables knows the sender.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from uuid import uuid4

from tests.support.processes import Unavailable

Rule = tuple[str, ...]
"""Which TCP packets, as options of iptables."""


def to(host: str, port: int) -> Rule:
    """Packets to whoever listens there."""
    return "-d", host, "--dport", str(port)


def to_others(host: str, port: int) -> Rule:
    """Packets to whoever listens at that port of another address."""
    return "!", "-d", host, "--dport", str(port)


def answers_of(host: str, port: int) -> Rule:
    """Packets from whoever listens there."""
    return "-s", host, "--sport", str(port)


def sent_by(group: int | None) -> Rule:
    """Packets that processes of the group send."""
    return "-m", "owner", "--gid-owner", _number(group)


def sent_by_others(group: int | None) -> Rule:
    """Packets that processes of any other group send."""
    return "-m", "owner", "!", "--gid-owner", _number(group)


class Partition:
    """Packets that one of the rules describes are lost from `begin` to `end`; connections stay as
    they are, and new ones get no answer."""

    def __init__(self, *rules: Rule) -> None:
        self._name = f"partition-{uuid4().hex[:8]}"
        self._rules = [(*rule, "-m", "comment", "--comment", self._name) for rule in rules]
        self._set: list[Rule] = []

    def begin(self) -> None:
        """Let them get lost."""
        for rule in self._rules:
            _iptables("-I", rule)
            self._set.append(rule)

    def end(self) -> None:
        """Let them pass again. Takes away the rules that `begin` has set, and no other."""
        while self._set:
            _iptables("-D", self._set[-1])
            self._set.pop()

    def lost(self) -> int:
        """How many packets were lost since `begin`."""
        command = ["iptables", "-w", "-vxnL", "OUTPUT"]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return sum(int(line.split()[0]) for line in shown.splitlines() if self._name in line)


def require_iptables() -> None:
    """Raises Unavailable where no rules can be set."""
    if shutil.which("iptables") is None:
        raise Unavailable("there is no iptables: install it")
    if os.geteuid() != 0:
        raise Unavailable("iptables needs root: run the tests as root, on a machine of your own")
    trial = Partition((*to("127.255.255.254", 1), *sent_by(1)))
    try:
        trial.begin()
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["no reason given"]
        raise Unavailable(f"iptables cannot set rules by group here: {said[-1]}") from None
    finally:
        trial.end()


def _iptables(action: str, rule: Rule) -> None:
    command = ["iptables", "-w", action, "OUTPUT", "-p", "tcp", *rule, "-j", "DROP"]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _number(group: int | None) -> str:
    assert group is not None, "it does not run as a group of its own"
    return str(group)
