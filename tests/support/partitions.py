"""Beside the way of the data: what processes of this machine send to others is lost, by iptables.

Processes on loopback all send from 127.0.0.1, so a sender is known by its group of users: a node
that is to be cut off is run with `member_of`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.processes import Unavailable


@dataclass(frozen=True, slots=True)
class Lost:
    """What processes of this group of users send to the port at the address. The answers on these
    connections go with it; connections that the other side makes are not touched."""

    group: int
    address: str
    port: int

    @property
    def match(self) -> Sequence[str]:
        """The rule, as iptables reads it."""
        packet = ["--protocol", "tcp", "--destination", self.address, "--dport", str(self.port)]
        sender = ["--match", "owner", "--gid-owner", str(self.group)]
        return ["OUTPUT", *packet, *sender, "--jump", "DROP"]

    def packets(self, listed: str) -> int:
        """How many were lost, as iptables lists its rules."""
        rule = rf"-d {self.address}/32 .*--dport {self.port} .*--gid-owner {self.group} -c (\d+)"
        return sum(map(int, re.findall(rule, listed)))


def find_iptables() -> str:
    """The path of an iptables that this process may use. Raises Unavailable."""
    iptables = shutil.which("iptables", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if iptables is None:
        raise Unavailable("there is no iptables to part nodes with: install iptables")
    allowed = subprocess.run([iptables, "--wait", "--list-rules"], capture_output=True, check=False)
    if allowed.returncode:
        raise Unavailable("only root may use iptables: run these tests as root")
    return iptables


def member_of(group: int) -> Sequence[str]:
    """The command that runs what follows it as a process of this group of users."""
    return ("setpriv", f"--regid={group}", "--clear-groups")


@contextmanager
def partition(*rules: Lost) -> Iterator[Callable[[], int]]:
    """All of this is lost meanwhile. Gives a function that counts the packets so far."""
    iptables = find_iptables()

    def change(how: str, rule: Lost) -> None:
        subprocess.run([iptables, "--wait", how, *rule.match], check=True)

    def lost() -> int:
        shown = [iptables, "--wait", "--list-rules", "OUTPUT", "--verbose"]
        listed = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
        return sum(rule.packets(listed) for rule in rules)

    with ExitStack() as healing:
        for rule in rules:
            change("--append", rule)
            healing.callback(change, "--delete", rule)
        yield lost
