"""The regions whose databases the pinned certificates know."""

import re
import ssl
from functools import cache

from infra import asset
from infra.config import ConfigError


@cache
def known_regions() -> frozenset[str]:
    """Return the regions named in the certificates. Raise AssetError if these are missing."""
    bundle = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bundle.load_verify_locations(cadata=asset.certificates(asset.CERTIFICATES))
    return frozenset(re.findall(r"Amazon RDS ([a-z]+(?:-[a-z]+)+-\d) ", str(bundle.get_ca_certs())))


def check_region(region: str | None) -> None:
    """Raise ConfigError where a region is known and its databases are not: no connection would be trusted."""
    if region and region not in known_regions():
        raise ConfigError(
            f"context databaseCertificates: the pinned certificates do not know the databases of {region};"
            " give its bundle: docs/deploy-aws.md says where to get it"
        )
