"""The Docker engine that the container tests need, and the images that docker-compose.yml pins."""

import gc
import os
import re
import shutil
import subprocess
import warnings
from contextlib import closing
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config

ROOT = Path(__file__).resolve().parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
FUNCTION_IMAGE = "public.ecr.aws/lambda/python:3.13"  # LocalStack runs functions of this runtime in it


def images() -> dict[str, str]:
    """Return the images that docker-compose.yml names, with the tags that the environment asks for."""
    settings = re.sub(
        r"\$\{(\w+):-([^}]*)\}", lambda found: os.environ.get(found[1], found[2]), COMPOSE_FILE.read_text()
    )
    return dict(re.findall(r"^  (\w+):\n(?:    #.*\n)*    image: (\S+)$", settings, re.MULTILINE))


def localstack_environment() -> dict[str, str]:
    """Return what docker-compose.yml sets for LocalStack (values in quotes), and the token, if any."""
    fixed = re.findall(r'^      (\w+): "([^"]+)"', COMPOSE_FILE.read_text(), re.MULTILINE)
    assert "SHUTDOWN_TIMEOUT" in dict(fixed)
    return {**dict(fixed), "LOCALSTACK_AUTH_TOKEN": os.environ.get("LOCALSTACK_AUTH_TOKEN", "")}


def missing() -> str | None:
    """Pull missing images. Return why the container tests cannot run here, or None if they can."""
    if why := _no_answer():
        return why
    with closing(docker.from_env()) as client:
        for image in (*images().values(), FUNCTION_IMAGE):
            try:
                client.images.get(image)
            except ImageNotFound:
                try:
                    client.images.pull(image)
                except APIError as error:
                    return f"the image {image} is not here and cannot be pulled: {error}"
        # The reaper removes the containers of a killed run. A run that ends removes its own.
        testcontainers_config.ryuk_disabled |= not client.images.list(testcontainers_config.ryuk_image)
    return None


def _no_answer() -> str | None:
    why = None
    with warnings.catch_warnings():
        # docker's client does not close a socket that it could not connect.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            docker.from_env().close()
        except DockerException as error:
            why = f"no Docker engine answers: {error}"
        gc.collect()
    return why


def compose_missing() -> str | None:
    """Return why the test of docker-compose.yml cannot run here, or None if it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return None if plugin.returncode == 0 else "the docker command has no compose plugin"
