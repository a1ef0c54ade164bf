"""Take the pictures of README and docs. They show a made-up school, which is the same on the same day.

Run it with: .venv/bin/uv run --frozen --group bench python -m tests.integration.browser.screenshots
"""

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from emulation.cloud import EmbeddedCloud
from processor.commands.course import ShowCourse
from processor.commands.follow_up import AddFollowUp
from processor.commands.overview import ShowOverview
from processor.commands.refresh import Refresh
from processor.commands.status import Status
from spm.aws.commands import Commands
from spm.aws.target import Connection
from spm.serving import beside
from spm.target import Target
from tests.engine import ROOT
from tests.integration.browser import chromium
from tests.support import deploy

PICTURES: Final = ROOT / "docs" / "pictures"
SUFFIX: Final = "pictures"
WIDTH, HEIGHT = 1200, 800
COLOURS: Final = 128
LARGEST: Final = 150_000  # bytes
WEEKS_BACK: Final = (6, 5, 4, 3, 2, 1, 0)


def main() -> None:
    """Deploy a cloud, fill it, and write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with EmbeddedCloud() as cloud:
        deployed = deploy(cloud, SUFFIX)
        cloud.start_runner()
        fill(deployed.commands, cloud.aws_environment())
        with beside(Connection(Target.EMBEDDED, deployed.aws, deployed.stack)) as address:
            take(address, *whom(deployed.commands))


def fill(commands: Commands, environment: Mapping[str, str]) -> None:
    """Import the school and evaluate its risk week by week, as it would have been over the term."""
    with tempfile.TemporaryDirectory() as temporary:
        school = Path(temporary) / "school"
        for arguments in (
            ["generate", str(school), "--students", "150", "--courses", "5", "--seed", "4"],
            ["roster", "import", str(school / "roster"), "--suffix", SUFFIX],
            ["publish", str(school / "events.jsonl"), "--suffix", SUFFIX],
        ):
            spm = str(Path(sys.executable).parent / "spm")
            subprocess.run([spm, *arguments], check=True, env={"PATH": "", **environment})
            if arguments[0] == "generate":
                add_a_moment_ago(school / "events.jsonl")
        events = len((school / "events.jsonl").read_text().splitlines())
    while commands.run(Status()).stored < events:
        time.sleep(1)
    for weeks in WEEKS_BACK:
        commands.run(Refresh(at=datetime.now(UTC) - timedelta(weeks=weeks)))


def add_a_moment_ago(events: Path) -> None:
    """Add an event of just now, because a term that ended at midnight would count as old data."""
    last = json.loads(events.read_text().splitlines()[-1])
    now = datetime.now(UTC).isoformat()
    event = {"student_id": last["student_id"], "event_type": "login", "timestamp": now}
    with events.open("a") as file:
        file.write(json.dumps(event | {"metadata": {"course": last["metadata"]["course"]}}) + "\n")


def whom(commands: Commands) -> tuple[str, str]:
    """Return the course in which most students need attention, and its first student after noting a talk."""
    first = max(commands.run(ShowOverview()).courses, key=lambda one: one.high)
    student = commands.run(ShowCourse(course=first.id)).attention[0].student
    note = "Called. Two pieces of work come on Friday; we talk again next Tuesday."
    commands.run(AddFollowUp(course=first.id, student=student, note=note))
    return first.id, student


def take(address: str, course: str, student: str) -> None:
    """Open each page in both colour schemes, and write what fits on a screen."""
    pages = {
        "overview": "",
        "course": f"course?id={course}",
        "student": f"student?id={student}",
        "pipeline": "pipeline",
    }
    with sync_playwright() as playwright:
        path = chromium.executable()
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(address)
        for name, query in pages.items():
            page.goto(address.partition("?")[0] + query)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                write(page, PICTURES / f"{name}-{scheme}.png")
        browser.close()


def write(page: Page, file: Path) -> None:
    """Write the picture with few colours, because text and plain areas need no more."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size:,} bytes")  # noqa: T201 - a script tells what it did
    if size > LARGEST:
        raise SystemExit(f"{file} is larger than {LARGEST:,} bytes: use fewer COLOURS")


if __name__ == "__main__":
    main()
