"""The Lambda function ``student-performance-dashboard-{suffix}`` answers an HTTP request with a page."""

import json
import logging
import os
import sys
import time
import traceback
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from mangum import Mangum
from mangum.types import LambdaContext, LambdaEvent
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response

from portal.dashboard import rights, settings
from portal.dashboard.app import Dashboard, make_app
from portal.dashboard.forms import Forms
from portal.dashboard.pipeline import LookingOnly
from portal.dashboard.provider import Provider, ProviderError
from portal.dashboard.session import Signer, Visitor
from portal.dashboard.sign_in import Next, Registration, SignIn
from portal.dashboard.source import RefusedError, Reports, UnavailableError
from processor.commands.command import Command, answer_of

MOST_BYTES: Final = 6_000_000
"""The largest answer that Lambda accepts, less some room for its JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

PIPELINE: Final = "student-performance"

A = TypeVar("A")


class ClientSecret(msgspec.Struct):
    """The secret that operators write. Without ``client_secret`` the client is a public one."""

    client_secret: str | None = None


class AskingFor:
    """Asks the reports function on behalf of somebody, and passes on their name."""

    def __init__(self, who: str) -> None:
        self._who = who

    def __call__(self, command: Command[A]) -> A:
        """Return the answer, or raise RefusedError with the function's words, or UnavailableError."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # see _client

        payload = msgspec.json.encode(msgspec.structs.replace(command, who=self._who))
        try:
            answer = _client("lambda").invoke(
                FunctionName=os.environ[settings.REPORTS_FUNCTION], Payload=payload
            )
            result = msgspec.json.decode(answer["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError(f"the reports function gave no answer ({type(error).__name__})") from error
        if "FunctionError" in answer:
            raise UnavailableError("the reports function failed: its log says why")
        if "refused" in result:
            raise RefusedError(str(result["refused"]))
        return msgspec.convert(result, answer_of(type(command)))


def handler(event: LambdaEvent, context: LambdaContext) -> dict[str, Any]:
    """Answer a request with a page, whatever happens."""
    answer: dict[str, Any] = _adapter()(event, context)
    if len(answer["body"]) > MOST_BYTES:
        answer |= {"statusCode": 413, "body": "This is too long for one answer: choose less.\n"}
        answer |= {"headers": {"content-type": "text/plain; charset=utf-8"}, "isBase64Encoded": False}
    if "AWS_ENDPOINT_URL" in os.environ and "cookies" in answer:
        answer["headers"]["set-cookie"] = answer["cookies"][0]  # LocalStack passes on no others
    return answer


def make(signer: Signer, registration: Registration | None, address: str | None = None) -> Starlette:
    """Return the pages behind the sign-in. Each question is asked in the name of whoever is signed in."""
    dashboard = Dashboard(_source, forms=Forms(signer.form_key, _subject))
    sign_in = SignIn(dashboard, signer, registration, address)

    async def noted(request: Request, call_next: Next) -> Response:
        return await note(dashboard, request, call_next)

    guards = [Middleware(BaseHTTPMiddleware, dispatch=guard) for guard in (noted, sign_in)]
    return make_app(dashboard, guards, sign_in.routes())


async def note(dashboard: Dashboard, request: Request, call_next: Next) -> Response:
    """Write a line of log about each request, but not about whom it asks. A defect becomes a page."""
    started = time.monotonic()
    line: dict[str, object] = {"method": request.method, "path": request.url.path}
    try:
        answer = await call_next(request)
    except Exception as error:  # noqa: BLE001  # its message may hold what a page shows, so the log has only the places
        line["defect"] = type(error).__name__
        line["at"] = [f"{one.filename}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)]
        context = request.scope.get("aws.context")
        name = getattr(context, "aws_request_id", "unknown")
        line["request"] = name
        advice = f"Give whoever runs the system the request id {name}."
        answer = dashboard.message(
            request, "This page has a defect", "It could not be made.", advice, status=500
        )
    line |= {"status": answer.status_code, "ms": round((time.monotonic() - started) * 1000, 1)}
    sys.stdout.write(json.dumps(line) + "\n")
    return answer


def _subject(request: Request) -> str:
    visitor: Visitor = request.state.visitor
    return visitor.subject


def _source(request: Request) -> Reports:
    visitor: Visitor = request.state.visitor
    ask = AskingFor(visitor.subject)
    if visitor.is_administrator:
        return Reports(ask, pipeline=LookingOnly(ask, PIPELINE))
    return Reports(ask, as_teacher=visitor.subject)


@cache
def _adapter() -> Mangum:
    logging.getLogger("mangum").setLevel(logging.CRITICAL)  # what fails is noted above
    signer = Signer(_secret(os.environ[settings.COOKIE_KEY_ARN]))
    return Mangum(make(signer, _registration(), os.environ.get(settings.ADDRESS)), lifespan="off")


def _registration() -> Registration | None:
    issuer, client_id = os.environ.get(settings.ISSUER), os.environ.get(settings.CLIENT_ID)
    if not issuer or not client_id:
        return None
    mapped = rights.mapped(os.environ[settings.SUBJECT_CLAIM], os.environ.get(settings.ADMIN_CLAIM))
    return Registration(Provider(issuer), client_id, _client_secret, mapped)


def _client_secret() -> str | None:
    text = _secret(os.environ[settings.CLIENT_SECRET_ARN])
    try:
        return msgspec.json.decode(text, type=ClientSecret).client_secret
    except msgspec.DecodeError as error:
        message = 'the secret that DashboardClientSecretArn names has to hold {"client_secret": "…"}'
        raise ProviderError(message) from error


def _secret(arn: str) -> str:
    return str(_client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


@cache
def _client(service: str) -> Any:  # noqa: ANN401  # botocore makes its clients at run time
    from botocore.config import Config  # noqa: PLC0415  # Lambda has it, and the sign-in's page does without
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(connect_timeout=2, read_timeout=25, retries={"total_max_attempts": 2, "mode": "standard"})
    return get_session().create_client(service, config=config)
