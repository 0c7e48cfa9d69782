"""Values of tensors as bytes, little-endian, as the protocol's binary extension has them.

BYTES is each text as UTF-8 after its length in four bytes.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from mlops_loop.inference.errors import BodyUnreadable

_LENGTH = struct.Struct("<I")
_KINDS = {"BOOL": "?", "FP": "<f", "UINT": "<u", "INT": "<i"}


def read(datatype: str, data: memoryview) -> list[Any]:
    """Bytes -> values; raises BodyUnreadable where they are no values of this type."""
    if datatype == "BYTES":
        return _texts(data)
    dtype = _dtype(datatype)
    if len(data) % dtype.itemsize:
        raise BodyUnreadable(f"{len(data)} bytes are no whole number of {datatype} values.")
    return np.frombuffer(data, dtype).tolist()


def write(datatype: str, values: list[Any]) -> bytes:
    """Values, nested or not -> bytes."""
    if datatype != "BYTES":
        return np.array(values, _dtype(datatype)).tobytes()
    texts = [text.encode() for text in values]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))


def _dtype(datatype: str) -> np.dtype[Any]:
    """Of BOOL, or of a kind with its number of bits."""
    kind = datatype.rstrip("0123456789")
    bits = datatype[len(kind) :]
    return np.dtype(_KINDS[kind] + (str(int(bits) // 8) if bits else ""))


def _texts(data: memoryview) -> list[str]:
    texts, at = [], 0
    while at < len(data):
        if len(data) < at + 4:
            raise BodyUnreadable("A BYTES tensor ends within the length of a text.")
        start = at + 4
        at = start + _LENGTH.unpack_from(data, at)[0]
        if at > len(data):
            raise BodyUnreadable("A BYTES tensor ends within a text.")
        texts.append(_text(data[start:at]))
    return texts


def _text(data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise BodyUnreadable(f"A text of a BYTES tensor is not UTF-8: {error.reason}.") from None
