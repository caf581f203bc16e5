"""The tables: what is acknowledged stays, in order, once for every idempotency key, and many may write at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from autolora.service.faults import Conflict, NotFound
from autolora.service.ids import Prefix, new_id
from autolora.service.jobs import Jobs, NewJob
from autolora.service.states import Kind, State, Wish
from autolora.service.tables import open_tables

pytestmark = pytest.mark.unit


@pytest.fixture
def jobs(tmp_path):
    opened = Jobs(open_tables(tmp_path / "service.db"))
    yield opened
    opened.close()


def search(name: str = "reviews", **more) -> NewJob:
    return NewJob(id=new_id(Prefix.SEARCH), kind=Kind.SEARCH, name=name, **more)


def test_a_job_is_there_after_the_tables_were_opened_again(jobs, tmp_path) -> None:
    added = jobs.add(search())
    jobs.close()
    again = Jobs(open_tables(tmp_path / "service.db"))

    assert again.get(added.id) == added
    assert (added.state, added.wish, added.starts) == (State.QUEUED, Wish.RUN, 0)


def test_one_idempotency_key_makes_one_job(jobs) -> None:
    first = jobs.add(search(), key="k", digest="a")
    second = jobs.add(search(), key="k", digest="a")

    assert second == first
    assert len(jobs.unfinished()) == 1
    with pytest.raises(Conflict, match="another request"):
        jobs.add(search(), key="k", digest="b")


def test_one_key_makes_one_job_however_many_come_at_once(jobs) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: jobs.add(search(), key="k", digest="a").id, range(40)))

    assert len(set(made)) == 1
    assert len(jobs.unfinished()) == 1


def test_more_urgent_jobs_come_first_and_else_the_older(jobs) -> None:
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        jobs.add(search(name, priority=priority))

    assert [job.name for job in jobs.unfinished()] == ["b", "d", "a", "c"]


def test_pages_go_from_the_newest_back_without_a_gap_while_jobs_are_added(jobs) -> None:
    for name in "abcde":
        jobs.add(search(name))
    first = jobs.page([Kind.SEARCH], limit=2)
    jobs.add(search("f"))
    second = jobs.page([Kind.SEARCH], limit=9, before=first[-1].seq)

    assert [job.name for job in (*first, *second)] == ["e", "d", "c", "b", "a"]
    assert jobs.page([Kind.BATCH], limit=9) == []


def test_a_wish_is_kept_until_it_can_be_done(jobs) -> None:
    job = jobs.add(search())
    jobs.changed.clear()
    wanted = jobs.want(job.id, Wish.PAUSE)

    assert (wanted.state, wanted.wish) == (State.QUEUED, Wish.PAUSE)
    assert jobs.changed.is_set()


def test_what_has_ended_or_was_given_up_cannot_be_asked_for_anything_else(jobs) -> None:
    done, given_up = jobs.add(search()), jobs.add(search())
    jobs.move(done.id, State.SUCCEEDED)
    jobs.want(given_up.id, Wish.CANCEL)

    with pytest.raises(Conflict, match="succeeded"):
        jobs.want(done.id, Wish.PAUSE)
    with pytest.raises(Conflict, match="being cancelled"):
        jobs.want(given_up.id, Wish.RUN)
    assert jobs.want(given_up.id, Wish.CANCEL).wish == Wish.CANCEL
    jobs.move(given_up.id, State.CANCELLED)
    assert jobs.want(given_up.id, Wish.CANCEL).state == State.CANCELLED


def test_a_job_that_nobody_added_is_not_found(jobs) -> None:
    with pytest.raises(NotFound):
        jobs.get(new_id(Prefix.SEARCH))


def test_what_is_remembered_of_a_job_is_what_stands_in_the_tables(jobs, tmp_path) -> None:
    made = [jobs.add(search()) for _ in range(4)]

    def change(at: int) -> None:
        job = made[at % 4]
        jobs.get(job.id)
        jobs.want(job.id, Wish.PAUSE if at % 3 else Wish.RUN)
        jobs.move(job.id, State.RUNNING if at % 2 else State.VALIDATING, crashes=at)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(change, at) for at in range(200)]:
            each.result()
    remembered = [jobs.get(job.id) for job in made]

    assert remembered == [Jobs(open_tables(tmp_path / "service.db")).get(job.id) for job in made]
    jobs.remove(made[0].id)
    with pytest.raises(NotFound):
        jobs.get(made[0].id)


def test_readers_see_no_lock_while_others_write(jobs) -> None:
    def write(_: int) -> None:
        job = jobs.add(search())
        for state in (State.VALIDATING, State.RUNNING, State.SUCCEEDED):
            jobs.move(job.id, state)

    with ThreadPoolExecutor(16) as pool:
        writing = [pool.submit(write, at) for at in range(20)]
        reading = [pool.submit(lambda: jobs.page([Kind.SEARCH], limit=50)) for _ in range(100)]
        for each in (*writing, *reading):
            each.result()

    assert jobs.counts() == {(Kind.SEARCH, State.SUCCEEDED): 20}


def test_the_migrations_make_the_tables_that_the_code_expects(tmp_path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from autolora.service.tables import Base

    with open_tables(tmp_path / "service.db").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_tables_that_are_up_to_date_are_left_as_they_are(jobs, tmp_path) -> None:
    job = jobs.add(search())
    open_tables(tmp_path / "service.db")

    assert jobs.get(job.id) == job
    assert sqlite3.connect(tmp_path / "service.db").execute("select version_num from alembic_version").fetchall() == [
        ("0001",)
    ]
