"""The deployed dashboard on LocalStack: a teacher signs in through the function URL and sees her course."""

import http.client
from urllib.parse import urljoin, urlsplit

import pytest

from spm.aws.addresses import local_address
from tests.integration.dashboard import provider
from tests.integration.localstack.cloud import Cloud, Environment
from tests.integration.portal.receiver import enrol

pytestmark = [pytest.mark.localstack, pytest.mark.long]


class Browser:
    """Asks one cloud for addresses whose names Python does not resolve, and keeps its one cookie."""

    def __init__(self, address: str, endpoint: str) -> None:
        self._address = address
        self._endpoint = urlsplit(endpoint)
        self._cookie = ""

    def get(self, where: str) -> tuple[int, str, str]:
        """Return the status, where it leads, and the page."""
        to = urlsplit(urljoin(self._address, where))
        connection = http.client.HTTPConnection(self._endpoint.netloc, timeout=60)
        try:
            path = f"{to.path}?{to.query}" if to.query else to.path
            connection.request("GET", path, headers={"Host": to.netloc, "Cookie": self._cookie})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if kept := answer.headers.get("Set-Cookie"):
            self._cookie = kept.partition(";")[0]
        return answer.status, answer.headers.get("Location", ""), text


def test_a_teacher_signs_in_through_the_function_url(cloud: Cloud, portal: Environment) -> None:
    enrol(portal, [("PAGES", "ada"), ("OTHERS", "bob")], teachers=[("PAGES", "turing")])
    secret = portal.outputs["DashboardClientSecretArn"]
    # The provider takes no public client.
    portal.aws.secrets.put_secret_value(SecretId=secret, SecretString='{"client_secret": "any"}')
    endpoint = cloud.aws_environment["AWS_ENDPOINT_URL"]
    # As a person's browser asks for it, whatever this machine resolves.
    address = local_address(portal.outputs["DashboardUrl"], f"http://localhost:{urlsplit(endpoint).port}")
    browser = Browser(address, endpoint)
    status, sign_in, _ = browser.get("course?id=PAGES")
    assert (status, sign_in.startswith("./sign-in?")) == (303, True)
    status, at_the_school, _ = browser.get(sign_in)
    assert status == 303
    signed_in = provider.authorize(at_the_school, sub="turing")
    assert signed_in.startswith(address)
    status, page, text = browser.get(signed_in)
    assert status == 303, text
    status, _, text = browser.get(page)
    assert (status, "PAGES" in text) == (200, True)
    status, _, text = browser.get(".")
    assert (status, "PAGES" in text, "OTHERS" in text) == (200, True, False)
