"""What ``./scripts/localstack watch`` does with files; tests/integration/localstack uses LocalStack."""

from pathlib import Path

import pytest

from spm.localstack import settings
from spm.localstack.hot_reload import Mounted, bring_up_to_date, first_mistake, versions


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    package = tmp_path / "checkout" / "processor"
    (package / "sql").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "handler.py").write_text("a = 1\n")
    (package / "sql" / "query.sql").write_text("SELECT 1")
    (package / "notes.txt").write_text("not deployed")
    return tmp_path / "checkout"


@pytest.fixture
def mount(checkout: Path, tmp_path: Path) -> Mounted:
    folder = tmp_path / "asset"
    (folder / "processor" / "sql").mkdir(parents=True)
    (folder / "processor" / "gone.py").write_text("")
    (folder / "processor" / "rds-ca.pem").write_text("made for the asset")
    (folder / "asyncpg").mkdir()
    (folder / "asyncpg" / "pool.py").write_text("installed")
    assert checkout.is_dir()
    return Mounted({}, folder, ("processor",))


def test_the_folder_becomes_that_of_the_checkout_and_keeps_what_was_installed(
    checkout: Path, mount: Mounted
) -> None:
    bring_up_to_date(checkout, mount)
    found = {str(file.relative_to(mount.folder)) for file in mount.folder.rglob("*") if file.is_file()}
    assert found == {
        *("processor/__init__.py", "processor/handler.py", "processor/sql/query.sql"),
        *("processor/rds-ca.pem", "asyncpg/pool.py"),
    }


def test_what_did_not_change_is_not_written_again(checkout: Path, mount: Mounted) -> None:
    bring_up_to_date(checkout, mount)
    before = versions(mount.folder, ["processor"])
    (checkout / "processor" / "handler.py").write_text("a = 2\n")
    bring_up_to_date(checkout, mount)
    after = versions(mount.folder, ["processor"])
    assert {file for file in after if after[file] != before[file]} == {Path("processor/handler.py")}


def test_a_mistake_is_told_with_file_and_line(checkout: Path) -> None:
    file = Path("processor/handler.py")
    (checkout / file).write_text("a = 1\nb = (\n")
    assert first_mistake(checkout, {file, Path("processor/deleted.py")}) == (
        "processor/handler.py, line 2: '(' was never closed"
    )


def test_the_shell_comes_before_the_file_and_an_image_may_have_its_tag(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# ports\nLOCALSTACK_PORT=4570\nPOSTGRES_PASSWORD='of the file'\n"
        "export LOCALSTACK_IMAGE=registry.example:5000/localstack/localstack:4.13.1\n"
    )
    assert settings.read(tmp_path, {"LOCALSTACK_PORT": "4571"}) == {
        "LOCALSTACK_PORT": "4571",
        "POSTGRES_PASSWORD": "of the file",
        "LOCALSTACK_IMAGE": "registry.example:5000/localstack/localstack",
        "LOCALSTACK_TAG": "4.13.1",
    }
