"""What ``./scripts/localstack`` makes of the shell's variables."""

from spm.localstack.settings import for_clients, passed_on


def test_localstacks_own_settings_are_passed_on_by_name() -> None:
    shell = {
        "LOCALSTACK_LAMBDA_KEEPALIVE_MS": "0",
        "LOCALSTACK_HOST": "cloud.example:4566",
        "LOCALSTACK_PORT": "4570",
        "LOCALSTACK_TAG": "4.14.0",
        "PATH": "/bin",
    }
    assert passed_on(shell)["services"]["localstack"]["environment"] == {
        "LAMBDA_KEEPALIVE_MS": "${LOCALSTACK_LAMBDA_KEEPALIVE_MS}",
        "LOCALSTACK_HOST": "${LOCALSTACK_HOST}",
    }


def test_clients_are_led_to_localstack_whatever_account_the_shell_is_for() -> None:
    shell = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "LOCALSTACK_PORT": "4570",
        "POSTGRES_PASSWORD": "other",
    }
    assert for_clients(shell) == {
        "LOCALSTACK_PORT": "4570",
        "POSTGRES_PASSWORD": "other",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://localhost:4570",
        "AWS_ENDPOINT_URL_S3": "http://localhost:4570",
    }
