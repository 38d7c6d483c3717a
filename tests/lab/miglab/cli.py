# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of the lab."""

import argparse
import json
import os
import sys

import libvirt

from . import disk, guest, layout, require, teardown
from .errors import EXIT_MISSING, LabError, MissingRequirement
from .lab import Lab

EPILOG = """\
Every command but up, sweep and check works on one lab: the one named by --dir or by $MIG_LAB, or the only one there is.
Exit status: 0 done, 1 failed, 2 usage, 77 this machine cannot run a lab (the reason is on standard error)."""


def find_lab(arguments):
    directory = arguments.dir or os.environ.get("MIG_LAB")
    if directory is None:
        found = layout.labs()
        if len(found) != 1:
            raise LabError(f"which lab? There are {len(found)}: {' '.join(found)}" if found else "no lab is up")
        directory = found[0]
    return Lab.attach(os.path.abspath(directory))


def show(value):
    print(json.dumps(value, indent=2))


def command_up(arguments):
    directory = os.path.abspath(arguments.dir) if arguments.dir is not None else None
    lab = Lab(directory, tie=arguments.tie or False)
    lab.up()
    print(lab.directory)


def command_down(arguments):
    directory = arguments.dir or os.environ.get("MIG_LAB")
    if directory is not None and not os.path.lexists(directory):
        return
    find_lab(arguments).down()


def command_sweep(_arguments):
    require.demand()
    for directory in teardown.sweep():
        print(directory)


def command_check(_arguments):
    require.demand()


def command_status(arguments):
    status = find_lab(arguments).status()
    if arguments.json:
        show(status)
        return
    print(f"{status['directory']}: supervisor {status['supervisor'] or 'gone'}")
    for name, host in status["hosts"].items():
        print(f"{name}: {'running' if host['running'] else 'down'}, libvirtd {host['daemon'] or 'down'}, "
              f"guests: {' '.join(host['guests']) or 'none'}")
    if status["network"] is not None:
        print(f"network: {'up' if status['network']['up'] else 'cut'}, rate {status['network']['rate'] or 'unlimited'}")


def command_exec(arguments):
    argv = [*find_lab(arguments).host(arguments.host).enter(), *arguments.command]
    os.execvp(argv[0], argv)


def command_daemon(arguments):
    getattr(find_lab(arguments).daemon(arguments.host), arguments.action)()


def command_power(arguments):
    host = find_lab(arguments).host(arguments.host)
    if arguments.action == "off":
        host.power_off()
    else:
        host.power_on()


def command_net(arguments):
    net = find_lab(arguments).net
    if arguments.action == "rate":
        if arguments.rate is None:
            raise LabError("rate needs a rate, as in 400mbit, or off")
        net.rate(None if arguments.rate == "off" else arguments.rate)
    else:
        getattr(net, arguments.action)()


def command_uri(arguments):
    host = find_lab(arguments).host(arguments.host)
    print(host.peer_uri if arguments.peer else host.uri)


def command_cluster(arguments):
    lab = find_lab(arguments)
    options = {"peer": not arguments.direct, "settle_time": arguments.settle_time}
    if arguments.write:
        print(lab.cluster_file(**options))
    else:
        show(lab.cluster(**options))


def parse_disk(text):
    """PATH[,raw|qcow2][,size=SIZE][,serial=TEXT][,cache=MODE][,shareable]"""
    path, *words = text.split(",")
    options = {}
    for word in words:
        key, _, value = word.partition("=")
        if word in ("raw", "qcow2"):
            options["format"] = word
        elif word == "shareable":
            options["shareable"] = True
        elif key in ("size", "serial", "cache") and value:
            options[key] = value
        else:
            raise LabError(f"{text}: what is {word}?")
    return guest.Disk(path, **options)


def command_guest_start(arguments):
    lab = find_lab(arguments)
    lab.start_guest(arguments.host, arguments.name, [parse_disk(text) for text in arguments.disk],
                    memory=arguments.memory, rate=arguments.rate, random=arguments.random, fill=arguments.fill,
                    blocks=arguments.blocks, every=arguments.every, persistent=arguments.persistent,
                    uuid=arguments.uuid, paused=arguments.paused, kind=arguments.type)


def command_guest_verify(arguments):
    report = find_lab(arguments).guest(arguments.host, arguments.name).verify(disks=arguments.disk)
    show(report)
    return 0 if report["ok"] else 1


def command_guest_destroy(arguments):
    find_lab(arguments).guest(arguments.host, arguments.name).destroy(undefine=not arguments.keep_definition)


def command_guest_info(arguments):
    one = find_lab(arguments).guest(arguments.host, arguments.name)
    counters = one.counters()
    show({"name": one.name, "host": one.host.name, **one.host.domains()[one.name],
          "disks": {target: vars(spec) for target, spec in one.disks().items()},
          "counters": counters.as_dict() if counters is not None else None})


