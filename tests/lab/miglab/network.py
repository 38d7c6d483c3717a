# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cable between the two hosts: one veth pair, nothing in the network namespace of the machine."""

from . import layout, proc
from .errors import LabError

DEVICE = "eth0"


class Network:
    """Cuts, heals and slows the link."""

    def __init__(self, hosts):
        self._hosts = hosts

    def _run(self, name, *argv):
        return proc.run([*self._hosts[name].enter(namespaces="n"), *argv])

    def plug(self):
        first, second = layout.HOSTS
        self._run(first, "ip", "link", "add", DEVICE, "type", "veth",
                  "peer", "name", DEVICE, "netns", str(self._hosts[second].pid))
        for name, address in layout.ADDRESSES.items():
            self._run(name, "ip", "address", "add", f"{address}/24", "dev", DEVICE)
            for device in ("lo", DEVICE):
                self._run(name, "ip", "link", "set", device, "up")

    def cut(self):
        """Packets vanish; nobody is told."""
        self._run("hostb", "ip", "link", "set", DEVICE, "down")

    def heal(self):
        self._run("hostb", "ip", "link", "set", DEVICE, "up")

    def reset(self):
        """Breaks every TCP connection on both hosts, as a firewall that lost its state does."""
        for name in layout.HOSTS:
            self._run(name, "ss", "-tK", "state", "connected")

    def rate(self, rate):
        """Limits both directions; in tc's words ("400mbit"), or None for no limit."""
        for name in layout.HOSTS:
            if rate is None:
                if "tbf" in self._run(name, "tc", "qdisc", "show", "dev", DEVICE).stdout:
                    self._run(name, "tc", "qdisc", "del", "dev", DEVICE, "root")
            else:
                self._run(name, "tc", "qdisc", "replace", "dev", DEVICE, "root", "tbf",
                          "rate", rate, "burst", "256kb", "latency", "50ms")

    def state(self):
        """What the link is like, for `status`."""
        up = "state UP" in self._run("hostb", "ip", "link", "show", DEVICE).stdout
        shaping = self._run("hosta", "tc", "qdisc", "show", "dev", DEVICE).stdout.split()
        limit = shaping[shaping.index("rate") + 1] if "rate" in shaping else None
        return {"up": up, "rate": limit}

    def check(self):
        if not self.state()["up"]:
            raise LabError("the link between the hosts is down")
