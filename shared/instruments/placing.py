"""Where a fault stands: the file of a form and the line that a sentence about it means."""

import re

# What a sentence names -> the key that bears it, the narrower first.
_LINK = re.compile(r"\b(?:question|linkId) ([\w.-]+)|has no question ([\w.-]+?)\.$")
_CODE = re.compile(r"\banswer ([\w.-]+)| offers ([\w.-]+), which")
_KEYS = (
    (re.compile(r"^the url must be "), "url"),
    (re.compile(r"^the status must be "), "status"),
    (re.compile(r" is no instrument\.$"), "id"),
    (re.compile(r"^this is no FHIR Questionnaire"), "resourceType"),
)


def placed(name: str, text: str, sentence: str) -> str:
    """The sentence with the file it is about before it, and the line where there is one."""
    line = _line(text.splitlines(), sentence)
    place = f"{name}, line {line}" if line else name
    return f"{place}: {sentence}"


def unreadable(name: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{name}: the file is missing."
    if isinstance(error, UnicodeDecodeError):
        return f"{name}: the file is not UTF-8 text."
    said = str(error)
    found = re.search(r": line (\d+) column \d+(?: \(char \d+\))?", said)
    if found is None:
        return f"{name}: {said}."
    return f"{name}, line {found[1]}: {said[: found.start()]}."


def _line(lines: list[str], sentence: str) -> int | None:
    if (link := _LINK.search(sentence)) is not None:
        start = _bearing(lines, "linkId", link[1] or link[2], last=sentence.endswith("twice."))
        if start is not None and (code := _CODE.search(sentence)) is not None:
            end = _bearing(lines, "linkId", None, after=start) or len(lines) + 1
            own = _bearing(lines, "code", code[1] or code[2], after=start)
            return own if own is not None and own < end else start
        return start
    for pattern, key in _KEYS:
        if pattern.search(sentence):
            return _bearing(lines, key, None)
    return None


def _bearing(
    lines: list[str], key: str, value: str | None, *, after: int = 0, last: bool = False
) -> int | None:
    """The first line (or the last) behind `after` that gives the key this value, or any."""
    wanted = re.escape(value) if value is not None else '[^"]*'
    bears = re.compile(rf'"{key}"\s*:\s*"{wanted}"')
    found = [n for n, line in enumerate(lines, 1) if n > after and bears.search(line)]
    return found[-1 if last else 0] if found else None
