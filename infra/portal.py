"""The parts that face the outside, each if the configuration asks for it."""

from collections.abc import Sequence
from typing import NamedTuple

from constructs import Construct

from infra.alarm_topic import AlarmTopic
from infra.alerts import Alerts
from infra.config import APPLICATION, Config
from infra.front_door import FrontDoor
from infra.functions import Functions
from infra.ingestion import Ingestion
from infra.school_dashboard import SchoolDashboard


class Portal(NamedTuple):
    """The front door, the dashboard, and the alerts."""

    door: FrontDoor | None
    pages: SchoolDashboard | None
    alerts: Alerts | None


def make_portal(
    scope: Construct,
    config: Config,
    functions: Functions,
    ingestions: Sequence[Ingestion],
    alarms: AlarmTopic,
) -> Portal:
    """Make the parts that ``config`` asks for; all of them are for the shipped pipeline."""
    if not (config.ingest or config.dashboard or config.alerts):
        return Portal(None, None, None)
    shipped = next(one for one in ingestions if one.pipeline.name == APPLICATION)
    door = FrontDoor(scope, "FrontDoor", config=config, stream=shipped.stream) if config.ingest else None
    pages = None
    if config.dashboard:
        reports, key = functions.reports, shipped.stream.key
        pages = SchoolDashboard(scope, "SchoolDashboard", config=config, reports=reports, key=key)
    alerts = None
    if config.alerts:
        dashboard = config.dashboard_url or (pages.url if pages else None)
        alerts = Alerts(
            scope,
            "Alerts",
            config=config,
            functions=functions,
            of=shipped,
            alarms=alarms,
            dashboard=dashboard,
        )
    return Portal(door, pages, alerts)