def command_disk(arguments):
    host = find_lab(arguments).host(arguments.host)
    if arguments.loop:
        print(disk.make_loop(host, arguments.path, arguments.size)[0])
    else:
        disk.create(host, arguments.path, arguments.size, arguments.format)


def add_guest_verbs(parent):
    verbs = parent.add_subparsers(dest="guest_verb", required=True, metavar="VERB")
    start = verbs.add_parser("start", help="start a counting guest")
    start.set_defaults(function=command_guest_start)
    start.add_argument("host", choices=layout.HOSTS)
    start.add_argument("--name", required=True)
    start.add_argument("--disk", action="append", default=[], help=parse_disk.__doc__ + "; may be repeated")
    start.add_argument("--memory", type=int, default=64, help="MiB")
    start.add_argument("--rate", default=guest.IDLE,
                       help="what it dirties: idle, flat (out), bytes per second as 38M, or pages per tick as 500p")
    start.add_argument("--random", type=int, default=0, help="random words per page, at most 1020")
    start.add_argument("--fill", type=int, default=0, help="MiB of known data on each disk")
    start.add_argument("--blocks", type=int, default=256, help="4 KiB slots that it writes in turn")
    start.add_argument("--every", type=int, default=2, help="ticks (55 ms) between writes")
    start.add_argument("--uuid")
    start.add_argument("--paused", action="store_true")
    start.add_argument("--type", choices=("qemu", "kvm"), default="qemu")
    which = start.add_mutually_exclusive_group()
    which.add_argument("--persistent", action="store_true")
    which.add_argument("--transient", dest="persistent", action="store_false")
    for verb, function, text in (("verify", command_guest_verify, "check RAM, and disks with --disk"),
                                 ("destroy", command_guest_destroy, "stop it at once and undefine it"),
                                 ("info", command_guest_info, "state, disks and counters")):
        one = verbs.add_parser(verb, help=text)
        one.set_defaults(function=function)
        one.add_argument("host", choices=layout.HOSTS)
        one.add_argument("name")
        if verb == "verify":
            one.add_argument("--disk", action="store_true")
        if verb == "destroy":
            one.add_argument("--keep-definition", action="store_true")


def parser():
    top = argparse.ArgumentParser(prog="lab", description="Two libvirt hosts on one machine.", epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--dir", help="directory of the lab")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def add(name, function, text):
        verb = verbs.add_parser(name, help=text, parents=[common])
        verb.set_defaults(function=function)
        return verb

    up = add("up", command_up, "bring a lab up and print its directory")
    up.add_argument("--tie", type=int, nargs="?", const=os.getppid(), metavar="PID",
                    help="take it down when this process ends (without a PID: the caller)")
    add("down", command_down, "remove the lab with everything in it")
    add("sweep", command_sweep, "remove labs whose supervisor has gone")
    add("check", command_check, "say whether a lab can run here")
    add("status", command_status, "what is up").add_argument("--json", action="store_true")
    execute = add("exec", command_exec, "run a command on a host")
    execute.add_argument("host", choices=layout.HOSTS)
    execute.add_argument("command", nargs=argparse.REMAINDER)
    daemon = add("daemon", command_daemon, "act on a host's libvirtd")
    daemon.add_argument("host", choices=layout.HOSTS)
    daemon.add_argument("action", choices=("start", "stop", "kill", "restart", "freeze", "thaw"))
    power = add("power", command_power, "pull a host's plug, or boot it again")
    power.add_argument("host", choices=layout.HOSTS)
    power.add_argument("action", choices=("off", "on"))
    net = add("net", command_net, "act on the link between the hosts")
    net.add_argument("action", choices=("cut", "heal", "reset", "rate"))
    net.add_argument("rate", nargs="?", help="for rate: as tc writes it (400mbit), or off")
    uri = add("uri", command_uri, "print a host's libvirt URI")
    uri.add_argument("host", choices=layout.HOSTS)
    uri.add_argument("--peer", action="store_true", help="the one that the other host opens")
    cluster = add("cluster", command_cluster, "print the cluster file for mig")
    cluster.add_argument("--direct", action="store_true", help="leave peer-uri out: moves are managed by the client")
    cluster.add_argument("--settle-time", type=float, metavar="SECONDS")
    cluster.add_argument("--write", action="store_true", help="write it into the lab and print its path")
    add_guest_verbs(add("guest", None, "start, verify, destroy and describe guests"))
    image = add("disk", command_disk, "create a disk image")
    image.add_argument("host", choices=layout.HOSTS)
    image.add_argument("path")
    image.add_argument("size")
    image.add_argument("--format", choices=("raw", "qcow2"), default="raw")
    image.add_argument("--loop", action="store_true", help="and a loop device over it; print that")
    return top


def main(argv=None):
    arguments = parser().parse_args(argv)
    try:
        return arguments.function(arguments) or 0
    except MissingRequirement as error:
        print(f"lab: {error}", file=sys.stderr)
        return EXIT_MISSING
    except (LabError, libvirt.libvirtError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
