"""PostgreSQL's log never holds the processor's password, whatever happens to the statement that sets it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable

import asyncpg
import msgspec
import pytest

from emulation.postgres import PostgresServer
from processor import migrations
from processor.storage.scram import verifier
from processor.storage.secret import Login
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World, connect, until

MAKE = "SELECT make_processor_login($1, $2)"
TALKATIVE = {
    "log_statement": "'all'",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_lock_waits": "on",
    "deadlock_timeout": "'10ms'",
}


@pytest.fixture
def log(server: PostgresServer) -> Callable[[], str]:
    assert server.program is not None
    return server.program.log.read_text


@pytest.fixture
async def held(world: World) -> AsyncIterator[None]:
    """Another session's open transaction that changed the role, so that anybody else who changes it waits."""
    other = await connect(world.owner_login)
    transaction = other.transaction()
    await transaction.start()
    await other.execute(f'ALTER ROLE "{world.login.username}" CONNECTION LIMIT 100')
    yield
    await transaction.rollback()
    await other.close()


async def fail(world: World, *settings: str, role: str | None = None) -> tuple[str, str]:
    """Make the statement fail; return the message and the verifier."""
    given = verifier(secrets.token_urlsafe())
    for setting in settings:
        await world.owner.execute(f"SET {setting}")
    with pytest.raises(asyncpg.PostgresError) as error:
        await world.owner.execute(MAKE, role or world.login.username, given)
    return str(error.value), given


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("setting", ["statement_timeout = '100ms'", "lock_timeout = '100ms'"])
async def test_not_even_the_verifier_after_a_timeout(
    world: World, log: Callable[[], str], setting: str
) -> None:
    message, given = await fail(world, setting)
    assert f"the role {world.login.username} gets no password: canceling statement due to" in message
    assert message in log()
    assert given not in log()


async def test_not_even_the_verifier_after_a_refusal(world: World, log: Callable[[], str]) -> None:
    message, given = await fail(world, role="pg_monitor")
    assert message in log()
    assert given not in log()


async def test_a_password_is_refused_instead_of_sent_on(world: World) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError, match="takes a SCRAM-SHA-256 verifier"):
        await world.owner.execute(MAKE, world.login.username, "a password")


@pytest.mark.usefixtures("held")
async def test_never_the_password_where_everything_is_logged_and_the_session_is_killed(
    world: World, log: Callable[[], str]
) -> None:
    processor = msgspec.structs.replace(world.login, password=secrets.token_urlsafe())
    victim = await connect(world.owner_login)
    for name, value in TALKATIVE.items():
        await victim.execute(f"SET {name} = {value}")
    migrating = asyncio.create_task(migrations.migrate(victim, processor, [SHIPPED]))
    await until(lambda: f"process {victim.get_server_pid()} still waiting for" in log())
    await world.owner.execute("SELECT pg_terminate_backend($1, 10000)", victim.get_server_pid())
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await migrating
    victim.terminate()
    assert f"ALTER ROLE {processor.username} LOGIN PASSWORD" in log()
    assert processor.password not in log()


async def test_the_password_works_and_no_other(world: World) -> None:
    changed: Login = msgspec.structs.replace(world.login, password=secrets.token_urlsafe())
    await migrations.migrate(world.owner, changed, [SHIPPED])
    await (await connect(changed)).close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(world.login)
