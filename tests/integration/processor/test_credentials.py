"""Logins that change while execution environments are warm."""

import msgspec
import pytest

from processor.errors import ConfigurationError, CredentialsRefused
from processor.storage.secret import CURRENT, PENDING, Login
from tests.integration.processor.world import World, records


async def set_password(world: World, password: str) -> Login:
    await world.owner.execute(f"ALTER ROLE \"{world.login.username}\" PASSWORD '{password}'")
    return msgspec.structs.replace(world.login, password=password)


async def lose_connections(world: World) -> None:
    await world.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", world.login.username
    )


async def test_the_secret_is_read_once_for_many_batches_and_connections(world: World) -> None:
    database = world.processor()
    for number in range(3):
        await world.deliver(records([number]), to=database)
        await lose_connections(world)
    assert world.secret_reads == [CURRENT]


async def test_a_rotation_that_is_finished_is_found_in_the_current_version(world: World) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    world.secrets[CURRENT] = await set_password(world, "new")
    await lose_connections(world)
    assert (await world.deliver(records([2]), to=database)).saved.stored == 1
    assert world.secret_reads == [CURRENT, CURRENT]
    await lose_connections(world)
    await world.deliver(records([3]), to=database)
    assert world.secret_reads == [CURRENT, CURRENT]


async def test_a_rotation_that_is_under_way_is_found_in_the_pending_version(world: World) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    world.secrets[PENDING] = await set_password(world, "new")
    await lose_connections(world)
    assert (await world.deliver(records([2]), to=database)).saved.stored == 1
    assert world.secret_reads == [CURRENT, CURRENT, PENDING]


async def test_a_warm_connection_outlives_a_rotation(world: World) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    await set_password(world, "new")
    assert (await world.deliver(records([2]), to=database)).saved.stored == 1
    assert world.secret_reads == [CURRENT]


async def test_when_no_version_works_the_error_names_the_secret_and_no_password(world: World) -> None:
    await set_password(world, "nobody knows")
    world.secrets[PENDING] = msgspec.structs.replace(world.login, password="wrong too")
    with pytest.raises(CredentialsRefused, match=r"every version of the login in arn:secret") as error:
        await world.deliver(records([1]))
    assert "password" not in str(error.value).replace("set the role's password", "")
    assert world.secret_reads == [CURRENT, PENDING]


async def test_a_login_that_works_again_is_found_by_the_next_invocation(world: World) -> None:
    database = world.processor()
    new = await set_password(world, "new")
    with pytest.raises(CredentialsRefused):
        await world.deliver(records([1]), to=database)
    world.secrets[CURRENT] = new
    assert (await world.deliver(records([1]), to=database)).saved.stored == 1


async def test_a_secret_without_a_value_is_a_wrong_setting(world: World) -> None:
    world.secrets.clear()
    with pytest.raises(ConfigurationError, match="arn:secret does not exist"):
        await world.deliver(records([1]))


def test_a_login_never_shows_its_password(world: World) -> None:
    assert world.login.password not in repr(world.login)
