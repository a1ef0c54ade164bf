"""The page about the pipeline: what it says, who sees payloads, and what it takes to change something."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from portal.dashboard.app import Dashboard, make_app
from portal.dashboard.pages.pipeline import MEANINGS, short, visible
from portal.dashboard.pipeline import PipelineFigures
from processor.commands.status import Lag
from tests.unit.portal.pipeline_samples import SamplePipeline, name_of
from tests.unit.portal.samples import NOW, Samples

DOCS = Path(__file__).resolve().parents[3] / "docs"
ORIGIN = {"origin": "http://testserver"}


class WithPipeline(Samples):
    """The sample school, with its pipeline."""

    def __init__(self, pipeline: SamplePipeline | None) -> None:
        super().__init__()
        self.pipeline = pipeline


def client(pipeline: SamplePipeline | None) -> TestClient:
    source = WithPipeline(pipeline)
    return TestClient(make_app(Dashboard(lambda _: source, now=lambda: NOW)))


def token_in(text: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', text)
    assert found is not None, text
    return found[1]


def test_it_says_what_needs_a_look_and_what_came() -> None:
    text = client(SamplePipeline()).get("/pipeline").text
    assert "<h1>3 things need a look</h1>" in text
    assert "The alarm rejected-events is on." in text
    assert "3 records could not be read and wait below." in text
    assert "1,204 events, 0.33 per second" in text
    assert "half within 0.4 s, 99 % within 1.3 s, of the last 1,000 events" in text
    assert f"{sum(SamplePipeline().figures().by_minute or []):,} events in the last hour, most at " in text


def test_all_is_well() -> None:
    pipeline = SamplePipeline()
    pipeline.open, pipeline.objects, pipeline.alarms = [], [], {}
    text = client(pipeline).get("/pipeline").text
    assert "<h1>All is well: everything that arrives is stored</h1>" in text
    assert "There are none." in text
    assert "Lambda has not given up on any records" in text
    assert "This stack has no alarms." in text


class Untouched(SamplePipeline):
    """Nothing has come yet, and only the reports function can be asked."""

    def figures(self) -> PipelineFigures:
        status = replace(
            super().figures().status,
            stored=0,
            stored_last_hour=0,
            last_stored_at=None,
            lag_ms=Lag(None, None),
            rejected_open=0,
            open_by_reason=[],
        )
        return PipelineFigures(name="student-performance", status=status)


def test_before_the_first_event_the_page_says_what_is_not_known() -> None:
    text = client(Untouched()).get("/pipeline").text
    assert "nothing arrived in the last hour" in text
    assert "<dd>never</dd>" in text
    assert "This page cannot ask CloudWatch, which counts them." in text
    assert "This page cannot see what Lambda has given up on." in text
    assert "This page cannot see alarms." in text


def test_what_was_sent_is_shown_as_text() -> None:
    text = client(SamplePipeline()).get("/pipeline").text
    assert "&lt;b&gt;87&lt;/b&gt;" in text
    assert "<b>87" not in text
    assert "\\u0000\\xff" in text


def test_without_the_right_the_page_has_no_payloads_and_no_buttons() -> None:
    text = client(SamplePipeline(allowed=False)).get("/pipeline").text
    assert "no right to lambda:InvokeFunction: ask for the stack’s operators policy." in text
    assert "invalid_member" in text
    assert "student-0007" not in text
    assert 'href="redrive' not in text
    assert 'href="replay' not in text


def test_without_an_operator_nothing_can_be_done() -> None:
    pipeline = SamplePipeline()
    pipeline.operator = None
    pages = client(pipeline)
    assert "student-0007" not in pages.get("/pipeline").text
    assert pages.get("/redrive?reason=not_json").status_code == 403
    assert pages.get("/replay").status_code == 403


def test_a_teacher_has_no_such_page() -> None:
    pages = client(None)
    assert pages.get("/pipeline").status_code == 404
    assert 'href="pipeline"' not in pages.get("/").text
    assert pages.get("/redrive?reason=not_json").status_code == 403


def test_a_change_is_shown_first_and_asked_for_once() -> None:
    pipeline = SamplePipeline()
    pages = client(pipeline)
    asked = pages.get("/redrive?reason=invalid_member").text
    assert "Of 2 records, 2 can be stored today." in asked
    assert pipeline.calls == []
    fields = {"token": token_in(asked)}
    done = pages.post("/redrive?reason=invalid_member", data=fields, headers=ORIGIN, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "pipeline?redriven=2&still=0")
    assert "2 records stored." in pages.get("/pipeline?redriven=2&still=0").text
    assert len(pipeline.open) == 1


def test_one_record_is_dismissed_with_a_reason() -> None:
    pipeline = SamplePipeline()
    pages = client(pipeline)
    address = f"/dismiss?record={name_of(pipeline.open[0])}"
    token = token_in(pages.get(address).text)
    without = pages.post(address, data={"token": token, "because": " "}, headers=ORIGIN)
    assert (without.status_code, pipeline.calls) == (400, [])
    done = pages.post(address, data={"token": token, "because": "a test"}, headers=ORIGIN)
    assert "1 record dismissed." in done.text
    assert pipeline.calls == [("dismiss", "a test")]


def test_failed_records_are_replayed() -> None:
    pipeline = SamplePipeline()
    pages = client(pipeline)
    asked = pages.get("/replay").text
    assert "Replay 1 object of failed records" in asked
    assert (
        "120 records brought" in pages.post("/replay", data={"token": token_in(asked)}, headers=ORIGIN).text
    )


FROM_ELSEWHERE = {"origin": "https://evil.example"}


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("", ORIGIN),
        ("wrong", ORIGIN),
        ("é", ORIGIN),
        (None, FROM_ELSEWHERE),
        (None, {}),
        (None, {"origin": "null"}),
        (None, ORIGIN | {"sec-fetch-site": "cross-site"}),
        (None, ORIGIN | {"sec-fetch-site": "same-site"}),
    ],
)
def test_nothing_is_done_for_a_form_of_somebody_else(token: str | None, headers: dict[str, str]) -> None:
    pipeline = SamplePipeline()
    pages = client(pipeline)
    good = token_in(pages.get("/replay").text)
    answer = pages.post("/replay", data={"token": good if token is None else token}, headers=headers)
    assert (answer.status_code, pipeline.calls) == (403, [])
    assert "Nothing was changed" in answer.text


def test_a_token_is_good_for_its_own_form_only() -> None:
    pipeline = SamplePipeline()
    pages = client(pipeline)
    of_one = token_in(pages.get("/redrive?reason=not_json").text)
    answer = pages.post("/redrive?reason=invalid_member", data={"token": of_one}, headers=ORIGIN)
    assert (answer.status_code, pipeline.calls) == (403, [])
    assert pages.post("/replay", data={"token": of_one, "x": "y" * 20_000}, headers=ORIGIN).status_code == 400


@pytest.mark.parametrize("query", ["redriven=x", "redriven=-1", f"redriven={'9' * 5000}", "dismissed=<b>"])
def test_an_address_cannot_put_words_into_the_page(query: str) -> None:
    answer = client(SamplePipeline()).get(f"/pipeline?{query}")
    assert answer.status_code == 200
    assert "<b>" not in answer.text
    assert "dismissed." not in answer.text


def test_it_is_asked_again_only_when_the_figures_changed() -> None:
    pipeline = SamplePipeline()
    pages = client(pipeline)
    seen = re.search(
        r'data-seen="(&#34;\w+&#34;)" data-revision="revision\?page=pipeline"', pages.get("/pipeline").text
    )
    assert seen is not None
    tag = {"if-none-match": seen[1].replace("&#34;", '"')}
    assert pages.get("/revision?page=pipeline", headers=tag).status_code == 304
    pipeline.open.pop()
    assert pages.get("/revision?page=pipeline", headers=tag).status_code == 200


@pytest.mark.parametrize("table", ["minutes", "reasons", "failed", "alarms"])
def test_every_table_is_csv(table: str) -> None:
    text = client(SamplePipeline()).get(f"/pipeline?table={table}&format=csv").text
    assert len(text.splitlines()) > 1


def test_an_alarm_is_known_by_the_end_of_its_name() -> None:
    assert short("student-performance-dev-stream-iterator-age") == "stream-iterator-age"
    assert short("student-performance-dev-iterator-age") == "iterator-age"
    assert short("of-somebody-else") == "of-somebody-else"


def test_invisible_characters_are_written_out() -> None:
    assert visible("a\x1b[2J\u202eb\n") == "a\\u001b[2J\\u202eb\n"


def test_the_alarms_say_what_the_runbook_says() -> None:
    """docs/operations.md is the source of alarms.toml."""
    alarms = (DOCS / "operations.md").read_text().split("## Alarms")[1].split("\n## ")[0]
    written = {}
    for part in alarms.split("\n### ")[1:]:
        name, _, text = part.partition("\n")
        means, do = (
            re.search(rf"- \*\*{label}:\*\* (.*?)(?=\n- \*\*|\Z)", text.strip(), re.DOTALL)
            for label in ("Means", "Do")
        )
        assert means is not None, name
        assert do is not None, name
        written[name] = (plain(means[1]), plain(do[1]))
    assert written == {name: tuple(meaning) for name, meaning in MEANINGS.items()}


def plain(markdown: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(markdown.split())).replace("**", "")
