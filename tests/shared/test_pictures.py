"""What is shown of a file that was sent, and that no file at all can do harm."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shared import pictures
from shared.attachments import JPEG, PDF, PNG, WEBP

SECRET = b"GPS 67.28 N 14.40 E Olav Testesen"


def photo(
    width: int = 640, height: int = 480, form: str = "JPEG", *, mode: str = "RGB", turn: int = 0
) -> bytes:
    """Red to the left, blue to the right."""
    image = Image.new(mode, (width, height), "blue" if mode != "L" else 200)
    if mode == "RGB":
        image.paste("red", (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    if turn:
        exif[0x0112] = turn
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    image.save(out, form, exif=exif)
    return out.getvalue()


def opened(file: bytes | None) -> Image.Image:
    assert file is not None
    return Image.open(io.BytesIO(file)).convert("RGB")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_shown_without_where_it_was_taken(form: str) -> None:
    file = photo(form=form)
    media_type = pictures.type_of(file)
    assert media_type == f"image/{form.lower()}"

    picture = pictures.read(file, media_type)

    assert SECRET in file
    assert (picture.width, picture.height) == (640, 480)
    for shown in (picture.shown, picture.thumbnail):
        assert shown is not None
        assert SECRET not in shown
        assert not Image.open(io.BytesIO(shown)).getexif()
    assert max(opened(picture.thumbnail).size) == pictures.THUMBNAIL


@pytest.mark.parametrize(
    ("turn", "size", "red"),
    [(1, (640, 480), "left"), (3, (640, 480), "right"), (6, (480, 640), "top"),
     (8, (480, 640), "bottom"), (5, (480, 640), "top"), (2, (640, 480), "right")],
)  # fmt: skip
def test_a_photo_is_held_upright(turn: int, size: tuple[int, int], red: str) -> None:
    picture = pictures.read(photo(turn=turn), JPEG)

    assert (picture.width, picture.height) == size
    shown = opened(picture.shown)
    width, height = shown.size
    place = {
        "left": (5, height // 2), "right": (width - 5, height // 2),
        "top": (width // 2, 5), "bottom": (width // 2, height - 5),
    }[red]  # fmt: skip
    pixel = shown.getpixel(place)
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200 > 100 > pixel[2]


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colours_are_painted_too(mode: str) -> None:
    assert opened(pictures.read(photo(mode=mode), JPEG).shown).mode == "RGB"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "1"])
def test_what_is_transparent_is_white(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (32, 32), 0).save(out, "PNG")
    picture = pictures.read(out.getvalue(), PNG)
    if mode in ("RGBA", "LA"):
        assert opened(picture.shown).getpixel((3, 3)) == (255, 255, 255)


def test_a_colour_profile_is_kept_because_redness_counts() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "JPEG", icc_profile=profile)
    shown = pictures.read(out.getvalue(), JPEG).shown
    assert Image.open(io.BytesIO(shown)).info["icc_profile"] == profile


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(30_000, 30_000), (50_001, 1_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_never_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(pictures.TooManyPixels):
        pictures.read(bomb(*size), PNG)


def test_a_webp_says_its_size_before_its_decoder_makes_room_for_it() -> None:
    head = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xfe\x3f\x00\xfe\x3f\x00"
    with pytest.raises(pictures.TooManyPixels):
        pictures.read(b"RIFF" + struct.pack("<I", 30) + b"WEBP" + head, WEBP)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_photo_that_broke_off_is_not_shown_in_part(form: str, share: float) -> None:
    file = photo(form=form)
    with pytest.raises(pictures.CannotBeRead):
        pictures.read(file[: int(len(file) * share)], f"image/{form.lower()}")


def test_a_photo_with_a_second_file_behind_it_is_shown_without_it() -> None:
    file = photo() + b"PK\x03\x04<script>alert(1)</script>"
    picture = pictures.read(file, JPEG)
    assert b"script" not in picture.shown
    assert b"PK\x03\x04" not in picture.shown


def test_a_document_is_what_begins_and_ends_as_one() -> None:
    document = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\nstartxref\n0\n%%EOF\n"
    assert pictures.read(document, PDF).shown == document
    for broken in (document[:-8], b"%PDF-x" + document, b"%PDF-1.4"):
        with pytest.raises(pictures.CannotBeRead):
            pictures.read(broken, PDF)


@pytest.mark.parametrize(
    "file",
    [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"BM", b"PK\x03\x04",
     b"\x00\x00\x00\x18ftypheic", b" %PDF-1.4", b"II*\x00", b"{}", bytes(100)],
)  # fmt: skip
def test_what_is_no_photo_and_no_document_is_not_taken(file: bytes) -> None:
    assert pictures.type_of(file) is None


FORMS = {media_type: photo(48, 32, form) for media_type, form in pictures.PHOTOS.items()}


@settings(max_examples=300, deadline=None)
@given(media_type=st.sampled_from([*FORMS, PDF]), data=st.data())
def test_no_bytes_at_all_do_harm(media_type: str, data: st.DataObject) -> None:
    whole = FORMS.get(media_type, b"%PDF-1.4\n%%EOF")
    file = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 12))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    file += data.draw(st.binary(max_size=64))
    try:
        picture = pictures.read(bytes(file), media_type)
    except (pictures.CannotBeRead, pictures.TooManyPixels):
        return
    assert picture.shown
