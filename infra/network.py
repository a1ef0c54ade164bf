"""The network on AWS: isolated subnets, with endpoints for exactly what the functions call."""

from aws_cdk import Acknowledgment, Aws, Fn, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import Config
from infra.log_groups import log_group

POSTGRESQL = 5432
HTTPS = 443


class Network(Construct):
    """A VPC of two zones without internet: no gateway, no NAT, no public address. Or the deployer's own VPC.

    ``functions`` is the one security group that reaches the database and Secrets Manager. The operations
    function has ``operations`` besides, because it answers CloudFormation through S3.
    """

    vpc: ec2.IVpc
    default_group: str | None
    subnets: ec2.SubnetSelection
    functions: ec2.SecurityGroup
    operations: ec2.SecurityGroup
    database: ec2.SecurityGroup

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        if config.vpc_id:
            self._take_vpc(config, config.vpc_id)
        else:
            self._make_vpc(config)
        self.functions = self._group("FunctionsGroup", "The functions: to the database and Secrets Manager")
        self.operations = self._group(
            "OperationsGroup", "The operations function: to CloudFormation, through S3"
        )
        self.database = self._group("DatabaseGroup", "The database: from the functions")

        self.functions.connections.allow_to(self.database, ec2.Port.tcp(POSTGRESQL), "PostgreSQL")
        self._secrets: ec2.InterfaceVpcEndpoint | None = None
        if config.vpc_id is None:
            self._secrets = self._secrets_endpoint()
            self._s3_endpoint()
            self._flow_log(config)
        else:
            self.functions.add_egress_rule(
                ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "Secrets Manager, through the VPC's own endpoint"
            )
        # EC2 gives all egress to a group that is made without any; rules between groups are made afterwards.
        nowhere = ec2.Peer.ipv4("255.255.255.255/32")
        self.functions.add_egress_rule(nowhere, ec2.Port.icmp_type_and_code(252, 86), "Nowhere else")
        # The prefix list of S3 differs by region; isolated subnets have no route but to its endpoint.
        self.operations.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "S3 through its gateway endpoint"
        )

    def _make_vpc(self, config: Config) -> None:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=None if config.availability_zones else 2,
            availability_zones=config.availability_zones.split() if config.availability_zones else None,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                )
            ],
        )
        self.vpc, self.default_group = vpc, vpc.vpc_default_security_group
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)

    def _take_vpc(self, config: Config, vpc_id: str) -> None:
        """Use a VPC as it is: docs/deploy-aws.md says which endpoints it has to have."""
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=vpc_id,
            availability_zones=(config.availability_zones or "").split(),
            isolated_subnet_ids=(config.subnet_ids or "").split(),
        )
        self.default_group = None
        self.subnets = ec2.SubnetSelection(subnets=self.vpc.isolated_subnets)
        no_routes = Acknowledgment(
            id="Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId", reason="Nothing here changes a route."
        )
        for subnet in self.vpc.isolated_subnets:
            Validations.of(subnet).acknowledge(no_routes)

    def _secrets_endpoint(self) -> ec2.InterfaceVpcEndpoint:
        group = self._group("EndpointGroup", "Secrets Manager endpoint: from the functions")
        self.functions.connections.allow_to(group, ec2.Port.tcp(HTTPS), "Secrets Manager")
        return self.vpc.add_interface_endpoint(
            "SecretsManagerEndpoint",
            service=ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
            subnets=self.subnets,
            security_groups=[group],
            open=False,
        )

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, description=description, allow_all_outbound=False)

    def let_read(self, *secrets: secretsmanager.ISecret, rotating: bool) -> None:
        """Let these secrets and no others be read through our endpoint; ``rotating``: and be renewed."""
        actions = ["secretsmanager:GetSecretValue"]
        if rotating:
            actions += [
                "secretsmanager:DescribeSecret",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ]
            self._allow_secrets(["secretsmanager:GetRandomPassword"], ["*"])
        self._allow_secrets(actions, [secret.secret_arn for secret in secrets])

    def _allow_secrets(self, actions: list[str], resources: list[str]) -> None:
        if self._secrets is None:
            return
        self._secrets.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=actions,
                resources=resources,
                conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
            )
        )

    def _s3_endpoint(self) -> None:
        endpoint = self.vpc.add_gateway_endpoint(
            "S3Endpoint", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[self.subnets]
        )
        # Where a custom resource's answer goes, by a pre-signed address; the region stands there without '-':
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html
        region = Fn.join("", Fn.split("-", Aws.REGION))
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[f"arn:{Aws.PARTITION}:s3:::cloudformation-custom-resource-response-{region}/*"],
            )
        )

    def _flow_log(self, config: Config) -> None:
        group = log_group(self, "FlowLogGroup", config=config)
        self.vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
