"""Bodies that a client has compressed."""

from __future__ import annotations

import zlib

from fastapi import HTTPException

GZIP = zlib.MAX_WBITS | 16
NAMES = {b"gzip", b"x-gzip"}


class Gunzip:
    """Decompresses one body, piece by piece, and holds no more of it than `most` bytes and one."""

    def __init__(self, most: int) -> None:
        self._decoder, self._left, self._begun = zlib.decompressobj(GZIP), most + 1, False

    def piece(self, data: bytes, is_last: bool) -> bytes:
        """What this piece adds to the body; at most one byte more than allowed, and then no more.

        Raises HTTPException 400 where it is not gzip, is cut off, or has something behind it.
        """
        self._begun = self._begun or bool(data)
        try:
            plain = self._decoder.decompress(data, self._left) if self._left else b""
        except zlib.error:
            raise HTTPException(400, "Content-Encoding is gzip, and the body is not.") from None
        self._left -= len(plain)
        if self._left and self._decoder.unused_data:
            raise HTTPException(400, "The body has more than one member of gzip. Send one.")
        if self._left and is_last and self._begun and not self._decoder.eof:
            raise HTTPException(400, "The body is cut off: its gzip has no end.")
        return plain


def decoder(given: bytes, most: int) -> Gunzip | None:
    """What decodes a body whose Content-Encoding is given; None where it comes as it is.

    Raises HTTPException 415 for every encoding but gzip.
    """
    named = [part.strip() for part in given.lower().split(b",")]
    named = [part for part in named if part not in (b"", b"identity")]
    if not named:
        return None
    if len(named) == 1 and named[0] in NAMES:
        return Gunzip(most)
    shown = given.decode("latin-1").strip(",")[:80]
    sentence = f"Content-Encoding {shown!r} is refused. Allowed: gzip, once."
    raise HTTPException(415, sentence, {"Accept-Encoding": "gzip"})
