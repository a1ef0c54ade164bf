"""What a deployer may bring on AWS: a network, a stream, a database. None of it is looked up."""

from collections.abc import Set as AbstractSet

from infra.config import Config, ConfigError


def check_brought(config: Config, given: AbstractSet[str]) -> None:
    """Raise ConfigError if what was brought is incomplete or does not fit together."""
    _check_network(config)
    if config.stream_key_arn and not config.stream_arn:
        raise ConfigError("context streamKeyArn: only with streamArn, whose key it is")
    if config.stream_arn and config.stream_mode == "provisioned" and "shardCount" not in given:
        raise ConfigError(
            "context shardCount: streamArn needs it, to know how many consumers the stream starts;"
            " allowed: how many shards the stream has"
        )
    _check_database(config, given)


def _check_network(config: Config) -> None:
    subnets, zones = (config.subnet_ids or "").split(), (config.availability_zones or "").split()
    if bool(config.vpc_id) != bool(subnets):
        missing, named = ("subnetIds", "vpcId") if config.vpc_id else ("vpcId", "subnetIds")
        raise ConfigError(f"context {missing}: {named} needs it; allowed: {missing} of the same network")
    if len(set(zones)) < len(zones):
        raise ConfigError(f"context availabilityZones: {config.availability_zones} names a zone twice")
    if config.vpc_id and len(zones) != len(subnets):
        raise ConfigError(
            f"context availabilityZones: {len(zones)} for {len(subnets)} subnets;"
            " allowed: the zone of each of subnetIds, in their order"
        )
    if zones and not config.vpc_id and len(zones) != 2:
        raise ConfigError(
            f"context availabilityZones: {len(zones)} is not possible; allowed: two, for the VPC that is made"
        )


def _check_database(config: Config, given: AbstractSet[str]) -> None:
    if not config.database_secret_arn:
        for key in ("databaseSecretKeyArn", "databaseSecurityGroupId"):
            if key in given:
                raise ConfigError(f"context {key}: only with databaseSecretArn, whose database it is about")
        return
    for key in ("databaseHost", "databaseSecurityGroupId", "vpcId"):
        if key not in given:
            raise ConfigError(f"context {key}: databaseSecretArn needs it, to reach the database")
    if config.secret_rotation_days and "secretRotationDays" in given:
        raise ConfigError(
            "context secretRotationDays: who brings the database rotates its logins; allowed: not given, or 0"
        )
