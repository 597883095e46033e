"""A text as a QR code that a phone's camera reads."""

import importlib.util
import io


def svg(text: str) -> str | None:
    """One SVG element, black on white with its quiet zone; None where the library is missing."""
    if importlib.util.find_spec("segno") is None:
        return None
    import segno

    picture = io.BytesIO()
    segno.make_qr(text, error="m").save(
        picture, kind="svg", scale=8, border=4, dark="#000", light="#fff", xmldecl=False,
        svgns=True, nl=False,
        unit="px",  # with it comes the viewBox: shown smaller it is all there, and not cut off
    )  # fmt: skip
    return picture.getvalue().decode()
