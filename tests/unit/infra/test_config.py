import re
from pathlib import Path

import pytest

from infra.config import Config, ConfigError
from infra.context import read_config

NO_FILES = Path("no such folder")
EMBEDDED = {
    "target": "embedded",
    "databaseHost": "127.0.0.1",
    "databasePort": "5432",
    "databasePassword": "secret",
}


STREAM_ARN = "arn:aws:kinesis:eu-central-1:111122223333:stream/theirs"
KEY_ARN = "arn:aws:kms:eu-central-1:111122223333:key/0a1b"
SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:theirs-AbCdEf"


def aws(**context: object) -> Config:
    email = {} if "environmentSuffix" not in context and "profile" not in context else {"alarmEmail": "none"}
    return read_config({"target": "aws", **email, **context}, {}, NO_FILES)


def test_an_empty_context_is_the_dev_profile_on_aws() -> None:
    config = read_config({}, {})
    assert (config.target, config.environment_suffix, config.profile) == ("aws", "dev", "dev")


def test_prod_differs_from_dev_where_data_is_at_stake() -> None:
    dev, prod = aws(), aws(profile="prod")
    assert (dev.stream_retention_hours, prod.stream_retention_hours) == (24, 168)
    assert (dev.log_retention_days, prod.log_retention_days) == (7, 90)
    assert (dev.secret_rotation_days, prod.secret_rotation_days) == (0, 30)
    chosen = aws(profile="prod", secretRotationDays=0, logRetentionDays=365)
    assert (chosen.secret_rotation_days, chosen.log_retention_days) == (0, 365)


def test_prod_needs_to_know_who_hears_of_alarms() -> None:
    with pytest.raises(ConfigError, match="context alarmEmail: the profile prod needs it"):
        read_config({"target": "aws", "profile": "prod"}, {}, NO_FILES)
    assert aws(profile="prod", alarmEmail="none").alarm_email == "none"
    assert read_config({"target": "localstack", "profile": "prod"}, {}, NO_FILES).alarm_email is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dev.toml").write_text("shardCount = 3\nlogLevel = 'DEBUG'\n")
    (tmp_path / "school.toml").write_text("profile = 'prod'\nalarmEmail = 'ops@example.org'\n")
    return tmp_path


def test_an_environments_file_is_found_by_the_suffix_and_a_flag_goes_before_it(folder: Path) -> None:
    config = read_config({"target": "aws", "logLevel": "ERROR"}, {}, folder)
    assert (config.shard_count, config.log_level) == (3, "ERROR")
    school = read_config({"target": "aws", "environmentSuffix": "school"}, {}, folder)
    assert (school.profile, school.alarm_email, school.shard_count) == ("prod", "ops@example.org", 1)
    assert school.stream_retention_hours == 168
    assert read_config({"target": "aws", "environmentSuffix": "other"}, {}, folder).shard_count == 1


def test_an_empty_flag_does_not_take_away_what_the_file_says(folder: Path) -> None:
    config = read_config({"target": "aws", "environmentSuffix": "school", "alarmEmail": ""}, {}, folder)
    assert config.alarm_email == "ops@example.org"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("shardCont = 2", "broken.toml: key shardCont is unknown: did you mean shardCount?"),
        (
            "shardCount = 0",
            "broken.toml: shardCount: 0 is not possible; allowed: a whole number from 1 to 500",
        ),
        ("shardCount = [1]", "broken.toml: shardCount: [1] is not possible"),
        ("environmentSuffix = 'dev'", "broken.toml: environmentSuffix is the file's name; leave it out"),
        ("shardCount 2", "broken.toml is no TOML file: "),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.toml").write_text(content)
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_config({"target": "aws", "environmentSuffix": "broken"}, {}, tmp_path)


@pytest.mark.parametrize("months", [0, -1, 1.5, "a year", 1201, "24 months"])
def test_a_retention_that_is_not_a_number_of_months_is_refused(months: object) -> None:
    with pytest.raises(ConfigError, match=r"retentionMonths: .* allowed: a whole number from 1 to 1200"):
        read_config({"target": "aws", "retentionMonths": months}, {})


