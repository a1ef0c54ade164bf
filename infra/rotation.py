"""New passwords for all logins, regularly, by the function that AWS hosts for it."""

from aws_cdk import Duration
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.database import RdsDatabase
from infra.network import Network


class Rotation(Construct):
    """A schedule for each login. The first rotation comes at once: the logins must exist by then."""

    def __init__(
        self, scope: Construct, construct_id: str, *, days: int, database: RdsDatabase, network: Network
    ) -> None:
        super().__init__(scope, construct_id)
        logins = {
            "Owner": database.owner_secret,
            "Processor": database.processor_secret,
            "Reader": database.reader_secret,
        }
        for name, secret in logins.items():
            secretsmanager.RotationSchedule(
                self,
                name,
                secret=secret,
                automatically_after=Duration.days(days),
                hosted_rotation=secretsmanager.HostedRotation.postgre_sql_single_user(
                    vpc=network.vpc, vpc_subnets=network.subnets, security_groups=[network.functions]
                ),
            )
