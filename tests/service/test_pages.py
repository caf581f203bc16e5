"""The pages: both languages say everything, nothing from outside is more than text, and nothing needs a script."""

from __future__ import annotations

import re
import string
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

import autolora
from autolora.objectives import metric_named
from autolora.pages import plain_verdict
from autolora.service.faults import Invalid
from autolora.service.guard import PAGE_POLICY
from autolora.service.ids import Prefix, new_id
from autolora.service.jobs import NewJob
from autolora.service.journal import Journal
from autolora.service.pages.chart import chart_of
from autolora.service.pages.doors import SCREENS
from autolora.service.pages.english import WORDS as ENGLISH
from autolora.service.pages.japanese import FINDINGS, TROUBLES
from autolora.service.pages.japanese import WORDS as JAPANESE
from autolora.service.pages.searches import body_of
from autolora.service.states import Kind, State
from autolora.service.workplace import JobFolder
from autolora.store import RunFolder
from tests.report import made_up
from tests.service.conftest import OWN

pytestmark = pytest.mark.unit

PACKAGE = Path(autolora.__file__).parent
TRICK = "<script>alert(1)</script>{{7*7}}=CMD()"


class Seen(HTMLParser):
    """What a browser would find on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture
def finished(opened_service) -> str:
    """Return the id of a search that has succeeded."""
    desk = opened_service.desk
    desk.supervisor.stop()  # or it would begin the search before it stands where it is to stand
    job = NewJob(id=new_id(Prefix.SEARCH), kind=Kind.SEARCH, name="product-reviews")
    folder = JobFolder.make(desk.place.jobs / job.id, {"kind": "search", "task": {"base_model": "/nowhere"}})
    made = made_up.report()
    run = RunFolder.create(folder.run, "version: 1\nname: product-reviews\nmetric: macro_f1\n")
    run.write_data(made.data)
    run.write_trials(made.trials)
    run.write_confirm(made.confirm)
    run.write_recommendation(made.recommendation)
    run.write_done()
    said = Journal(folder.path / "progress.jsonl")
    said.say("guide", metric="macro_f1", direction="maximize")
    for trial in made.trials:
        said.trial("ended", trial, len(made.trials))
    desk.jobs.add(job)
    desk.jobs.move(job.id, State.SUCCEEDED, starts=True)
    return job.id


def fields(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    assert set(ENGLISH) == set(JAPANESE)
    assert {key for key in ENGLISH if fields(ENGLISH[key]) != fields(JAPANESE[key])} == set()
    assert not [key for key, said in JAPANESE.items() if said == ENGLISH[key]]


def test_every_finding_that_the_library_knows_is_explained_in_japanese() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")))
    codes = set(re.findall(r'Finding\(\s*code="(\w+)"', sources))
    codes |= set(re.findall(r'_finding\(\s*"(\w+)"', sources))

    assert len(codes) > 15
    assert codes == set(FINDINGS)


def test_every_named_fault_of_a_table_is_explained_in_japanese() -> None:
    sources = [*(PACKAGE / "data").rglob("*.py"), PACKAGE / "service" / "checking.py"]
    codes = {code for path in sources for code in re.findall(r'\bcode="(\w+)"', path.read_text(encoding="utf-8"))}
    codes -= set(FINDINGS)

    assert len(codes) > 15
    assert codes == set(TROUBLES)
    assert all(why and what_to_do for why, what_to_do in TROUBLES.values())


def test_every_screen_has_help_in_the_order_of_the_way(visitor) -> None:
    html = visitor().get("/help").text

    assert [attributes["id"] for attributes in Seen(html).all("section")] == list(SCREENS)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_is_whole_in_either_language(visitor, finished, language) -> None:
    client = visitor(language)
    for path in ("/", "/data", "/searches/new", f"/searches/{finished}", f"/searches/{finished}/trials", "/help",
                 f"/compare?id={finished}&id={finished}", "/login"):  # fmt: skip
        answer = client.get(path)
        seen = Seen(answer.text)
        named = {attributes.get("for") for attributes in seen.all("label")}

        assert answer.status_code == 200, (path, answer.text)
        assert seen.all("html")[0]["lang"] == language
        assert len(seen.all("h1")) == 1
        assert len(seen.all("main")) == 1
        for control in seen.all("input", "select", "textarea"):
            is_wrapped = control.get("type") in ("radio", "checkbox")
            assert control.get("id") in named or control.get("aria-label") or is_wrapped, (path, control)


def test_pages_keep_to_their_policy(visitor, finished) -> None:
    client = visitor()
    for path in ("/", "/data", "/searches/new", f"/searches/{finished}", "/help"):
        answer = client.get(path)
        seen = Seen(answer.text)

        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert not seen.all("style")
        assert all(script.get("src") for script in seen.all("script"))
        assert not [name for _, attributes in seen.tags for name in attributes if name == "style" or name[:2] == "on"]
        outside = [attributes for _, attributes in seen.tags if re.match(r"(https?:)?//", str(attributes.get("src")))]
        assert outside == []


def test_the_first_page_is_small_with_all_that_it_loads(visitor) -> None:
    client = visitor()
    page = client.get("/")
    loaded = [attributes.get("src") or attributes.get("href") for attributes in Seen(page.text).all("script", "link")]
    loaded.remove("data:,")  # no icon
    total = len(page.content) + sum(len(client.get(str(path)).content) for path in loaded)

    assert len(loaded) == 2
    assert total < 200_000


def test_the_login_lets_in_with_the_token_and_nobody_else(web, opened_service) -> None:
    stranger = web(token=False, Accept="text/html", Origin=OWN)
    wrong = stranger.post("/login", data={"token": "guess"})
    right = stranger.post("/login", data={"token": opened_service.sessions.token}, follow_redirects=False)
    cookie = right.headers["set-cookie"]

    assert wrong.status_code == 401
    assert "This is not the token." in wrong.text
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert opened_service.sessions.token not in cookie
    assert stranger.get("/").status_code == 200
    assert stranger.post("/logout", follow_redirects=False).headers["location"] == "/login"
    assert stranger.get("/", follow_redirects=False).status_code == 303


def test_a_language_that_was_chosen_stays(visitor) -> None:
    client = visitor("en")
    client.get("/?lang=ja")

    assert '<html lang="ja"' in client.get("/data").text


def test_a_finished_search_shows_its_verdict_reports_and_chart(visitor, finished, opened_service) -> None:
    html = visitor().get(f"/searches/{finished}").text
    found = opened_service.desk.found(finished)

    assert "Result: " in html
    for reason in found.recommendation.reasons:
        assert reason.text.split(" (")[0][:30] in html.replace("&#39;", "'")
    assert "audience=management&amp;lang=ja" in html
    assert html.count("<circle") == len(chart_of(found.trials, metric_named("macro_f1")).dots)
    assert "hx-trigger" not in html, "nothing more is to come"


def test_what_is_recommended_is_said_in_plain_words_of_either_language(visitor, finished, opened_service) -> None:
    found = opened_service.desk.found(finished)

    for language, other in (("en", "ja"), ("ja", "en")):
        html = unescape(visitor(language).get(f"/searches/{finished}").text)
        assert plain_verdict(found, language) in html
        assert plain_verdict(found, other) not in html


def test_the_live_part_is_new_when_anything_is(visitor, finished, opened_service) -> None:
    desk = opened_service.desk
    desk.jobs.move(finished, State.RUNNING)
    client = visitor()
    path = f"/searches/{finished}/live"
    first, same = client.get(path).text, client.get(path).text
    Journal(desk.place.job(finished).path / "progress.jsonl").stage("Looking once more")
    news = client.get(path).text
    desk.jobs.move(finished, State.SUCCEEDED)
    done = client.get(path).text

    assert first == same
    assert "Looking once more" in news
    assert "hx-trigger" in news
    assert "Result: " in done
    assert "hx-trigger" not in done
    assert "<html" not in done


def test_reports_run_as_strangers_in_the_browser(visitor, finished) -> None:
    answer = visitor().get(f"/v1/searches/{finished}/report?audience=management&lang=ja")

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in answer.headers["content-security-policy"]


def test_what_comes_from_outside_is_text_and_nothing_else(visitor, opened_service) -> None:
    desk = opened_service.desk
    desk.supervisor.stop()
    id = new_id(Prefix.DATA)
    desk.jobs.add_dataset(id=id, name=TRICK, file="x.csv", bytes=1, sha256="0")
    job = desk.jobs.add(NewJob(id=new_id(Prefix.SEARCH), kind=Kind.SEARCH, name=TRICK))
    JobFolder.make(desk.place.jobs / job.id, {"kind": "search"})
    desk.jobs.move(job.id, State.FAILED, cause=TRICK, hint=TRICK)
    client = visitor()
    for path in ("/", "/data", f"/searches/{job.id}"):
        html = client.get(path).text

        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "{{7*7}}" in html
        assert "49" not in re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.+]*|[a-z]+_[0-9a-z]{20}", "", html)


def test_what_is_not_there_is_said_on_a_page_to_people_and_in_a_document_to_programs(visitor, web) -> None:
    page = visitor().get("/searches/nope")
    document = web().get("/searches/nope")

    assert page.status_code == document.status_code == 404
    assert "This did not work" in page.text
    assert document.json()["code"] == "not_found"


@pytest.mark.parametrize("name", ["../guard.py", "%2e%2e/app.py", "htmx-LICENSE.txt", "app.css/..", ""])
def test_no_file_but_what_pages_load_is_given_away(visitor, name) -> None:
    assert visitor().get(f"/static/{name}").status_code == 404


def test_a_form_says_what_the_api_would() -> None:
    form = {
        "dataset": "data_x", "base_model": "m", "metric": "accuracy", "min_metric": "0.8", "max_params": "500,000",
        "max_memory": "8GB", "minutes": "60", "trials": "24", "baselines": "quick", "seed": "0", "priority": "",
        "name": "",
    }  # fmt: skip

    assert body_of(form) == {
        "dataset": "data_x", "base_model": "m", "metric": "accuracy",
        "limits": {"max_params": 500_000, "min_metric": 0.8, "max_memory": "8GB"},
        "budget": {"minutes": 60, "trials": 24}, "baselines": "quick", "seed": 0, "priority": 0,
    }  # fmt: skip
    assert "minutes" not in body_of(form | {"minutes": "0"})["budget"]
    with pytest.raises(Invalid, match="max_params must be a number, but got 'many'"):
        body_of(form | {"max_params": "many"})


def test_a_search_that_has_ended_can_be_deleted_with_all_that_it_found(visitor, finished, opened_service) -> None:
    client = visitor()
    folder = opened_service.desk.place.jobs / finished
    there = folder.is_dir()
    answer = client.post(f"/searches/{finished}/delete", follow_redirects=False)

    assert there
    assert answer.status_code == 303
    assert not folder.exists()
    assert client.get(f"/searches/{finished}").status_code == 404


def test_a_chart_is_there_from_the_first_trial_in_full_on() -> None:
    trials = made_up.trials()
    metric = metric_named("macro_f1")
    done = [t for t in trials if t.state == "complete"]
    one = chart_of(tuple(done[:1]), metric)

    assert chart_of((), metric) is None
    assert one is not None
    assert len(one.dots) == 1
    assert all(
        one.left <= dot.x <= one.right and one.top <= dot.y <= one.floor for dot in chart_of(trials, metric).dots
    )


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("ja", JAPANESE)])
def test_the_help_of_every_screen_stands_in_the_manual(language, words) -> None:
    manual = (PACKAGE.parent / f"docs/manual.{language}.md").read_text(encoding="utf-8")
    between = " " if language == "en" else ""

    for screen in SCREENS:
        assert between.join(words[f"help.{screen}"].split()) in between.join(manual.split())
