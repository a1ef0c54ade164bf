import re
from pathlib import Path

import pytest

from infra.config import ConfigError
from infra.regions import check_region, known_regions

DEPLOY = (Path(__file__).resolve().parents[3] / "docs" / "deploy-aws.md").read_text()


@pytest.mark.parametrize(
    "region", ["il-central-1", "ca-west-1", "ap-southeast-5", "us-gov-west-1", "cn-north-1"]
)
def test_a_region_that_the_certificates_lack_is_refused_at_synthesis(region: str) -> None:
    with pytest.raises(ConfigError, match=f"do not know the databases of {region}"):
        check_region(region)


def test_a_known_region_and_none_pass() -> None:
    check_region("eu-central-1")
    check_region(None)


def test_the_documents_name_the_regions_that_are_known() -> None:
    paragraph = DEPLOY.partition("The certificates by which the database is known")[2].partition("\n\n")[0]
    known, _, missing = paragraph.partition("They lack")
    assert set(re.findall(r"`([a-z]+-[a-z]+-\d)`", known)) == known_regions()
    assert not set(re.findall(r"`([a-z]+-[a-z]+-\d)`", missing)) & known_regions()
