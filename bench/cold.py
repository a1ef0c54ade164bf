"""What the first invocation of an execution environment costs, step by step, each in a new process."""

import json
import os
import subprocess
import sys
from typing import Final

from bench.measure import Spread
from bench.results import Row
from bench.server import BenchDatabase, new_target, server
from bench.workload import Workload

ROUNDS: Final = 9

# In a process of its own, as in a new execution environment; the login is given, not read from a secret.
SCRIPT: Final = """
import json, sys, time
steps = {}
last = time.perf_counter()
def step(name):
    global last
    now = time.perf_counter()
    steps[name] = (now - last) * 1000
    last = now
dsn, event = json.load(sys.stdin)
step("reading the event")
import processor.handler as handler
from processor import environment
step("importing the handler")
from bench.contenders import Handler, quiet
from bench.server import BenchDatabase
from processor.storage.secret import Login
from processor.storage.connection import Deadline
target = BenchDatabase(Login(**dsn), "")
it = Handler(target)
async def nothing(session):
    return None
with quiet():
    step("-")
    environment.LOOP.run(it.database.run(nothing, Deadline(60)))
    step("first connection")
    it.run(event[0])
    step("first batch of 100")
    it.run(event[1])
    step("second batch of 100")
from processor.storage import secret
step("-")
secret._client()
step("loading botocore and its Secrets Manager client")
del steps["-"]
json.dump(steps, sys.stdout)
"""


def measure() -> list[Row]:
    """Return a row for each step."""
    with server() as postgres:
        target = new_target(postgres)
        rounds = [_round(target) for _ in range(ROUNDS)]
    return [
        {"step": name, "milliseconds": Spread.of([one[name] for one in rounds]).rounded(1)}
        for name in rounds[0]
    ]


def _round(target: BenchDatabase) -> dict[str, float]:
    login = target.processor
    names = ("host", "port", "username", "password", "dbname")
    work = Workload("with event_id")
    given = [{name: getattr(login, name) for name in names}, [work.batch(100).event, work.batch(100).event]]
    answer = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(given),
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    steps: dict[str, float] = json.loads(answer.stdout)
    return steps