def test_retention_is_off_unless_it_is_asked_for() -> None:
    assert read_config({"target": "aws"}, {}).retention_months is None
    assert read_config({"target": "aws", "retentionMonths": "24"}, {}).retention_months == 24


def test_a_suffix_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text("shardCount = 3")
    with pytest.raises(ConfigError, match="environmentSuffix"):
        read_config({"target": "aws", "environmentSuffix": "../secret"}, {}, tmp_path / "environments")


EXAMPLES = Path(__file__).resolve().parents[3] / "environments"


def test_the_committed_examples_are_possible() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} >= {"dev.toml", "prod.toml"}
    assert read_config({"target": "aws"}, {}, EXAMPLES).profile == "dev"
    prod = {"target": "aws", "environmentSuffix": "prod"}
    assert read_config({**prod, "alarmEmail": "ops@example.org"}, {}, EXAMPLES).protected
    # An example cannot hold anybody's address. Whoever deploys prod has to say who hears of alarms.
    with pytest.raises(ConfigError, match="alarmEmail"):
        read_config(prod, {}, EXAMPLES)


def test_cdklocals_endpoint_makes_localstack_the_target() -> None:
    config = read_config({}, {"AWS_ENDPOINT_URL": "http://localhost:4566"})
    assert (config.target, config.shard_count) == ("localstack", 4)
    assert (config.database_host, config.database_port) == ("postgres", 5432)
    assert (config.database_user, config.database_password) == ("dbadmin", "local-only-password")


def test_the_password_that_docker_compose_was_given_is_the_deployments_too() -> None:
    environment = {"AWS_ENDPOINT_URL": "http://localhost:4566", "POSTGRES_PASSWORD": "other"}
    assert read_config({}, environment).database_password == "other"
    assert read_config({"databasePassword": "context"}, environment).database_password == "context"
    assert read_config({}, {"POSTGRES_PASSWORD": "other"}).database_password is None


def test_a_named_target_wins_over_the_endpoint() -> None:
    assert read_config(EMBEDDED, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}).target == "embedded"


def test_the_suffix_prod_chooses_the_prod_profile() -> None:
    assert aws(environmentSuffix="prod").profile == "prod"
    assert aws(environmentSuffix="prod", profile="dev").profile == "dev"
    assert aws(environmentSuffix="staging", profile="prod").protected


def test_values_of_the_command_line_are_strings() -> None:
    config = aws(shardCount="4", batchSize="100", batchWindowSeconds="5")
    assert (config.shard_count, config.batch_size, config.batch_window_seconds) == (4, 100, 5)


def test_an_empty_value_counts_as_not_given() -> None:
    assert aws(alarmEmail="").alarm_email is None


def test_the_cdks_own_keys_are_left_alone() -> None:
    aws(**{"@aws-cdk/core:something": True, "aws:cdk:enable-path-metadata": True})


