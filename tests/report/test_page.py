from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from autolora.records import Verdict
from autolora.report import SearchReport, render_engineer
from tests.report import made_up

pytestmark = pytest.mark.unit


class _Page(HTMLParser):
    """The parts of a page that the tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, before = self.scripts[-1]
            self.scripts[-1] = (kind, before + data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def html() -> str:
    return render_engineer(made_up.report())


def test_the_verdict_stands_before_every_number(html: str) -> None:
    page = _Page(html)

    assert [tag for tag, _ in page.tags if tag in ("h1", "h2", "table", "dl")][:2] == ["h1", "h2"]
    assert "Adopt the adapter of trial 17: it does the job with 13,058 trainable parameters." in page.text
    assert "confirm.candidates.tfidf.test = 0.795" in page.text


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("adopt", "Adopt the adapter of trial 17"),
        ("keep_default", "Keep the default LoRA settings"),
        ("use_simpler", "Use something simpler"),
        ("not_ready", "Not ready"),
    ],
)
def test_every_verdict_is_a_sentence_in_plain_words(verdict: Verdict, sentence: str) -> None:
    good = made_up.report()
    assert good.recommendation is not None
    page = _Page(render_engineer(replace(good, recommendation=replace(good.recommendation, verdict=verdict))))

    assert sentence in page.text


def test_a_verdict_without_an_adapter_has_no_code_to_load_one() -> None:
    good = made_up.report()
    assert good.recommendation is not None
    nothing = replace(
        good.recommendation,
        verdict="not_ready",
        config=None,
        trial=None,
        metric=None,
        trainable_params=0,
        adapter_bytes=0,
    )
    page = _Page(render_engineer(replace(good, recommendation=nothing)))

    assert "There is no adapter to load: none has been confirmed." in page.text
    assert "PeftModel" not in page.text


def test_numbers_stand_with_metric_split_and_rows(html: str) -> None:
    text = _Page(html).text

    assert "macro-F1, test, 170 rows" in text
    assert "macro-F1, validation, 340 rows" in text
    assert "test, 170 rows; 95 % interval 0.806 to 0.919" in text


def test_failures_are_told_with_their_causes(html: str) -> None:
    text = _Page(html).text

    for _, cause in made_up.ENDS.values():
        assert cause in text


def test_the_table_of_trials_has_a_row_for_each(html: str) -> None:
    table = html[html.index('id="trial-table"') :]

    assert table[: table.index("</table>")].count("<tr") == 1 + 24


def test_few_trials_bring_a_warning_beside_the_importance(html: str) -> None:
    assert "Read with care: 19 trials are few." in _Page(html).text


def test_a_reopened_test_split_is_owned_up_to() -> None:
    warning = "The test split had been opened before, for another choice."

    assert warning not in _Page(render_engineer(made_up.report())).text
    assert warning in _Page(render_engineer(replace(made_up.report(), reopened_test=True))).text


def test_an_unconfirmed_search_has_no_verdict_and_says_what_is_missing() -> None:
    text = _Page(render_engineer(made_up.unconfirmed())).text

    assert "No verdict yet" in text
    assert "its finalists have not been trained again on fresh seeds" in text
    assert "There is nothing to compare yet." in text


def test_a_search_that_failed_throughout_draws_no_chart_and_carries_no_chart_library() -> None:
    html = render_engineer(made_up.all_failed())
    page = _Page(html)

    assert "No trial was trained in full: of 24 trials, 24 out of memory." in page.text
    assert not [attrs for _, attrs in page.tags if "data-figure" in attrs]
    assert len(html) < 100_000


def test_a_search_without_trials_is_a_page_too() -> None:
    assert (
        "No trial has been started."
        in _Page(render_engineer(replace(made_up.unconfirmed(), trials=(), events=()))).text
    )


@pytest.mark.parametrize("build", [made_up.report, made_up.hostile, lambda: made_up.many(1000)])
def test_a_page_is_one_file_under_three_megabytes(build: Callable[[], SearchReport]) -> None:
    assert len(render_engineer(build()).encode()) < 3_000_000


def test_nothing_from_outside_becomes_markup_or_script() -> None:
    tame, wild = _Page(render_engineer(made_up.report())), _Page(render_engineer(made_up.hostile()))

    assert {tag for tag, _ in wild.tags} == {tag for tag, _ in tame.tags}
    assert not [attrs for _, attrs in wild.tags if any(name.startswith("on") for name in attrs)]
    assert [kind for kind, _ in wild.scripts] == ["application/json", None, None]
    assert wild.scripts[1:] == tame.scripts[1:]
    assert "{{7*7}}" in wild.text
    assert not re.search(r"[<>&\u2028\u2029]", wild.scripts[0][1])
    json.loads(wild.scripts[0][1])


def test_the_policy_names_the_page_s_own_scripts_and_allows_no_source(html: str) -> None:
    page = _Page(html)
    policy = next(attrs["content"] or "" for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    hashes = [
        base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for kind, body in page.scripts if kind is None
    ]

    assert policy.startswith("default-src 'none'; script-src ")
    assert all(f"'sha256-{one}'" in policy for one in hashes)
    assert "http" not in policy
    assert "unsafe-eval" not in policy


def test_no_attribute_names_another_file_or_host(html: str) -> None:
    asked = [
        attrs[name] or ""
        for _, attrs in _Page(html).tags
        for name in ("src", "href", "srcset", "data", "action", "poster")
        if name in attrs
    ]

    assert asked
    assert all(value.startswith(("#", "data:")) for value in asked)


def test_links_of_the_contents_lead_to_sections(html: str) -> None:
    page = _Page(html)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert len(ids) == len(set(ids))
    assert {attrs["href"] for tag, attrs in page.tags if tag == "a"} <= {f"#{one}" for one in ids}


def test_charts_have_a_name_for_those_who_do_not_see_them(html: str) -> None:
    charts = [attrs for _, attrs in _Page(html).tags if "data-figure" in attrs]

    assert [chart["data-figure"] for chart in charts] == [
        "confirmed", "coverage", "reliability", "params", "memory", "rungs", "importance"
    ]  # fmt: skip
    assert all(chart["role"] == "img" and "table" in (chart["aria-label"] or "") for chart in charts)


def test_no_absolute_path_of_the_request_reaches_the_page(html: str) -> None:
    assert "/home/someone" not in html


def test_the_report_room_loads_no_engine_and_no_search_library() -> None:
    code = (
        "import sys; from autolora.report import render_engineer; from tests.report import made_up;"
        "render_engineer(made_up.report());"
        "heavy = {'torch', 'transformers', 'peft', 'ray', 'optuna'};"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
