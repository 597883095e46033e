"""What a sent file is, found in its bytes and never in its name; and the picture shown of it.

A photo is decoded whole and painted anew: where it was taken, who took it and what was hidden
behind it stay in the original, which nobody is shown. How many pixels it has is read before any of
them is decoded, so a small file cannot fill the memory.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from shared.attachments import JPEG, PDF, PNG, WEBP

MOST_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 50_000_000  # a telephone of today; about 200 MB while it is decoded
NARROWEST = 8  # pixels
SHOWN = 4096  # pixels on the longer side
THUMBNAIL = 480

PHOTOS: Mapping[str, str] = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}  # as the decoders are called

_ORIENTATION = 0x0112  # of EXIF: how the camera was held
_TURNS: Mapping[int, tuple[Image.Transpose, ...]] = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
_PROFILE = 64 * 1024  # bytes: a colour profile, kept so that redness stays as red as it was


class CannotBeRead(ValueError):
    """It begins as a file of its type and cannot be read to its end"""


class TooManyPixels(ValueError):
    """The picture is larger than any camera makes"""


@dataclass(frozen=True, slots=True)
class Picture:
    """What may be shown. Of a document the file itself, without a size or a thumbnail."""

    media_type: str  # of what is shown
    shown: bytes
    thumbnail: bytes | None = None
    width: int | None = None  # of what was sent, held upright
    height: int | None = None


def type_of(file: bytes) -> str | None:
    """The media type by the first bytes, if it is one that is taken."""
    if file.startswith(b"\xff\xd8\xff"):
        return JPEG
    if file.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if file[:4] == b"RIFF" and file[8:12] == b"WEBP":
        return WEBP
    if file.startswith(b"%PDF-"):
        return PDF
    return None


def read(file: bytes, media_type: str) -> Picture:
    """What may be shown of a file of that type. Raises CannotBeRead, TooManyPixels."""
    if media_type == PDF:
        return _document(file)
    if media_type == WEBP and _pixels_of_webp(file) > MOST_PIXELS:
        raise TooManyPixels  # its decoder makes room for the whole when it opens the file
    try:
        return _painted(file, PHOTOS[media_type])
    except (CannotBeRead, TooManyPixels):
        raise
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixels from None
    except Exception:  # every decoder fails in ways of its own, all of which are the file's
        raise CannotBeRead from None


def _document(file: bytes) -> Picture:
    head, tail = file[:8], file[-1024:]
    if head[5:7] not in (b"1.", b"2.") or b"%%EOF" not in tail:
        raise CannotBeRead
    return Picture(PDF, file)


def _pixels_of_webp(file: bytes) -> int:
    """By its first chunk, of which there are three sorts; 0 for a file too short to have one."""
    if len(file) < 30:
        return 0
    match file[12:16]:
        case b"VP8X":
            width = int.from_bytes(file[24:27], "little") + 1
            height = int.from_bytes(file[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(file[21:25], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            width = int.from_bytes(file[26:28], "little") & 0x3FFF
            height = int.from_bytes(file[28:30], "little") & 0x3FFF
    return width * height


def _painted(file: bytes, form: str) -> Picture:
    with Image.open(io.BytesIO(file), formats=[form]) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise TooManyPixels
        if min(width, height) < NARROWEST:
            raise CannotBeRead
        turn = _turn(image)
        profile = image.info.get("icc_profile")
        image.load()
        plain = _on_white(image)
    plain.thumbnail((SHOWN, SHOWN), Image.Resampling.LANCZOS)
    for one in turn:
        plain = plain.transpose(one)
        width, height = (height, width) if _lies(one) else (width, height)
    kept = profile if isinstance(profile, bytes) and len(profile) <= _PROFILE else None
    shown = _written(plain, 90, kept)
    plain.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return Picture(JPEG, shown, _written(plain, 80, kept), width, height)


def _turn(image: Image.Image) -> tuple[Image.Transpose, ...]:
    """How to hold it upright. A broken EXIF is no reason to refuse a photo of a wound."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1), ())
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error, Warning):
        return ()


def _lies(turn: Image.Transpose) -> bool:
    return turn not in (
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.ROTATE_180,
    )


def _on_white(image: Image.Image) -> Image.Image:
    """The pixels alone, as red, green and blue."""
    if image.mode in ("RGB", "L", "CMYK", "YCbCr", "1"):
        plain = Image.new("RGB", image.size)
        plain.paste(image.convert("RGB"))
        return plain
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("F").point(lambda grey: grey / 256).convert("L").convert("RGB")
    seen = image.convert("RGBA")
    plain = Image.new("RGB", image.size, "white")
    plain.paste(seen, mask=seen.getchannel("A"))
    return plain


def _written(image: Image.Image, quality: int, profile: bytes | None) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=False, icc_profile=profile)
    return out.getvalue()
