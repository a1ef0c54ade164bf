"""Run by LocalStack when it starts: functions' containers become containers of this compose project.

They get the labels that `docker compose run` gives. By these, `docker compose down --remove-orphans` finds
those that a killed LocalStack left behind. docker-compose.yml cannot give them, because docker-compose 1.29
knows the project's name there only where COMPOSE_PROJECT_NAME is set.

https://docs.localstack.cloud/references/init-hooks/
"""

import importlib
import socket
from typing import Any

import docker

PROJECT = "com.docker.compose.project"

labels = docker.from_env().containers.get(socket.gethostname()).labels
config: Any = importlib.import_module("localstack.config")
if PROJECT in labels:
    as_of_run = {
        PROJECT: labels[PROJECT],
        "com.docker.compose.service": labels["com.docker.compose.service"],
        "com.docker.compose.oneoff": "True",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.config-hash": "function",
    }
    flags = [f"--label {name}={value}" for name, value in as_of_run.items()]
    config.LAMBDA_DOCKER_FLAGS = " ".join([config.LAMBDA_DOCKER_FLAGS, *flags]).strip()
