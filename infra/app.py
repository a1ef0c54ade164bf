"""The CDK app: ``python -P -m infra.app``, run by ``cdk`` and ``cdklocal`` (cdk.json) in a project's folder.

``-P`` and ``main`` keep that folder from coming before us on the path, because it may have an ``infra`` of
its own.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from aws_cdk import (
    App,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    IReusableStackSynthesizer,
    Validations,
)
from cdk_nag import AwsSolutionsChecks

from infra.asset import AssetError
from infra.config import Config, ConfigError
from infra.context import read_config
from infra.regions import check_region
from infra.stack import StudentPerformanceStack

FLAGS: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("flags.json").read_text(encoding="utf-8"))
"""The CDK's feature flags, all as in new projects. A project's context may change them."""


def build(app: App) -> StudentPerformanceStack:
    """Build the stack for the app's context. Raise ConfigError or AssetError that says what to do."""
    config = read_config(app.node.get_all_context(), os.environ)
    if config.target == "aws":
        if not config.database_certificates:
            # The template does not depend on the region, but a known region is checked all the same.
            check_region(os.environ.get("CDK_DEFAULT_REGION") or os.environ.get("AWS_REGION"))
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return StudentPerformanceStack(
        app, f"StudentPerformance-{config.environment_suffix}", config=config, synthesizer=synthesizer(config)
    )


def synthesizer(config: Config) -> IReusableStackSynthesizer:
    """Choose how the stack is deployed: through the bootstrapped roles, or with the caller's credentials.

    The embedded cloud has no roles to assume. There bootstrapping only makes a bucket for assets.
    """
    if config.target == "embedded":
        return CliCredentialsStackSynthesizer()
    return DefaultStackSynthesizer()


def main() -> None:
    """Synthesise into the folder that the CDK command line names, or say in one line why that failed."""
    sys.path.append(str(Path.cwd()))
    try:
        app = App(context=FLAGS, analytics_reporting=False)
        build(app)
        app.synth()
    except (ConfigError, AssetError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
