"""Where a fault stands: the file of a programme's folder, and the line, that a sentence means."""

import re
from pathlib import Path

# What a sentence names -> the file it is written in, and the key that bears its name.
SUBJECTS = (
    (re.compile(r"case “([^”]+)”"), "cases.toml", "name"),
    (re.compile(r"(?<!no )rule ([\w-]+)"), "rules.toml", "id"),
    (re.compile(r"^rule\.([\w-]+)"), "rules.toml", "id"),
    (re.compile(r"input ([\w-]+)"), "rules.toml", "name"),
    (re.compile(r"^input\.([\w-]+)"), "rules.toml", "name"),
    (re.compile(r"plan item ([\w-]+)"), "programme.toml", "id"),
    (re.compile(r"^plan\.([\w-]+)"), "programme.toml", "id"),
    (re.compile(r"limit ([\w-]+)"), "programme.toml", "name"),
    (re.compile(r"^limit\.([\w-]+)"), "programme.toml", "name"),
)
# What is said of the programme as a whole -> the key in programme.toml.
WHOLE = (
    (re.compile(r"^the slug is "), "slug"),
    (re.compile(r"^no source is named"), "sources"),
    (re.compile(r" is no instrument\.$"), "instruments"),
    (re.compile(r"^what is undecided is about"), "about"),
    (re.compile(r"^([a-z_]+)(?:\.\S+)?: "), None),
)


def placed(folder: Path, sentence: str) -> str:
    """The sentence with the file it is about before it, and the line where there is one."""
    name, line = _where(folder, sentence)
    file = f"{folder.name}/{name}" if name else folder.name
    place = f"{file}, line {line}" if line else file
    return f"{place}: {sentence.removeprefix(f'{name}: ')}"


def unreadable(path: Path, error: Exception) -> str:
    """A file that cannot be read at all, in a sentence."""
    file = f"{path.parent.name}/{path.name}"
    if isinstance(error, FileNotFoundError):
        return f"{file}: the file is missing."
    if isinstance(error, UnicodeDecodeError):
        return f"{file}: the file is not UTF-8 text."
    said = str(error)
    found = re.search(r"(?: \(at |: )?line (\d+),? column (\d+)(?: \(char \d+\)|\))?", said)
    if found is None:
        return f"{file}: {said}."
    return f"{file}, line {found[1]}: {said[: found.start()]}."


def _where(folder: Path, sentence: str) -> tuple[str, int | None]:
    if sentence.startswith("cases.toml"):
        return "cases.toml", None
    for pattern, file, key in SUBJECTS:
        if (match := pattern.search(sentence)) is not None:
            return file, _line(_text(folder / file), key, match[1], sentence)
    for path in sorted(folder.glob("*.questionnaire.json")):
        form = re.search(r'"id"\s*:\s*"([^"]+)"', _text(path))
        if form is not None and re.search(rf"\b{re.escape(form[1])}\b", sentence):
            return path.name, None
    for whole, key_of in WHOLE:
        if (match := whole.search(sentence)) is not None:
            key = key_of or match[1]
            return "programme.toml", _key(_text(folder / "programme.toml").splitlines(), key)
    return "", None


def _line(text: str, key: str, name: str, sentence: str) -> int | None:
    """The line of what the sentence says about the one of this name, or else of the name."""
    lines = text.splitlines()
    bears = re.compile(rf'\s*{key}\s*=\s*"{re.escape(name)}"')
    named = [number for number, line in enumerate(lines, 1) if bears.match(line)]
    if not named:
        return None
    # Of two that have the same name the second is one too many.
    at = named[-1] if sentence.endswith("twice.") else named[0]
    start = max((n for n in range(1, at + 1) if lines[n - 1].startswith("[[")), default=1)
    end = next((n for n in range(at, len(lines)) if lines[n].startswith("[[")), len(lines))
    return start + _key_in(lines[start:end], _words(sentence, name), at - start)


def _key_in(block: list[str], words: list[str], otherwise: int) -> int:
    """The line of the first key that is there, or of the one within the table it opens."""
    for place, word in enumerate(words):
        if (found := _key(block, word)) is not None:
            is_table = block[found - 1].startswith("[")
            inner = _key_in(block[found:], words[place + 1 :], 0) if is_table else 0
            return found + inner
    return otherwise


def _words(sentence: str, name: str) -> list[str]:
    """The keys a sentence speaks of: rule.hd-1.limit.above, or the text says.nb of a rule."""
    path = sentence.partition(": ")[0] if re.match(r"\w+\.", sentence) else ""
    text = re.search(r"text (\w+)\.(\w+)", sentence)
    words = path.partition(name)[2].strip(".").split(".") + ([*text.groups()] if text else [])
    return [word for word in words if word and not word.isdigit()]


def _key(lines: list[str], key: str) -> int | None:
    begins = re.compile(rf"\s*{re.escape(key)}\s*=|\[\w+\.{re.escape(key)}\]")
    return next((number for number, line in enumerate(lines, 1) if begins.match(line)), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