def test_records_are_retried_as_long_as_the_stream_keeps_them_but_seven_days_at_most() -> None:
    assert aws().record_age_seconds == 24 * 3600
    assert aws(streamRetentionHours=8760).record_age_seconds == 7 * 24 * 3600
    assert aws(maximumRecordAgeSeconds=600).record_age_seconds == 600


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"shardCont": "2"}, "context key shardCont is unknown: did you mean shardCount?"),
        ({"colour": "red"}, "context key colour is unknown; allowed: target, environmentSuffix, "),
        (
            {"target": "gcp"},
            "context target: 'gcp' is not possible; allowed: one of embedded, localstack, aws",
        ),
        (
            {"shardCount": "0"},
            "context shardCount: '0' is not possible; allowed: a whole number from 1 to 500",
        ),
        (
            {"shardCount": "two"},
            "context shardCount: 'two' is not possible; allowed: a whole number from 1 to 500",
        ),
        (
            {"batchSize": 20_000},
            "context batchSize: 20000 is not possible; allowed: a whole number from 1 to 10000",
        ),
        (
            {"environmentSuffix": "Dev"},
            "context environmentSuffix: 'Dev' is not possible; allowed: 2 to 20 of a-z",
        ),
        ({"environmentSuffix": "a--b"}, "context environmentSuffix: 'a--b' is not possible"),
        ({"logRetentionDays": 8}, "context logRetentionDays: 8 is not possible; allowed: one of 1, 3, 5, 7"),
        ({"databaseInstanceClass": "m5.large"}, "allowed: one of t4g.micro, t4g.small"),
        (
            {"alarmEmail": "me"},
            "context alarmEmail: 'me' is not possible; allowed: an e-mail address, or none",
        ),
        (
            {"databaseMultiAz": "maybe"},
            "context databaseMultiAz: 'maybe' is not possible; allowed: true or false",
        ),
        (
            {"databaseMultiAz": "false", "profile": "prod"},
            "which survives a zone; allowed: true, or the profile dev",
        ),
        (
            {"databaseMaintenanceWindow": "sunday"},
            "allowed: a weekly window in UTC such as sun:03:00-sun:04:00",
        ),
        (
            {"databaseMaintenanceWindow": "mon:01:30-mon:02:30"},
            "allowed: outside databaseBackupWindow (01:00-02:00, every day)",
        ),
        ({"databaseHost": "db"}, "context databaseHost: only for the targets embedded and localstack"),
        ({"databaseMaxStorageGb": 30, "databaseStorageGb": 50}, "allowed: at least databaseStorageGb (50)"),
        ({"maximumRecordAgeSeconds": 90_000}, "allowed: at most streamRetentionHours (86400 s)"),
        ({"alarmIteratorAgeSeconds": 86_400}, "allowed: less than streamRetentionHours (86400 s)"),
        ({"streamMode": "on-demand"}, "context processorConcurrency: an on-demand stream needs it"),
        (
            {"streamMode": "on-demand", "shardCount": 2},
            "context shardCount: an on-demand stream opens its own",
        ),
        ({"vpcId": "vpc-0abc1234"}, "context subnetIds: vpcId needs it"),
        ({"subnetIds": "subnet-0aaaaaaa subnet-0bbbbbbb"}, "context vpcId: subnetIds needs it"),
        (
            {"vpcId": "vpc-0abc1234", "subnetIds": "subnet-0aaaaaaa subnet-0bbbbbbb"},
            "0 for 2 subnets; allowed: the zone of each of subnetIds, in their order",
        ),
        ({"availabilityZones": "eu-central-1a eu-central-1a"}, "names a zone twice"),
        (
            {"availabilityZones": "eu-central-1a eu-central-1b eu-central-1c"},
            "allowed: two, for the VPC that is made",
        ),
        ({"vpcId": "vpc-1"}, "context vpcId: 'vpc-1' is not possible; allowed: the id of a VPC"),
        ({"streamArn": STREAM_ARN}, "context shardCount: streamArn needs it"),
        ({"streamKeyArn": KEY_ARN}, "context streamKeyArn: only with streamArn"),
        (
            {"databaseSecurityGroupId": "sg-0abc1234"},
            "context databaseSecurityGroupId: only with databaseSecretArn",
        ),
        ({"databaseSecretArn": SECRET_ARN}, "context databaseHost: databaseSecretArn needs it"),
        (
            {"shardCount": 4, "processorConcurrency": 2},
            "allowed: at least shardCount x parallelizationFactor (4)",
        ),
    ],
)
def test_an_impossible_value_is_refused_in_one_line_that_names_the_key(
    context: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        aws(**context)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("missing", ["databaseHost", "databasePort", "databasePassword"])
def test_embedded_asks_for_its_servers_address(missing: str) -> None:
    context = {key: value for key, value in EMBEDDED.items() if key != missing}
    with pytest.raises(ConfigError, match=f"context {missing}: the target embedded needs it"):
        read_config(context, {})


def test_a_refused_password_is_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        read_config({**EMBEDDED, "databasePassword": ["hunter2"]}, {})
    assert "hunter2" not in str(refused.value)
