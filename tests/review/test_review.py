"""From a finished search to a page and back: the commands, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autolora import results
from autolora.cli import main
from autolora.pages import engineer_page
from autolora.records import from_json
from autolora.records.review import ReviewRecord
from autolora.review.records import ReviewKey
from autolora.store import RunFolder
from tests.review import made

pytestmark = pytest.mark.unit


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, arguments)])


def refused(done: Result) -> str:
    """Return the one line that a refused command says."""
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def made_from(folder: Path, *arguments: str | Path) -> ReviewKey:
    """Make a review, and return its key."""
    done = run("make", folder, "-o", folder.parent / "review.html", *arguments)
    assert done.exit_code == 0, done.output
    (path,) = (folder / "review").glob("key-*.json")
    return from_json(path.read_bytes(), ReviewKey)


def kept(folder: Path, name: str, content: Any) -> Path:
    path = folder.parent / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return made.written_run(tmp_path / "run")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    return made.labelled_run(tmp_path / "labelled")


# -------------------------------------------------------------------------------------------------------------- making


def test_a_written_search_gives_a_page_without_names_and_right_answers(written: Path) -> None:
    key = made_from(written)
    html = (written.parent / "review.html").read_text(encoding="utf-8")

    assert not [name for name in key.candidates if name in html]
    assert "the right one" not in html
    assert "question 3 &lt;b&gt;&amp;" in html
    assert key.candidates == (made.CHOSEN, made.DEFAULT, made.BASE)
    assert key.strata == {"differ": 7, "agree": 1}
    assert len(key.answers) == 7 * 3 + 1


def test_a_labelled_search_gives_a_page_of_texts_that_are_read_again(labelled: Path) -> None:
    key = made_from(labelled, "--language", "ja")
    html = (labelled.parent / "review.html").read_text(encoding="utf-8")
    truth = results.read(labelled).predictions

    assert truth is not None
    assert (key.kind, key.classes, key.candidates) == (
        "class",
        ("delivery", "money"),
        (made.CHOSEN, made.DEFAULT, "head_only"),
    )
    assert len(key.items) == len(truth.row_ids)
    for row in truth.row_ids:
        word, number = ("parcel", "card")[(int(row) - 1) % 2], (int(row) - 1) // 2
        assert f">{word} number {number}</div>" in html
    assert "<option>delivery</option><option>money</option>" in html
    assert 'lang="ja"' in html
    said = {item.row_id: {a.text for a in item.answers if made.CHOSEN in a.candidates} for item in key.items}
    assert said == {row: {key.classes[label]} for row, label in zip(truth.row_ids, truth.truth, strict=True)}


def test_the_page_is_the_same_whatever_is_right(labelled: Path) -> None:
    made_from(labelled)
    before = (labelled.parent / "review.html").read_bytes()
    content = json.loads((labelled / "predictions.json").read_text())
    content["truth"] = [1 - label for label in content["truth"]]
    (labelled / "predictions.json").write_text(json.dumps(content))

    made_from(labelled)

    assert (labelled.parent / "review.html").read_bytes() == before


@pytest.mark.parametrize(
    ("rivals", "base"), [(("head_only", "tfidf"), ("head_only",)), (("tfidf",), ("tfidf",)), (("majority",), ())]
)
def test_the_base_of_labelled_rows_is_its_head_alone_else_tfidf_else_none(tmp_path: Path, rivals, base) -> None:
    key = made_from(made.labelled_run(tmp_path / "labelled", rivals=rivals))

    assert key.candidates == (made.CHOSEN, made.DEFAULT, *base)


def test_fewer_rows_and_another_seed_are_another_review(written: Path) -> None:
    done = [run("make", written, "-o", written.parent / "r.html", "--rows", "4", "--seed", seed) for seed in ("1", "2")]

    assert [each.exit_code for each in done] == [0, 0]
    assert "answers to 4 of 8 test rows" in done[0].stderr
    assert len(list((written / "review").glob("key-*.json"))) == 2


def test_label_studio_gets_tasks_and_an_interface_of_the_same_review(written: Path) -> None:
    key = made_from(written)
    done = run("make", written, "-o", written.parent / "tasks.json", "--format", "label-studio")

    assert done.stdout.split() == [str(written.parent / "tasks.json"), str(written.parent / "tasks.config.xml")]
    tasks = json.loads((written.parent / "tasks.json").read_text())
    assert {task["data"]["review"] for task in tasks} == {key.id}
    assert (written.parent / "tasks.config.xml").read_text().startswith("<View>")


def test_a_search_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    folder = made.written_run(tmp_path / "run", done=False)

    for command in (["make", folder, "-o", tmp_path / "r.html"], ["read", folder, tmp_path / "r.json"]):
        assert "is not finished, so there is nothing to review yet (go on with --resume)" in refused(run(*command))
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("name", ["answers.json", "predictions.json"])
def test_a_search_without_its_answers_is_refused(name: str, tmp_path: Path) -> None:
    folder = made.written_run(tmp_path / "run") if name == "answers.json" else made.labelled_run(tmp_path / "labelled")
    (folder / name).unlink()

    assert f"{name} in " in refused(run("make", folder, "-o", tmp_path / "r.html"))
    assert not (folder / "review").exists()


def test_a_search_that_found_no_adapter_is_refused(written: Path) -> None:
    content = json.loads((written / "recommendation.json").read_text())
    (written / "recommendation.json").write_text(json.dumps(content | {"trial": None, "config": None}))

    assert "found no adapter that could be reviewed" in refused(run("make", written, "-o", written.parent / "r.html"))


def test_data_that_have_changed_since_the_search_are_refused(labelled: Path) -> None:
    with open(labelled.parent / "rows.csv", "a", encoding="utf-8") as file:
        file.write("one more parcel,delivery\n")

    assert "the data have changed since the search: sha256:" in refused(
        run("make", labelled, "-o", labelled / "r.html")
    )


@pytest.mark.parametrize("output", ["no/such/folder/r.html", "folder"])
def test_a_page_that_cannot_be_written_is_one_line(output: str, written: Path) -> None:
    (written.parent / "folder").mkdir()

    said = refused(run("make", written, "-o", written.parent / output))

    assert "cannot be written" in said
    assert "name a file in a folder that exists and has space" in said


# ------------------------------------------------------------------------------------------------------------- reading


def test_rejected_answers_turn_the_verdict_and_enter_reasons_and_report(written: Path) -> None:
    key = made_from(written)
    only_base = made.accepts(made.BASE)
    done = run("read", written, kept(written, "a.json", made.saved(key, only_base)))
    it = results.read(written)

    assert done.exit_code == 0, done.output
    assert "verdict  use something simpler (before the review: adopt the recommended adapter)" in done.stdout
    assert it.recommendation is not None
    assert it.review is not None
    assert (it.recommendation.verdict, it.recommendation.verdict_before_review) == ("use_simpler", "adopt")
    assert {c.name: c.accepted for c in it.review.candidates} == pytest.approx(
        {made.CHOSEN: 1 / 8, made.DEFAULT: 1 / 8, made.BASE: 1.0}
    )
    assert [(r.text, r.judgement, r.times) for r in it.review.reasons] == [("too vague", "reject", 14)]
    page = (written / "report.html").read_text(encoding="utf-8")
    assert ">Practitioner review</h2>" in page
    assert "reviewers accept its answers more often than the adapter&#39;s" in page
    assert "too vague" in page
    assert "review.differences.zero_shot" in page


def test_reading_again_takes_the_place_of_what_was_read_before(written: Path) -> None:
    key = made_from(written)
    bad = kept(written, "bad.json", made.saved(key, made.accepts(made.BASE)))
    good = kept(written, "good.json", made.saved(key, reviewer="Ben"))
    first = RunFolder(written).recommendation()
    assert first is not None
    run("read", written, bad)

    done = run("read", written, good)
    after = RunFolder(written).recommendation()

    assert done.exit_code == 0
    assert after is not None
    assert (after.verdict, after.verdict_before_review) == ("adopt", "adopt")
    assert after.reasons[: len(first.reasons)] == first.reasons
    assert not any("less often than" in r.text and r.text.startswith("Reviewers accept") for r in after.reasons)


def test_several_reviewers_are_averaged_and_their_agreement_told(written: Path) -> None:
    key = made_from(written)
    files = [
        kept(written, "a.json", made.saved(key, made.accepts(made.CHOSEN))),
        kept(written, "b.json", made.export(key, made.accepts(made.CHOSEN, made.DEFAULT), annotator="ben@x.org")),
    ]
    done = run("read", written, *files)
    it = RunFolder(written).review()

    assert done.exit_code == 0, done.output
    assert it is not None
    assert it.reviewers == ("Ada", "ben@x.org")
    assert next(c.accepted for c in it.candidates if c.name == made.DEFAULT) == pytest.approx((7 * 0.5 + 1) / 8)
    assert it.agreement == pytest.approx(15 / 22)
    assert "Krippendorff's alpha" in done.stdout


def test_a_share_that_is_asked_for_and_not_shown_makes_it_not_ready(written: Path) -> None:
    key = made_from(written)
    done = run("read", written, kept(written, "a.json", made.saved(key)), "--min-accepted", "0.9")

    assert "verdict  not ready" in done.stdout
    assert "is not shown; about " in done.stdout
    assert "more rows judged alike would show it" in done.stdout


def test_edits_are_kept_with_what_was_written_and_left_out_of_a_report_without_texts(written: Path) -> None:
    key = made_from(written)

    def opinion(_: str, whose: tuple[str, ...]) -> tuple[str, str, str]:
        return ("edit", "a better <one>", "needs a date") if made.BASE in whose else ("accept", "", "")

    run("read", written, kept(written, "a.json", made.saved(key, opinion)))
    it = results.read(written)

    assert it.review is not None
    assert len(it.review.edits) == 8
    assert {edit.edited for edit in it.review.edits} == {"a better <one>"}
    assert all(edit.candidates == (made.BASE,) for edit in it.review.edits if edit.row_id != "7")
    assert "a better &lt;one&gt;" in engineer_page(it)
    shared = engineer_page(it, texts=False)
    assert "Practitioner review" in shared
    assert not [words for words in ("a better", "needs a date") if words in shared]


def test_a_review_of_another_run_is_refused_and_nothing_is_written(written: Path, labelled: Path) -> None:
    key = made_from(written)
    before = (labelled / "recommendation.json").read_bytes()

    said = refused(run("read", labelled, kept(written, "a.json", made.saved(key))))

    assert f"a.json is of review '{key.id}', which was not made of the run" in said
    assert (labelled / "recommendation.json").read_bytes() == before
    assert not (labelled / "review.json").exists()


def test_answers_that_are_no_longer_those_that_were_judged_are_refused(written: Path) -> None:
    key = made_from(written)
    content = (written / "answers.json").read_text()
    (written / "answers.json").write_text(content.replace("0 to 3", "0 to three"))

    said = refused(run("read", written, kept(written, "a.json", made.saved(key))))

    assert f"are not those of review '{key.id}': the run folder was changed since" in said


@pytest.mark.parametrize("second", ["page", "export"])
def test_one_reviewer_twice_is_refused(second: str, written: Path) -> None:
    key = made_from(written)
    again = made.saved(key, reviewer="ADA") if second == "page" else made.export(key, annotator=" ada")
    files = [kept(written, "a.json", made.saved(key)), kept(written, "b.json", again)]

    assert "a.json and b.json are both by " in refused(run("read", written, *files))
    assert not (written / "review.json").exists()


@pytest.mark.parametrize("content", [[], [3], [{"data": 3}], {}, {"review": 3}, 3])
def test_a_file_that_names_no_review_is_refused(content: Any, written: Path) -> None:
    made_from(written)

    assert "a.json is no review file: it does not name its review" in refused(
        run("read", written, kept(written, "a.json", content))
    )


def test_a_review_that_leads_out_of_the_folder_is_no_review(written: Path) -> None:
    key = made_from(written)
    (written / "key-x.json").write_text("{}")

    said = refused(run("read", written, kept(written, "a.json", made.saved(key, review="../key-x"))))

    assert "was not made of the run" in said


def test_a_damaged_key_is_told(written: Path) -> None:
    key = made_from(written)
    (written / "review" / f"key-{key.id}.json").write_text("{")

    assert "make the review again, with the same --seed" in refused(
        run("read", written, kept(written, "a.json", made.saved(key)))
    )


def test_what_is_kept_of_a_review_reads_back(written: Path) -> None:
    key = made_from(written)
    run("read", written, kept(written, "a.json", made.saved(key)))

    assert from_json((written / "review.json").read_bytes(), ReviewRecord) == RunFolder(written).review()


def test_the_bundle_is_left_alone(written: Path) -> None:
    (written / "adapter").mkdir()
    (written / "adapter" / "README.md").write_text("adopt")
    key = made_from(written)

    run("read", written, kept(written, "a.json", made.saved(key, made.accepts(made.BASE))))

    assert [path.name for path in (written / "adapter").iterdir()] == ["README.md"]
    assert (written / "adapter" / "README.md").read_text() == "adopt"
