"""Readings over MQTT at QoS 1: into the platform, or through a broker to a subscriber."""

import asyncio
import sys
import time
from urllib.parse import unquote, urlsplit

from tests.bench import mqtt_client, readings
from tests.bench.load import Done, Plan, User, Watch
from tests.bench.mqtt_client import PACKET_IDS

PATIENCE = 10.0
"Seconds without any answer after which what is missing counts as not answered."


class Load:
    """Readings with ascending numbers, each once, and which of them have their receipt."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sent = 0
        self.known = 0
        self.receipts = bytearray(plan.count)
        self.clock = readings.Clock()
        self.finished = asyncio.Event()
        self.watch = Watch()
        self._name = readings.name(plan.mark).encode()

    def receipt(self, data: bytes, begin: int, end: int) -> None:
        at = data.find(self._name, begin, end) + len(self._name)
        number = int(data[at : at + readings.WIDTH])
        good = data.find(b'"result":"stored"', at, end) > 0
        if not self.receipts[number] and (good or b'"result":"duplicate"' in data[at:end]):
            self.receipts[number] = 1
            self.count_one()

    def count_one(self) -> None:
        self.count(self.known + 1)

    def count(self, known: int) -> None:
        self.known = known
        if known == self.plan.count:
            self.finished.set()

    async def wait(self) -> None:
        """Until everything is answered, or nothing has been for long."""
        known = -1
        while known < self.known and not self.finished.is_set():
            known = self.known
            try:
                await asyncio.wait_for(self.finished.wait(), PATIENCE)
            except TimeoutError:
                continue
        self.watch.lap()


class Device:
    """One publisher: keeps up to WINDOW readings without an answer, and writes by the handful."""

    WINDOW, HANDFUL = 20, 10

    def __init__(self, load: Load, user: User, *, receipts: bool) -> None:
        plan = load.plan
        self.cred, self.secret, weight = user
        self._load = load
        self._receipts = receipts
        self._sent = 0
        self._answered = 0
        self.client = mqtt_client.Client(self._received)
        topic = f"hjv/1/{plan.org}/{self.cred}/obs"
        self._plain, self._red = (
            mqtt_client.publish(topic, body, len(readings.filled(body)))
            for body in (readings.scale(plan.mark, weight), readings.cuff(plan.mark))
        )

    async def open(self) -> None:
        plan = self._load.plan
        await self.client.open(plan.url, self.cred, (self.cred, self.secret))
        if self._receipts:
            await self.client.subscribe(f"hjv/1/{plan.org}/{self.cred}/ack")

    def _received(self, data: bytes, begin: int, end: int) -> None:
        self._answered += 1
        self._load.receipt(data, begin, end)

    def start(self) -> None:
        """Once all are subscribed: a receipt that nobody has asked for does not come."""
        self.client.settled = self.fill
        self.fill()
        self.client.flush()

    def fill(self) -> None:
        answered = self._answered if self._receipts else self.client.acknowledged
        free = self.WINDOW - (self._sent - answered)
        if free >= self.HANDFUL:
            for _ in range(min(free, self._load.plan.count - self._load.sent)):
                self.put()

    def put(self) -> None:
        load = self._load
        number = load.sent
        every = load.plan.red_every
        template = self._red if every and number % every == 0 else self._plain
        load.sent = number + 1
        self._sent += 1
        packet_id = PACKET_IDS[self._sent % 65_535 + 1]
        self.client.put(template % (packet_id, number, load.clock.text(time.time())))

    def send(self) -> None:
        self.put()
        self.client.flush()


async def publish(plan: Plan) -> Done:
    """Readings at QoS 1 into the platform; a reading is answered by its receipt."""
    load = Load(plan)
    devices = [Device(load, user, receipts=True) for user in plan.users]
    await asyncio.gather(*(device.open() for device in devices))
    await _publish(load, devices)
    missing = [number for number, known in enumerate(load.receipts) if not known]
    return load.watch.done(load.sent, load.known, missing=missing)


async def fan_through(plan: Plan) -> Done:
    """The broker's floor: the same publishers, and one subscriber that only acknowledges. Its
    session is kept by the broker, as ingest's is."""
    load = Load(plan)
    address = urlsplit(plan.inner)
    subscriber = mqtt_client.Client(lambda *_: load.count_one())
    user = unquote(address.username or ""), unquote(address.password or "")
    await subscriber.open(plan.inner, "floor", user, is_kept=True)
    await subscriber.subscribe(f"hjv/1/{plan.org}/+/obs")
    return await _through(plan, load)


async def fan_through_paho(plan: Plan) -> Done:
    """The same with paho as it is as the subscriber, in a process of its own."""
    load = Load(plan)
    command = (sys.executable, "-m", "tests.bench.paho_subscriber", plan.inner,
               f"hjv/1/{plan.org}/+/obs", str(plan.count))  # fmt: skip
    paho = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert paho.stdout is not None
    if not await paho.stdout.readline():
        raise mqtt_client.Refused

    async def count(output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            load.count(int(line))

    counting = asyncio.create_task(count(paho.stdout))
    done = await _through(plan, load)
    if paho.returncode is None:
        paho.terminate()
    await counting
    await paho.wait()
    return done


async def _through(plan: Plan, load: Load) -> Done:
    devices = [Device(load, user, receipts=False) for user in plan.users]
    await asyncio.gather(*(device.open() for device in devices))
    await _publish(load, devices)
    return load.watch.done(load.sent, load.known)


async def _publish(load: Load, devices: list[Device]) -> None:
    load.watch = Watch()
    if load.plan.rate:
        await _paced(load, devices)
    else:
        for device in devices:
            device.start()
    await load.wait()
    for device in devices:
        device.client.close()


async def _paced(load: Load, devices: list[Device]) -> None:
    """Never held up by answers that are late: that would hide the worst of the latencies."""
    plan = load.plan
    began = time.perf_counter()
    while load.sent < plan.count:
        await asyncio.sleep(max(0.001, began + load.sent / plan.rate - time.perf_counter()))
        due = int((time.perf_counter() - began) * plan.rate) + 1
        while load.sent < min(due, plan.count):
            devices[load.sent % len(devices)].send()
