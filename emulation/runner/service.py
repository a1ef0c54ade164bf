"""Keeps every deployed Kinesis mapping running. One mapping's trouble does not touch the others."""

import logging
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulation.errors import MappingInvalid
from emulation.runner.checkpoints import CheckpointFolder
from emulation.runner.clients import Clients, Listed
from emulation.runner.mapping_runner import MappingRunner
from emulation.runner.status import problem

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 1.0
STOP_SECONDS = 4.0  # less than the guard waits before SIGKILL


class Runner:
    """Drives the mappings of one account and region as they are deployed."""

    def __init__(self, session: Any, checkpoints: CheckpointFolder) -> None:  # noqa: ANN401 - a boto3 session
        self._clients = Clients(session)
        self._checkpoints = checkpoints
        self._runners: dict[str, MappingRunner] = {}
        self._complaints: set[tuple[str, str]] = set()
        self._woken = threading.Event()
        self._stopped = False

    def run(self) -> None:
        """Follow what is deployed until ``stop`` is called, then let running invocations end."""
        while not self._stopped:
            try:
                self.reconcile()
            except (ClientError, BotoCoreError) as error:
                logger.warning("The deployed mappings cannot be read: %s", error)
            self._clients.metrics.publish()
            # This wakes at a moment at which idle shards are read as well: see next_idle_poll.
            self._woken.wait(RECONCILE_SECONDS - time.time() % RECONCILE_SECONDS)
            self._woken.clear()
        for runner in self._runners.values():
            runner.stop()
        for runner in self._runners.values():
            runner.join(STOP_SECONDS / len(self._runners))
        self._clients.metrics.publish()

    def stop(self) -> None:
        """Make ``run`` return. A signal handler may call this."""
        self._stopped = True
        self._woken.set()

    def reconcile(self) -> None:
        """Follow what is deployed now: end what is gone, and drive all the rest."""
        deployed = {listed.uuid: listed for listed in self._clients.list_mappings()}
        for uuid in [uuid for uuid in self._runners if uuid not in deployed]:
            self._runners.pop(uuid).stop()
            self._checkpoints.forget(uuid)
        for listed in deployed.values():
            result = self._follow(listed)
            if result is not None and result != listed.last_result:
                self._clients.show_result(listed, result)

    def _follow(self, listed: Listed) -> str | None:
        """Drive one mapping and return its LastProcessingResult, or None to leave that as it is."""
        try:
            return self._drive(listed)
        except MappingInvalid as error:
            self._complain(listed.uuid, problem(error))
            if listed.uuid in self._runners:
                self._runners[listed.uuid].stop()  # its place is kept until it is repaired
            return problem(error)
        except (ClientError, BotoCoreError) as error:  # its stream or function is gone
            self._complain(listed.uuid, problem(error))
            return problem(error)
        except Exception as error:
            logger.exception("A defect in the runner: mapping %s cannot be driven", listed.uuid)
            return problem(error)

    def _drive(self, listed: Listed) -> str | None:
        mapping = listed.mapping()
        runner = self._runners.get(listed.uuid)
        if runner is None:
            runner = self._runners[listed.uuid] = MappingRunner(
                self._clients, mapping, self._checkpoints, self._woken.set
            )
        if runner.mapping != mapping:
            runner.configure(mapping)
        if not mapping.enabled:
            return None
        runner.refresh()
        return runner.status.text

    def _complain(self, uuid: str, message: str) -> None:
        if (uuid, message) not in self._complaints:
            self._complaints.add((uuid, message))
            logger.error("Mapping %s cannot be driven: %s", uuid, message)
