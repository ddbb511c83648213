"""Every error that Overread raises on purpose.

Each message is one sentence that says where, what is wrong, and what to do. The command line shows
`str(error)` and leaves with `error.exit_code`; anything else that is raised is a bug.
"""

from __future__ import annotations

import json
from typing import Literal

RejectReason = Literal[
    "missing-file",
    "unreadable-file",
    "empty",
    "not-an-image",
    "unsupported",
    "truncated",
    "damaged",
    "too-large",
    "conflicting-label",
    "no-label",
    "incomplete-row",
    "excluded",
]
"""Why an input was not used, for programs. The sentence for people stands beside it."""


class OverreadError(Exception):
    """Base of every error that a user can mend.

    Args:
        what: What was expected and what came, without a full stop.
        where: The file, image, key or class concerned; stands first in the message.
        todo: What the user can do about it; stands last.

    Example:
        >>> print(OverreadError("expected 3 channels, got 1", where="image 'a.jpg'", todo="convert it"))
        image 'a.jpg': expected 3 channels, got 1; convert it
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, todo: str | None = None) -> None:
        self.what, self.where, self.todo = what, where, todo
        super().__init__((f"{where}: " if where else "") + what + (f"; {todo}" if todo else ""))

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return (_rebuild, (type(self), self.what, self.where, self.todo))

    def as_json(self) -> str:
        """The error as text for another process; `OverreadError.from_json` makes it again."""
        return json.dumps([type(self).__name__, self.what, self.where, self.todo])

    @staticmethod
    def from_json(text: str, *, otherwise: type[OverreadError]) -> OverreadError:
        """The error that another process told of.

        Args:
            text: What `as_json` gave.
            otherwise: Its kind where the name is none of this module's, and for a `DecodeError`: one image
                is a reject, so that what ended a process must have been more.
        """
        name, what, where, todo = json.loads(text)
        kind = globals().get(name)
        if isinstance(kind, type) and issubclass(kind, OverreadError) and kind is not DecodeError:
            return kind(what, where=where, todo=todo)
        return otherwise(what, where=where, todo=todo)


def _rebuild(kind: type[OverreadError], what: str, where: str | None, todo: str | None) -> OverreadError:
    return kind(what, where=where, todo=todo)


class UsageError(OverreadError):
    """The command or a function was called with arguments that cannot be right."""

    exit_code = 2


class StudyError(OverreadError):
    """A study file has an unknown key, or a value that cannot be right."""

    exit_code = 2


class CohortError(OverreadError):
    """A source cannot become a cohort, or a cohort on disk is not whole."""


class EngineError(OverreadError):
    """A stage could not be run to its end."""


class BackboneError(OverreadError):
    """A backbone or its weights could not be had, or do not fit each other."""


class TrainingError(OverreadError):
    """The cohort or the settings do not allow this training."""


class EvaluationError(OverreadError):
    """The readings do not allow this evaluation."""


class TrackingError(OverreadError):
    """A run could not be written down, or what was written down could not be read."""


class BundleError(OverreadError):
    """A bundle is missing a file, was changed, or does not do what it says."""


class DecodeError(OverreadError):
    """One input could not be read as an image; it becomes a reject.

    Args:
        reason: The machine-readable reason.
        what: The sentence beside it.
        where: The image concerned.
        todo: What the user can do about it.
    """

    def __init__(
        self, reason: RejectReason, what: str, *, where: str | None = None, todo: str | None = None
    ) -> None:
        self.reason = reason
        super().__init__(what, where=where, todo=todo)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_decode, (self.reason, self.what, self.where, self.todo))


def _rebuild_decode(reason: RejectReason, what: str, where: str | None, todo: str | None) -> DecodeError:
    return DecodeError(reason, what, where=where, todo=todo)
