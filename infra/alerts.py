"""Tells people whose risk has risen: a function outside the VPC, what wakes it, and its channels."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.alarm import QUIET
from infra.alarm_topic import AlarmTopic, alarm_name
from infra.config import APPLICATION, Config
from infra.connections import ALERTS
from infra.function_role import FunctionRole
from infra.functions import Functions
from infra.ingestion import Ingestion
from infra.keys import rotated_key
from infra.log_groups import log_group
from infra.metric import lambda_metric
from infra.nag import accept
from infra.portal_function import portal_function
from infra.removal import removal_policy
from portal.alerts import settings
from processor import metrics

TIMEOUT: Final = Duration.seconds(60)  # shorter than its claim on a message
MEMORY: Final = 512


class Alerts(Construct):
    """``student-performance-alerts-{suffix}`` asks the operations function for messages, and sends them."""

    topic: sns.Topic
    function: lambda_.Function
    secret: secretsmanager.Secret | None = None

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        functions: Functions,
        of: Ingestion,
        alarms: AlarmTopic,
        dashboard: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._name = f"{APPLICATION}-alerts-{config.environment_suffix}"
        self._key = rotated_key(self, config=config, description="Alerts")
        self.topic = sns.Topic(self, "Topic", topic_name=self._name, master_key=self._key, enforce_ssl=True)
        if config.alert_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(config.alert_email))
        if config.alert_webhook:
            self.secret = self._make_secret()
        self.function = self._make_function(functions, dashboard)
        self._wake(of.processor)
        self._watch(alarms)

    def _make_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "WebhookSecret",
            description=f"Signs what the webhook gets ({self._config.environment_suffix})",
            encryption_key=self._key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=40
            ),
            removal_policy=removal_policy(self._config),
        )
        accept(secret, {"SMG4": "The receiver has to learn a new one first; a person changes both."})
        return secret

    def _make_function(self, functions: Functions, dashboard: str | None) -> lambda_.Function:
        group = log_group(self, "Log", config=self._config, name=f"/aws/lambda/{self._name}")
        role = FunctionRole(self, "Role", name=self._name, log_group=group, in_vpc=False)
        role.may_invoke(functions.operations)
        role.may_publish(self.topic, self._key)
        if self.secret:
            role.may_read_secret(self.secret, self._key)
        return portal_function(
            self,
            config=self._config,
            name=self._name,
            handler="portal.alerts.handler.handler",
            role=role,
            memory_size=MEMORY,
            timeout=TIMEOUT,
            environment=self._environment(functions, dashboard),
            reserved_concurrent_executions=ALERTS,
            # The next line of log or the next minute tries again, so an invocation need not wait longer.
            retry_attempts=0,
            max_event_age=Duration.seconds(60),
            findings={
                "116": "What a call does not do, the next minute's does: nothing is lost with it.",
                "117": "It never sees the database, and faces public endpoints of AWS and the webhook.",
                "173": "Names and ARNs; the webhook's secret is in Secrets Manager, under a key of ours.",
            },
        )

    def _environment(self, functions: Functions, dashboard: str | None) -> dict[str, str]:
        environment = {
            settings.OPERATIONS_NAME: functions.operations.function_name,
            settings.TOPIC_ARN: self.topic.topic_arn,
            settings.WITH_NAMES: "true" if self._config.alert_names else "false",
        }
        if dashboard:
            environment[settings.DASHBOARD] = dashboard
        if self.secret and self._config.alert_webhook:
            environment[settings.WEBHOOK] = self._config.alert_webhook
            environment[settings.WEBHOOK_SECRET_ARN] = self.secret.secret_arn
        return environment

    def _wake(self, processor: lambda_.Function) -> None:
        """Wake it after each commit, whose line of log it gets, and every minute in case a line is lost."""
        stored: metrics.MetricName = "StoredEvents"
        logs.SubscriptionFilter(
            self,
            "Stored",
            log_group=processor.log_group,
            destination=destinations.LambdaDestination(self.function),
            filter_pattern=logs.FilterPattern.literal(stored),
        )
        events.Rule(
            self,
            "Rule",
            rule_name=self._name,
            description="Tells what no line of the processor's log has led to",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(self.function)],
        )

    def _watch(self, alarms: AlarmTopic) -> None:
        errors = lambda_metric("Errors", {"FunctionName": self.function.function_name})
        alarm = errors.create_alarm(
            self,
            "alerts-errors",
            alarm_name=alarm_name(self._config, "alerts-errors"),
            alarm_description="People are not told of risks. See docs/operations.md#alerts-errors",
            threshold=1,
            evaluation_periods=15,
            datapoints_to_alarm=1,
            treat_missing_data=QUIET,
        )
        alarm.add_alarm_action(actions.SnsAction(alarms.topic))
        alarm.add_ok_action(actions.SnsAction(alarms.topic))
