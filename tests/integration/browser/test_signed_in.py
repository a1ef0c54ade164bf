"""The deployed dashboard, from its first deployment to a teacher who signs in, in a browser."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from emulation.cloud import EmbeddedCloud
from processor.commands.roster_import import RosterImport
from processor.commands.roster_stage import RosterStage
from spm.aws.addresses import local_address
from tests.integration.browser.conftest import context_of
from tests.integration.dashboard import provider
from tests.support import Deployment, deploy

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider.running() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def dashboard(embedded_cloud: EmbeddedCloud) -> tuple[Deployment, str]:
    """A deployment that nobody can sign in to yet, and its address for a browser."""
    suffix = f"pages-{uuid.uuid4().hex[:6]}"
    deployment = deploy(embedded_cloud, suffix, dashboard="true")
    [stack] = deployment.aws.cloudformation.describe_stacks(StackName=f"StudentPerformance-{suffix}")[
        "Stacks"
    ]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    # The provider wants a secret from every client.
    secret = outputs["DashboardClientSecretArn"]
    deployment.aws.secrets.put_secret_value(SecretId=secret, SecretString='{"client_secret": "any"}')
    return deployment, local_address(outputs["DashboardUrl"], embedded_cloud.endpoint_url)


def import_roster(deployment: Deployment) -> None:
    rows = {
        "courses": [
            {"id": "MATH", "title": "Algebra", "time_zone": "Europe/Berlin"},
            {"id": "HIST", "title": "History", "time_zone": "UTC"},
        ],
        "enrolments": [
            {"course": "MATH", "person": "turing", "role": "teacher"},
            {"course": "HIST", "person": "clio", "role": "teacher"},
        ],
    }
    key = uuid.uuid4()
    stage = {"command": "roster_stage", "import_id": str(key), "number": 0, "rows": rows}
    deployment.commands.run(msgspec.convert(stage, RosterStage))
    assert deployment.commands.run(RosterImport(import_id=key, chunks=1)).applied


def local_only(route: Route) -> None:
    """Block other hosts, so that the provider's page does not wait for its style sheet."""
    host = route.request.url.split("/")[2].partition(":")[0]
    if host == "127.0.0.1" or host.endswith("localhost"):
        route.continue_()
    else:
        route.abort()


def test_a_teacher_signs_in(
    browser: Browser,
    dashboard: tuple[Deployment, str],
    embedded_cloud: EmbeddedCloud,
    issuer: str,
    shots: Path,
) -> None:
    deployment, url = dashboard
    context = context_of(browser, 1440, "light")
    context.route("**/*", local_only)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody can sign in yet")
    sign_in = {"dashboardIssuer": issuer, "dashboardClientId": "spm", "dashboardAdminClaim": "groups=heads"}
    deploy(embedded_cloud, deployment.suffix, dashboard="true", dashboardUrl=url, **sign_in)
    import_roster(deployment)
    sees_only_the_own_course(page, url, shots)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_placeholder("sub").fill("head")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("link", name="HIST")).to_be_visible()
    context.close()


def sees_only_the_own_course(page: Page, url: str, shots: Path) -> None:
    page.goto(f"{url}course?id=MATH")
    page.get_by_placeholder("sub").fill("turing")
    page.get_by_role("button", name="Authorize").click()
    expect(page).to_have_url(f"{url}course?id=MATH")
    expect(page.get_by_role("main")).to_contain_text("Algebra")
    page.goto(url)
    expect(page.get_by_role("link", name="MATH")).to_be_visible()
    expect(page.get_by_role("link", name="HIST")).to_have_count(0)
    page.screenshot(path=shots / "signed-in.png")
