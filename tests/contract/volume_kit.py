# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cases that every volume back end has to pass.

    volume_kit.add_cases (suite, "in a pool", place)

`place` is a function that returns a context manager; that gives a Place, where nothing is yet."""

import concurrent.futures
import contextlib
from dataclasses import dataclass

import gi

gi.require_version("Mig", "1")
from gi.repository import Gio, GLib, Mig  # noqa: E402

import tap  # noqa: E402

MIB = 1 << 20


@dataclass
class Place:
    """Somewhere to play.  `path` makes a path of a plain name; `put` makes a volume behind the back end's back, of
    that length and format; `drop` removes one; `read` gives the bytes of a raw one, or None when it is not there."""
    backend: object
    host: object
    unreachable: object
    path: object
    put: object
    drop: object
    read: object
    formats: tuple = ("raw", "qcow2")

    def source(self, name, image_format="raw"):
        return Mig.DiskSource.parse(self.path(name), image_format)

    def lookup(self, name, image_format="raw"):
        return self.backend.lookup(self.host, self.source(name, image_format), None)

    def create(self, name, length, image_format="raw", token="one"):
        return self.backend.create(self.host, self.source(name, image_format), length, token, None)

    def remove(self, name, token="two"):
        return self.backend.remove(self.host, self.source(name), token, None)

    def length(self, name, image_format="raw"):
        """None when it is proved that nothing is there."""
        try:
            return self.lookup(name, image_format).get_capacity()
        except GLib.Error as error:
            check_code(error, "NOT_FOUND")
            return None


def check_code(error, *codes):
    tap.check(error.domain == GLib.quark_to_string(Mig.error_quark()) and
              error.code in [int(getattr(Mig.Error, code)) for code in codes],
              f"the error is {' or '.join(codes)}", error.domain, error.code, error.message)
    tap.check(error.message, "the error has a message")


@contextlib.contextmanager
def fails(*codes, naming=""):
    """The block must fail with one of the codes, and name the thing."""
    try:
        yield
    except GLib.Error as error:
        check_code(error, *codes)
        tap.check(naming in error.message, f"the message names {naming}", error.message)
    else:
        raise AssertionError(f"no {' or '.join(codes)}")


def absent(place):
    with fails("NOT_FOUND", naming=place.path("absent")):
        place.lookup("absent")
    for _ in range(2):
        tap.check(place.remove("absent"), "removing what is not there succeeds")


def has_its_length(place):
    for image_format in place.formats:
        # Whole KiB, whole sectors, and for raw anything.
        for length in [MIB, 3 * MIB + 1024, MIB + 512] + ([1000, 1] if image_format == "raw" else []):
            name = f"v{length}.{image_format}"
            for volume in [place.create(name, length, image_format), place.lookup(name, image_format),
                           place.lookup(name, None)]:
                tap.check_equal(volume.get_capacity(), length, f"length of {name}")
                tap.check_equal(volume.get_source().get_path(), place.path(name), "path")
                tap.check_equal(volume.get_source().get_format(), image_format, "format")
                tap.check_equal(volume.get_name(), name, "name")
                tap.check(volume.get_allocation() < length or length < MIB or image_format != "raw", "it is sparse")
            tap.check(place.remove(name), "it is removed")
            tap.check_equal(place.length(name, image_format), None, "length after it was removed")


def reads_zero(place):
    place.create("zero", MIB + 512)
    tap.check_equal(place.read("zero"), bytes(MIB + 512), "contents")


def existing_stays(place):
    place.put("old", MIB, "raw")
    before = place.read("old")
    for image_format in place.formats:
        for length in [MIB, 2 * MIB]:
            with fails("CONFLICT", naming=place.path("old")):
                place.create("old", length, image_format)
    tap.check_equal(place.length("old"), MIB, "length")
    tap.check(place.read("old") == before, "its contents are as before")


def token_twice(place):
    place.create("twice", MIB, token="same")
    try:
        tap.check_equal(place.create("twice", MIB, token="same").get_capacity(), MIB, "length of the repetition")
    except GLib.Error as error:
        check_code(error, "CONFLICT")
    with fails("CONFLICT"):
        place.create("twice", 2 * MIB, token="same")
    with fails("CONFLICT"):
        place.create("twice", MIB, token="other")
    tap.check_equal(place.length("twice"), MIB, "length")
    for _ in range(2):
        place.remove("twice", token="same removal")
    tap.check_equal(place.length("twice"), None, "length after it was removed")
    # The token has gone with the volume.
    tap.check_equal(place.create("twice", 2 * MIB, token="same").get_capacity(), 2 * MIB, "length of a new one")


def token_of_the_dead(place):
    """What is there under the token's name now was made by somebody else."""
    place.create("dead", MIB, token="same")
    place.remove("dead")
    place.put("dead", MIB, "raw")
    with fails("CONFLICT"):
        place.create("dead", MIB, token="same")


