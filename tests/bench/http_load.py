"""Readings over HTTP: as fast as so many connections get their answers."""

import asyncio
import time

from tests.bench import http_client, readings
from tests.bench.load import Done, Plan, User, Watch

APART = 1_200.0
"Seconds between the readings of one body."


async def post(plan: Plan) -> Done:
    clock, sent, good = readings.Clock(), 0, 0
    taken: list[float] = []
    templates = [_request(plan, user) for user in plan.users]
    # What an application had to keep while it was away: almost a week of it, the last one now.
    back = [APART * (plan.size - place) for place in range(plan.size)]
    expected = plan.size if plan.what == "http" else 0
    stop = time.perf_counter() + plan.seconds

    def request() -> bytes | None:
        nonlocal sent
        if sent >= plan.count or time.perf_counter() >= stop:
            return None
        head, body = templates[sent % len(templates)]
        first = sent * plan.size
        sent += 1
        if plan.size == 1:
            return head + body % (first, clock.text(time.time()))
        now = time.time()
        parts = [body % (first + place, clock.text(now - ago)) for place, ago in enumerate(back)]
        return head + b"[" + b",".join(parts) + b"]"

    def answered(status: bytes, body: bytes, seconds: float) -> None:
        nonlocal good
        taken.append(seconds)
        if status in (b"200", b"201") and body.count(b'"result":"stored"') == expected:
            good += plan.size

    connections = await http_client.open_all(plan.url, plan.connections, request, answered)
    watch = Watch()
    for connection in connections:
        connection.start()
    await asyncio.wait([connection.closed for connection in connections], timeout=plan.seconds + 60)
    watch.lap()
    return watch.done(sent * plan.size, good, seconds=taken)


def _request(plan: Plan, user: User) -> tuple[bytes, bytes]:
    _, secret, weight = user
    body = readings.scale(plan.mark, weight)
    size = len(readings.filled(body)) * plan.size + (plan.size + 1 if plan.size > 1 else 0)
    return http_client.head(plan.url, secret, size), body
