"""What the load consists of: bodies as templates, so that a reading costs one formatting.

About 230 bytes each, as a home scale or (red) a cuff sends them. A template takes the reading's
number and its moment.
"""

import time

WIDTH = 7
"Digits of a number: every body of a template is equally long."


def scale(mark: str, weight: str) -> bytes:
    """A weight. Near the patient's own dry weight it raises nothing, as most readings do."""
    return _reading(mark, f'"body_weight","values":{{"value":{{"value":{weight},"unit":"kg"}}}}')


def cuff(mark: str) -> bytes:
    """A blood pressure so low that it raises a red whatever was measured before."""
    return _reading(mark, '"blood_pressure","values":{"systolic":70,"diastolic":40}')


def _reading(mark: str, measured: str) -> bytes:
    return (
        f'{{"v":1,"id":"{name(mark)}%07d","at":"%b","kind":{measured},"device":'
        '{"manufacturer":"Bench","model":"Scale","serial":"1","clock":"synced"}}'
    ).encode()


def name(mark: str) -> str:
    """What the message ids of one run begin with."""
    return f"bench-{mark}-"


class Clock:
    """Moments as a body writes them; the part down to the second is made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def text(self, at: float) -> bytes:
        second = int(at)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%06dZ" % (self._text, (at - second) * 1e6)


def filled(body: bytes) -> bytes:
    """Some reading of a template, to know how long they are."""
    return body % (0, Clock().text(0.0))
