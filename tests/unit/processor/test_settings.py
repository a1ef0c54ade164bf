"""The settings, and how wrong ones are reported."""

import pytest

from processor.errors import ConfigurationError
from processor.settings import Settings


def test_the_secret_is_all_that_is_needed_and_tls_is_verified_by_default() -> None:
    settings = Settings.from_environment({"DB_SECRET_ARN": "arn:secret"})
    assert (settings.secret_arn, settings.sslmode) == ("arn:secret", "verify-full")
    assert settings.migration_secret_arn is None
    assert settings.processor_secret_arn is None


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        Settings.from_environment({"DB_SSLMODE": "prefer"})
    assert "DB_SECRET_ARN is not set" in str(error.value)
    assert "DB_SSLMODE is 'prefer': use one of disable, verify-full" in str(error.value)


def test_an_empty_optional_setting_is_an_absent_one() -> None:
    settings = Settings.from_environment({"DB_SECRET_ARN": "arn:secret", "DB_MIGRATION_SECRET_ARN": ""})
    assert settings.migration_secret_arn is None
