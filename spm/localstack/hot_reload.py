"""LocalStack's hot reload: functions run from a folder of this machine, which follows the checkout.

Code in the bucket ``hot-reload`` is the folder that the key names, mounted into the function's container:
https://docs.localstack.cloud/aws/tooling/lambda-tools/hot-reloading/
"""

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spm.aws.stack import Aws
from spm.errors import MonitorError
from spm.localstack.deployment import ASSEMBLY, Deployed
from spm.terminal import console

BUCKET: Final = "hot-reload"
OURS: Final = frozenset({".py", ".sql", ".html", ".css", ".js", ".svg", ".toml"})
"""What of a package goes into its asset."""

LOOK_SECONDS: Final = 0.3

Version = tuple[int, int]
"""When a file was changed, and its size."""


@dataclass(frozen=True)
class Mounted:
    """Functions of one asset, and the folder that they run from."""

    functions: Mapping[str, Mapping[str, str]]
    """By name: where the deployment put their code."""
    folder: Path
    packages: tuple[str, ...]
    """Top folders of the asset that the checkout has, too; the others are what was installed into it."""

    def takes(self, file: Path) -> bool:
        """Whether a file of the checkout belongs into the folder."""
        return file.parts[0] in self.packages and (self.folder / file).parent.is_dir()


def follow(checkout: Path, deployed: Deployed) -> None:
    """Have functions run the checkout's code until Ctrl-C; then what was deployed runs again."""
    aws = deployed.connection.aws
    mounts = mounted(checkout, deployed)
    packages = {package for mount in mounts for package in mount.packages}
    try:
        seen = versions(checkout, packages)
        for mount in mounts:
            bring_up_to_date(checkout, mount)
            start(aws, mount)
        console.err.print(f"watching {', '.join(sorted(packages))}; Ctrl-C ends it", soft_wrap=True)
        while True:
            time.sleep(LOOK_SECONDS)
            if (now := versions(checkout, packages)) != seen:
                changed = {file for file, _ in now.items() ^ seen.items()}
                seen = now
                reload(checkout, aws, mounts, changed)
    except KeyboardInterrupt:
        console.err.print("the functions run again what was deployed; ./scripts/localstack deploy updates it")
    finally:
        for mount in mounts:
            put_back(aws, mount)


def reload(checkout: Path, aws: Aws, mounts: Iterable[Mounted], changed: set[Path]) -> None:
    """Take changed files over and have their functions start anew; a mistake of syntax is told instead."""
    started = time.monotonic()
    names = ", ".join(str(file) for file in sorted(changed)[:3]) + (" …" if len(changed) > 3 else "")
    if wrong := first_mistake(checkout, changed):
        console.err.print(f"{wrong}; the functions go on with the code before it", soft_wrap=True)
        return
    for mount in mounts:
        if any(mount.takes(file) for file in changed):
            bring_up_to_date(checkout, mount)
            start(aws, mount)
    console.err.print(f"{names}: in effect after {time.monotonic() - started:.1f} s", soft_wrap=True)


def mounted(checkout: Path, deployed: Deployed) -> list[Mounted]:
    """Copy each asset of the last deployment to where functions may run from it."""
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    aws = deployed.connection.aws
    account, region = aws.identity.split(":")[4], str(aws.functions.meta.region_name)
    for resource in deployed.template["Resources"].values():
        code = resource.get("Properties", {}).get("Code", {})
        if resource["Type"] == "AWS::Lambda::Function" and "S3Key" in code:
            bucket = code["S3Bucket"]["Fn::Sub"]
            bucket = bucket.replace("${AWS::AccountId}", account).replace("${AWS::Region}", region)
            asset = code["S3Key"].removesuffix(".zip")
            name = resource["Properties"]["FunctionName"]
            found.setdefault(asset, {})[name] = {"S3Bucket": bucket, "S3Key": code["S3Key"]}
    return [_mount(checkout, asset, functions) for asset, functions in found.items()]


def _mount(checkout: Path, asset: str, functions: Mapping[str, Mapping[str, str]]) -> Mounted:
    source = checkout / ASSEMBLY / f"asset.{asset}"
    if not source.is_dir():
        raise MonitorError(f"{source} is missing: run ./scripts/localstack deploy again")
    folder = checkout / ".local" / "hot-reload" / asset
    shutil.copytree(source, folder, dirs_exist_ok=True)
    packages = [path.name for path in folder.iterdir() if (checkout / path.name / "__init__.py").exists()]
    return Mounted(functions, folder, tuple(sorted(packages)))


def versions(checkout: Path, packages: Iterable[str]) -> dict[Path, Version]:
    """Return what can tell that a file of these packages was changed."""
    found = {}
    for package in packages:
        for path in (checkout / package).rglob("*"):
            if path.suffix in OURS:
                stat = path.stat()
                found[path.relative_to(checkout)] = (stat.st_mtime_ns, stat.st_size)
    return found


def bring_up_to_date(checkout: Path, mount: Mounted) -> None:
    """Make the folder's packages those of the checkout; each file is changed at once or not at all."""
    for file in versions(checkout, mount.packages):
        target = mount.folder / file
        if mount.takes(file) and (content := (checkout / file).read_bytes()) != _content(target):
            new = target.with_name(f".{target.name}.new")
            new.write_bytes(content)
            new.replace(target)
    for package in mount.packages:
        for path in (mount.folder / package).rglob("*"):
            if path.suffix in OURS and not (checkout / path.relative_to(mount.folder)).exists():
                path.unlink()


def start(aws: Aws, mount: Mounted) -> None:
    """Have LocalStack start the functions anew, from the folder; those under way end as they began."""
    for name in mount.functions:
        aws.functions.update_function_code(FunctionName=name, S3Bucket=BUCKET, S3Key=str(mount.folder))
    _wait(aws, mount)


def put_back(aws: Aws, mount: Mounted) -> None:
    """Have the functions run again what was deployed."""
    for name, code in mount.functions.items():
        aws.functions.update_function_code(FunctionName=name, **_s3(code))
    _wait(aws, mount)


def first_mistake(checkout: Path, changed: Iterable[Path]) -> str | None:
    """Return where a changed file is no Python, with file and line."""
    for file in sorted(changed):
        if file.suffix == ".py" and (content := _content(checkout / file)) is not None:
            try:
                compile(content, str(file), "exec")
            except (SyntaxError, ValueError) as error:
                return f"{file}, line {getattr(error, 'lineno', '?')}: {getattr(error, 'msg', error)}"
    return None


def _s3(code: Mapping[str, str]) -> dict[str, Any]:
    return dict(code)


def _wait(aws: Aws, mount: Mounted) -> None:
    waiter = aws.functions.get_waiter("function_updated_v2")
    for name in mount.functions:
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
