"""Bytes made from good ones: cut, turned over, doubled, mixed."""
from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

_PIECES = [b"", b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xd9",
           b"\xff\xda", b"\x80\0\0\0", b"PK\3\4", b"\r\n", b"A" * 300]


@st.composite
def damaged(draw: st.DrawFn, samples: Sequence[bytes], most: int = 6) -> bytes:
    """One of the samples, changed in up to `most` places, often near its start."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, most))):
        reach = draw(st.sampled_from([64, 700, len(data)]))
        at = draw(st.integers(0, max(0, min(reach, len(data)) - 1)))
        length = draw(st.sampled_from([1, 1, 2, 4, 64, 1000]))
        match draw(st.sampled_from(["flip", "set", "put", "cut", "double", "end", "mix"])):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "set":
                piece = draw(st.sampled_from(_PIECES))
                data[at:at + len(piece)] = piece
            case "put":
                data[at:at] = draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=40)))
            case "cut":
                del data[at:at + length]
            case "double":
                data[at:at] = data[at:at + length] * draw(st.integers(1, 50))
            case "end":
                del data[at:]
            case "mix":
                data[at:] = draw(st.sampled_from(samples))[at:]
    return bytes(data)