def never_stale(place):
    for _ in range(3):
        tap.check_equal(place.length("news"), None, "length before")
        place.put("news", MIB, "raw")
        tap.check_equal(place.length("news"), MIB, "length of what appeared")
        place.drop("news")
        place.put("news", 2 * MIB, "raw")
        tap.check_equal(place.length("news"), 2 * MIB, "length of what was replaced")
        place.drop("news")
        if "qcow2" in place.formats:
            place.put("news", 5 * MIB, "qcow2")
            tap.check_equal(place.lookup("news", "qcow2").get_source().get_format(), "qcow2", "format")
            tap.check_equal(place.length("news", "qcow2"), 5 * MIB, "length in another format")
            tap.check(place.length("news", "raw") != 5 * MIB, "whoever says raw gets the file")
            place.drop("news")
        with fails("NOT_FOUND"):
            place.lookup("news")
        place.create("news", 3 * MIB)
        place.drop("news")
        tap.check(place.remove("news"), "removing what went by itself succeeds")


def one_creator(place):
    """Of many who create one volume at once, one succeeds."""

    def create(number):
        try:
            place.create("race", MIB * (1 + number % 3), token=f"t{number}")
            return number
        except GLib.Error as error:
            check_code(error, "CONFLICT")
            return None

    with concurrent.futures.ThreadPoolExecutor(20) as executor:
        for _ in range(5):
            winners = [number for number in executor.map(create, range(20)) if number is not None]
            tap.check_equal(len(winners), 1, "successes")
            tap.check_equal(place.length("race"), MIB * (1 + winners[0] % 3), "length")
            tap.check(place.remove("race"), "it is removed")


def many_at_once(place):
    place.put("there", MIB, "raw")

    def work(number):
        name = f"own{number}"
        for _ in range(10):
            tap.check_equal(place.length("there"), MIB, "length")
            tap.check_equal(place.length(name), None, "length")
            place.create(name, MIB)
            tap.check_equal(place.length(name), MIB, "length")
            place.remove(name)

    with concurrent.futures.ThreadPoolExecutor(20) as executor:
        list(executor.map(work, range(20)))


def odd_names(place):
    for name in ["with blank", "q'<&>\"", "ümläut", ".hidden", "x" * 200, "a,b=c%20", "-n"]:
        place.create(name, MIB)
        tap.check_equal(place.length(name), MIB, f"length of {name}")
        tap.check_equal(place.lookup(name).get_source().get_path(), place.path(name), "path")
        place.remove(name)
        tap.check_equal(place.length(name), None, f"length of {name}")


def attached_twice(place):
    place.create("g.img", MIB)
    for _ in range(2):
        place.backend.attach(place.host, place.source("g.img"), "three", None)
    for _ in range(2):
        place.backend.detach(place.host, place.source("g.img"), "four", None)
    tap.check_equal(place.length("g.img"), MIB, "length of what is not attached")


def no_room(place):
    with fails("NO_CAPACITY", naming=place.path("huge")):
        place.create("huge", (1 << 63) - 512)
    tap.check_equal(place.length("huge"), None, "length of what failed")


def bad_requests(place):
    with fails("INVALID_ARGUMENT"):
        place.create("negative", -1)
    other = Mig.DiskSource.new(Mig.DiskSourceKind.OTHER, "pool/volume", None)
    with fails("NOT_SUPPORTED"):
        place.backend.lookup(place.host, other, None)
    with fails("NOT_SUPPORTED"):
        place.backend.create(place.host, other, MIB, "t", None)
    with fails("NOT_SUPPORTED"):
        place.backend.remove(place.host, other, "t", None)
    tap.check(place.backend.get_name(), "it has a name")


def no_answer(place):
    source = place.source("anything")
    with fails("CONNECTION"):
        place.backend.lookup(place.unreachable, source, None)
    with fails("CONNECTION"):
        place.backend.create(place.unreachable, source, MIB, "t", None)
    with fails("CONNECTION"):
        place.backend.remove(place.unreachable, source, "t", None)


def cancelled(place):
    cancellable = Gio.Cancellable()
    cancellable.cancel()
    for call in [lambda: place.backend.lookup(place.host, place.source("c"), cancellable),
                 lambda: place.backend.create(place.host, place.source("c"), MIB, "t", cancellable),
                 lambda: place.backend.remove(place.host, place.source("c"), "t", cancellable)]:
        try:
            call()
        except GLib.Error as error:
            tap.check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED), "cancelled", error.message)
        else:
            raise AssertionError("a cancelled call succeeded")


CASES = [absent, has_its_length, reads_zero, existing_stays, token_twice, token_of_the_dead, never_stale, one_creator,
         many_at_once, odd_names, attached_twice, no_room, bad_requests, no_answer, cancelled]


def add_cases(suite, where, place):
    for function in CASES:

        def run(function=function):
            with place() as found:
                function(found)

        suite.add(f"{where}: {function.__name__.replace('_', ' ')}", run)
