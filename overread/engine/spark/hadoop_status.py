"""Hadoop's answer about a folder, taken apart without asking its Java machine about every file again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_FOLDER = 1
_TYPE, _PATH, _LENGTH, _TIME = 1, 2, 3, 7
_VARINT, _EIGHT_BYTES, _COUNTED, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True)
class Status:
    """What a file system says of one file or folder.

    Attributes:
        path: Spelt by Hadoop, with scheme: "file:/data/a b.jpg", "s3a://bucket/a.jpg".
        is_folder: Whether it is a folder.
        size: Bytes of a file.
        modified: Milliseconds since 1970.
    """

    path: str
    is_folder: bool
    size: int
    modified: int

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]


def parse_statuses(written: bytes, count: int) -> list[Status]:
    """Read what `FileStatus.write` wrote, one after another.

    Each is its length as a big-endian int32 and then a message `FileStatusProto` (hadoop-common,
    FSProtos.proto: 1 fileType, 2 path, 3 length, 7 modification_time).

    Args:
        written: The bytes; behind the last status may stand what a buffer held otherwise.
        count: How many there are.

    Raises:
        ValueError: The bytes are no such thing.
    """
    found: list[Status] = []
    at = 0
    while len(found) < count:
        length = int.from_bytes(written[at : at + 4], "big")
        message = written[at + 4 : at + 4 + length]
        if len(message) < length or len(written) < at + 4:
            raise ValueError("a status ends early")
        fields = dict(_fields(message))
        path = fields.get(_PATH)
        if not isinstance(path, bytes):
            raise ValueError("a status has no path")
        numbers = {key: value for key, value in fields.items() if isinstance(value, int)}
        found.append(
            Status(
                path.decode("utf-8", "replace"),
                numbers.get(_TYPE) == _FOLDER,
                numbers.get(_LENGTH, 0),
                numbers.get(_TIME, 0),
            )
        )
        at += 4 + length
    return found


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number and value; a later one of the same number counts."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif kind == _COUNTED:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("a field ends early")
            yield number, message[at : at + length]
            at += length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field is of the unknown kind {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number ends early")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
