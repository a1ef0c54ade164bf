"""Runs the mapping runner as a process: ``python -m emulation.runner --checkpoints FOLDER``.

Endpoint, region and credentials come from the environment, as for every AWS SDK.
"""

import argparse
import logging
import signal
from pathlib import Path

import boto3

from emulation.runner.checkpoints import CheckpointFolder
from emulation.runner.service import Runner


def main() -> None:
    """Run until SIGTERM or SIGINT, then let running invocations end."""
    parser = argparse.ArgumentParser(prog="python -m emulation.runner", description=__doc__)
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder; it is made if it is missing")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    runner = Runner(boto3.Session(), CheckpointFolder(options.checkpoints))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: runner.stop())
    runner.run()


if __name__ == "__main__":
    main()
