"""One secret says who may send, and no change is lost when many change it at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from emulation.cloud import EmbeddedCloud
from portal.ingest import senders as kept
from spm.aws import ingest
from spm.aws.stack import Aws
from tests.support import Deployment


def test_senders_added_and_revoked_at_once_are_all_there_and_all_gone(
    embedded_cloud: EmbeddedCloud, door_deployment: Deployment
) -> None:
    stack = door_deployment.stack
    before = [f"before-{number}" for number in range(4)]
    for name in before:
        ingest.add(door_deployment.aws, stack, name, None, None)

    together = Barrier(8)

    def change(name: str) -> str:
        aws = Aws(embedded_cloud.aws_environment())  # stands for another process
        ingest.read(aws, stack)
        together.wait()
        if name in before:
            ingest.revoke(aws, stack, name)
            return ""
        return ingest.add(aws, stack, name, None, None)

    after = [f"after-{number}" for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        secrets = dict(zip([*before, *after], pool.map(change, [*before, *after]), strict=True))
    known = ingest.read(door_deployment.aws, stack)
    assert {name for name in known if re.match("before-|after-", name)} == set(after)
    for name in after:
        assert kept.find(known, name, secrets[name]) is not None
