"""Where a pipeline's constructs stand, and what they are called."""

from constructs import Construct

from infra.config import Config, DeployedPipeline


def scope_of(pipeline: DeployedPipeline, parent: Construct) -> Construct:
    """Return what a pipeline's constructs are put into.

    Those of the first stand in the parent itself: their logical ids are bare.
    """
    return parent if pipeline.first else Construct(parent, pipeline.construct_id)


def resource_name(pipeline: DeployedPipeline, part: str, config: Config) -> str:
    """Return the name of a pipeline's resource in an environment."""
    return f"{pipeline.name}-{part}-{config.environment_suffix}"
