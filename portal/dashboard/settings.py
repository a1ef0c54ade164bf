"""The names of the deployed function's settings, which the deployment gives it."""

from typing import Final

REPORTS_FUNCTION: Final = "REPORTS_FUNCTION"
COOKIE_KEY_ARN: Final = "COOKIE_KEY_ARN"
CLIENT_SECRET_ARN: Final = "CLIENT_SECRET_ARN"  # noqa: S105  # the name of a setting, not a secret
ISSUER: Final = "OIDC_ISSUER"
CLIENT_ID: Final = "OIDC_CLIENT_ID"
ADMIN_CLAIM: Final = "OIDC_ADMIN_CLAIM"
SUBJECT_CLAIM: Final = "OIDC_SUBJECT_CLAIM"
ADDRESS: Final = "DASHBOARD_URL"
