# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can go wrong in the lab itself."""

EXIT_MISSING = 77


class LabError(Exception):
    """The lab could not do what was asked; the text says why."""


class MissingRequirement(LabError):
    """This machine cannot run the lab at all: a reason to skip, not to fail."""
