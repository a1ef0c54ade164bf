"""Functions' worker processes: their log is complete without a wait, and an update lets invocations end.

MiniStack waits 50 ms for the first line of log, and stops 5 ms after the last. So a function that writes
nothing answers late, and later lines end up in the log of the next invocation. That is why the worker marks
where an invocation's lines end.
"""

import queue
import time
from collections.abc import Sequence
from typing import Any, Final

from ministack.core import lambda_runtime  # type: ignore[import-untyped]  # MiniStack ships no types

MARK: Final = "\x00end of "
LONGEST_WAIT: Final = 0.25  # seconds, as in MiniStack; a worker that dies writes no mark
POLL: Final = 0.01

_LAST_LINES: Final = "        _real_stdout.flush()\n\nrun()\n"
_invoke = lambda_runtime.Worker.invoke
_kill_workers = lambda_runtime.kill_workers
_release_worker = lambda_runtime.release_worker
_drain = lambda_runtime.Worker._drain_stderr_bounded


def worker_script() -> str:
    """Return MiniStack's Python worker, changed to mark the end of an invocation's log before it answers."""
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_LAST_LINES) != 1:
        raise AttributeError(
            "MiniStack's Python worker no longer ends as emulation/corrections/workers.py expects"
        )
    mark = f'        sys.__stderr__.write({MARK!r} + str(_ms_ctx.get("request_id", "")) + "\\n")\n'
    return script.replace(_LAST_LINES, f"{mark}        sys.__stderr__.flush()\n{_LAST_LINES}")


def invoke(worker: Any, event: object, request_id: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - MiniStack's
    """Invoke the function, and remember for ``drain`` which invocation's lines to wait for."""
    worker.request_id = request_id  # a worker runs one invocation at a time
    try:
        response: dict[str, Any] = _invoke(worker, event, request_id, **more)
    except BaseException:
        worker.in_use = False  # MiniStack ends it instead of releasing it
        raise
    return response


def kill_workers(workers: Sequence[Any]) -> None:
    """End idle workers. The others end when their invocation has ended, as on Lambda.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    for worker in workers:
        worker.is_retired = worker.in_use
    _kill_workers([worker for worker in workers if not worker.in_use])


def release_worker(worker: Any) -> None:  # noqa: ANN401 - MiniStack's worker, or None
    """Give a worker back to its pool, or end it if an update has retired it."""
    _release_worker(worker)
    if getattr(worker, "is_retired", False):
        _kill_workers([worker])


def drain(worker: Any, **waits: float) -> str:  # noqa: ANN401 - MiniStack's worker
    """Return the lines of the invocation that has just ended."""
    if not str(worker.config.get("Runtime", "")).startswith("python"):
        log: str = _drain(worker, **waits)
        return log
    lines: list[str] = []
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        try:
            line = worker._stderr_queue.get(timeout=POLL)
        except queue.Empty:
            continue
        text, mark, request_id = line.partition(MARK)
        if text or not mark:
            lines.append(text)
        if mark and request_id == worker.request_id:
            break
    return "\n".join(lines)
