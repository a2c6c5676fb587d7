"""Changes to the bytes of sound files, drawn at random."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable, Sequence

HUGE = (0, 1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1)
WORDS = (
    *(b"-1", b"0", b"1e999", b"nan", b"inf", b"1_0", b"99999999999999999999", b"1" * 5000),
    *(b"null", b"true", b"[]", b"{}", b'"x"', b"", b"../../x", b"/etc/passwd", b"\x00"),
    b"\xc2\xb2",
    *(b"os.system", b"*a", b"&a [*a, *a]", b"!!python/object:os.system", b"O8", b"(10**12,)"),
)


def mutated(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """``content`` after one to four changes; an archive often within, its checksums mended."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if draw.random() < 0.6 and content[:2] == b"PK":
            content = _within_zip(content, others, draw)
        else:
            content = draw.choice(CHANGES)(content, others, draw)
    return content


def _within_zip(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(item.filename, archive.read(item)) for item in archive.infolist()]
    except Exception:
        members = []  # An earlier change broke it.
    if not members:
        return _flip(content, others, draw)
    number = draw.randrange(len(members))
    name, inside = members[number]
    match draw.randrange(8):
        case 0:
            members.pop(number)
        case 1:
            members.append((name, members[draw.randrange(len(members))][1]))
        case 2:
            members[number] = (draw.choice(("../../out", "/out", "a" * 300, "", name)), inside)
        case _:
            members[number] = (name, draw.choice(CHANGES)(inside, [m for _, m in members], draw))
    method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as changed:
        for each, raw in members:
            changed.writestr(each or "x", raw[: 2**24])
    return buffer.getvalue()


def _place(content: bytes, draw: random.Random) -> int:
    """Anywhere; one time in two within the first 200 bytes, where headers are."""
    most = max(1, len(content))
    return draw.randrange(min(most, 200) if draw.random() < 0.5 else most)


def _flip(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    copy = bytearray(content or b"\0")
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        copy[_place(copy, draw)] ^= 1 << draw.randrange(8)
    return bytes(copy)


def _set(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    copy = bytearray(content or b"\0")
    for _ in range(draw.choice((1, 2, 4))):
        copy[_place(copy, draw)] = draw.randrange(256)
    return bytes(copy)


def _number(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """A binary number becomes an edge of its type."""
    code = draw.choice(["<B", "<H", ">H", "<I", ">I", "<Q", ">Q"])
    raw = struct.pack(code, draw.choice(HUGE) % 2 ** (8 * struct.calcsize(code)))
    where = _place(content, draw)
    return content[:where] + raw + content[where + len(raw) :]


def _word(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """A number or name in text becomes another word."""
    found = list(re.finditer(rb"[\w.+-]+", content[:100_000]))
    if not found:
        return _set(content, others, draw)
    match = draw.choice(found)
    return content[: match.start()] + draw.choice(WORDS) + content[match.end() :]


def _cut(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _remove(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    first = _place(content, draw)
    return content[:first] + content[first + draw.choice((1, 2, 8, 64, 1024)) :]


def _repeat(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    first = _place(content, draw)
    part = content[first : first + draw.choice((1, 4, 16, 256))]
    return content[:first] + part * draw.choice((2, 3, 100)) + content[first:]


def _splice(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    other = draw.choice(others) if others else content
    return content[: _place(content, draw)] + other[_place(other, draw) :]


Change = Callable[[bytes, Sequence[bytes], random.Random], bytes]
CHANGES: tuple[Change, ...] = (
    *(_flip, _set, _number, _number, _word, _word, _cut, _remove, _repeat, _splice),
)
