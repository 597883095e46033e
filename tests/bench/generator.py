"""Load from a process of its own: `python -m tests.bench.generator`, the plan as JSON on stdin.

Prints one JSON line when all is sent and answered, with what the generator itself used of a core.
"""

import gc
import json
import sys
from dataclasses import asdict

import uvloop

from tests.bench import http_load, mqtt_load
from tests.bench.load import Plan

LOADS = {
    "http": http_load.post,
    "floor": http_load.post,
    "mqtt": mqtt_load.publish,
    "fan-through": mqtt_load.fan_through,
    "fan-through-paho": mqtt_load.fan_through_paho,
}


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    gc.disable()  # a short life; a pause of ours would be read as one of the platform
    done = uvloop.run(LOADS[plan.what](plan))
    sys.stdout.write(json.dumps(asdict(done)) + "\n")


if __name__ == "__main__":
    main()
