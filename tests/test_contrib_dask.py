"""What is special about a Dask cluster: what is handed to it, what it is refused, and what becomes of its troubles."""

import asyncio
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from attrs import evolve, frozen

from aoclient import Rate, RetryPolicy, Session
from aoclient.emulator import Emulator
from aoclient.errors import ClientClosedError, ConfigurationError, ExportError, ReadError, ServerError
from aoclient.export import (
    Committed,
    CoursesJob,
    FailedShard,
    JsonLines,
    LearnersJob,
    ProgressByCourseJob,
    Started,
    TeamsJob,
    export,
    read_manifest,
)
from aoclient.export.dispatch import Dispatch
from aoclient.export.orders import Report, fill
from aoclient.wire import TOKEN_PATH
from tests.kit import killing
from tests.kit.canary import listening, sightings
from tests.kit.clusters import cluster, environment, on_dask, run_on
from tests.kit.exporting import Wilful, rows_of, session
from tests.kit.redis import empty_redis, one_redis_of_a_module, until  # noqa: F401  # fixtures

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")

from aoclient.contrib import dask  # noqa: E402  # it needs what was just looked for
from aoclient.contrib.dask import DaskExecutor  # noqa: E402


def progress():
    return ProgressByCourseJob(show_not_started_learners=True)


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["sqlite", "duckdb"])
def test_a_file_of_one_writer_is_refused_before_anything_is_sent(fmt, tmp_path):
    if fmt == "duckdb":
        pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
    sender = Wilful(Emulator(learners=5, courses=1))
    with pytest.raises(ConfigurationError, match=f"DaskExecutor writes folders; '{fmt}' is a file of one writer"):
        run_on("dask", sender, [TeamsJob()], tmp_path / "a.db", format=fmt)
    assert sender.bodies == []
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_does_more_than_read_is_refused_and_not_sent(tmp_path):
    emulator = Emulator(learners=5, courses=1)
    with pytest.raises(ExportError):
        run_on("local", Wilful(emulator, lambda _: ServerError("down", status=500)), [TeamsJob()], tmp_path)
    plan = tmp_path / ".aoclient" / "teams" / "plan.jsonl"
    forged = "action=deleteLearners&options%5Bemails%5D%5B0%5D=learner1%40example.com"
    plan.write_text(re.sub(r"action=getTeams[^\"]*", forged, plan.read_text()))
    sender = Wilful(emulator)
    with pytest.raises(ConfigurationError, match="teams/all: deleteLearners does more than read; no worker gets it"):
        run_on("dask", sender, [TeamsJob()], tmp_path)
    assert sender.bodies == []


@frozen(kw_only=True)
class OwnColumns(CoursesJob):
    """Has columns the library does not make."""

    @property
    def table(self):
        table = CoursesJob().table
        return evolve(table, columns=table.columns[:1], rows=lambda _, courses: [(course.id,) for course in courses])


def test_columns_a_worker_cannot_make_are_refused_and_nothing_is_sent(tmp_path):
    sender = Wilful(Emulator(learners=5, courses=1))
    with pytest.raises(ConfigurationError, match="own_columns has columns of its own, which a worker does not know"):
        run_on("dask", sender, [OwnColumns()], tmp_path)
    assert sender.bodies == []


def test_what_is_no_open_client_and_no_number_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"client must be a distributed\.Client, got 'tcp://"):
        DaskExecutor("tcp://127.0.0.1:8786")

    async def main():
        async with cluster(n_workers=0) as client:
            with pytest.raises(ConfigurationError, match="in_flight must be at least 1, got 0"):
                DaskExecutor(client, in_flight=0)
        return client

    closed, emulator = asyncio.run(main()), Emulator(learners=5, courses=2)

    async def late():
        async with session(emulator) as ao:
            await export(ao, [progress()], tmp_path, executor=DaskExecutor(closed))

    with pytest.raises(ExportError) as caught:
        asyncio.run(late())
    assert "the client of the Dask cluster is closed" in str(caught.value)
    assert len(caught.value.missing) == 2
    assert emulator.journal.count("learnersProgressByCourse") == 0


# --- workers that cannot -----------------------------------------------------------------------------------------


def from_environment(emulator, target, jobs, monkeypatch, *, of_workers=None, executor=DaskExecutor, **settings):
    """Export over a socket; workers in this process read the environment, and ``of_workers`` is put over it."""

    async def main():
        async with emulator.serve() as url:
            for name, value in environment(emulator, url).items():
                monkeypatch.setenv(name, value)
            async with Session.from_env() as ao, cluster() as client:
                for name, value in (of_workers or {}).items():
                    monkeypatch.setenv(name, value)
                return await export(ao, jobs, target, executor=executor(client), **settings)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AOCLIENT_CLIENT_ID": ""}, "AOCLIENT_CLIENT_ID is not set"),
        ({"AOCLIENT_CLIENT_SECRET": ""}, "neither AOCLIENT_CLIENT_SECRET nor AOCLIENT_CLIENT_SECRET_FILE is set"),
        ({"AOCLIENT_CLIENT_ID": "client-2"}, "name another account than the export's"),
        ({"AOCLIENT_RATE": "quick"}, "a rate is written calls/seconds"),
    ],
)
def test_a_worker_that_cannot_have_its_session_is_named_and_ends_the_export(variables, message, tmp_path, monkeypatch):
    emulator = Emulator(learners=5, courses=3)
    with pytest.raises(ExportError, match="3 parts of the export are missing, 0 are in") as caught:
        from_environment(emulator, tmp_path, [progress()], monkeypatch, of_workers=variables)
    for error in caught.value.missing.values():
        assert message in str(error)
        assert f":{os.getpid()}: " in str(error)
    assert emulator.journal.count("learnersProgressByCourse") == 0


def test_an_error_of_the_network_comes_back_from_a_worker_as_what_it_is(tmp_path, monkeypatch):
    emulator = Emulator(learners=5, courses=2, faults="close-before-read@action=learnersProgressByCourse")

    def executor(client):
        return DaskExecutor(client, retries=RetryPolicy(attempts=2, wait=0))

    with pytest.raises(ExportError) as caught:
        from_environment(emulator, tmp_path, [progress(), TeamsJob()], monkeypatch, executor=executor)
    errors = list(caught.value.missing.values())
    assert [(type(error), error.action, error.attempts) for error in errors] == [
        (ReadError, "learnersProgressByCourse", 2)
    ] * 2
    assert [shard.job for shard in read_manifest(tmp_path).shards] == ["teams"]


async def ordered(emulator, target, then, job=None):
    """Run ``then(ao, dispatch, order)`` as the executor of an export of one shard."""

    class Engine:
        needs_a_folder = True

        async def run(self, work):
            async with Dispatch(work, work.store, {}) as dispatch:
                (order,) = dispatch.orders()
                self.dispatch = dispatch
                await then(work.ao, dispatch, order)
            return dispatch.fatal

    async with session(emulator) as ao:
        return await export(ao, [job or LearnersJob()], target, executor=Engine())


def opened(ao):
    async def give():
        return ao

    return give


def test_a_folder_the_worker_does_not_see_is_said(tmp_path):
    async def elsewhere(ao, dispatch, order):
        order = evolve(order, folder=order.folder.replace("/.aoclient", "/not/mounted/.aoclient"))
        await dispatch.take(order, await fill(order, opened(ao)))

    emulator = Emulator(learners=5, courses=1)
    with pytest.raises(ExportError) as caught:
        asyncio.run(ordered(emulator, tmp_path, elsewhere))
    assert "the target must be a folder that all workers see" in str(caught.value)
    assert emulator.journal.requests() == 0


@pytest.mark.parametrize("left", ["", "half"])
def test_a_file_this_process_does_not_see_whole_is_said(left, tmp_path):
    async def elsewhere(ao, dispatch, order):
        report = await fill(order, opened(ao))
        path = Path(order.folder) / report.private
        path.unlink()
        if left:
            path.write_text(left)
        await dispatch.take(order, report)

    with pytest.raises(ExportError, match="the target must be a folder that all workers see"):
        asyncio.run(ordered(Emulator(learners=5, courses=1), tmp_path, elsewhere))
    assert not (tmp_path / "learners" / "000001.jsonl").exists()


def test_a_worker_with_other_columns_sends_nothing(tmp_path):
    async def older(ao, dispatch, order):
        await dispatch.take(order, await fill(evolve(order, schema_hash="of another release"), opened(ao)))

    emulator = Emulator(learners=5, courses=1)
    with pytest.raises(ExportError, match="learners has other columns than the export"):
        asyncio.run(ordered(emulator, tmp_path, older))
    assert emulator.journal.requests() == 0


def test_a_worker_sends_nothing_that_does_more_than_read(tmp_path):
    async def forged(ao, dispatch, order):
        form = "action=deleteLearners&options%5Bemails%5D%5B0%5D=learner1%40example.com"
        await dispatch.take(order, await fill(evolve(order, shard=evolve(order.shard, query=(form,))), opened(ao)))

    emulator = Emulator(learners=5, courses=1)
    with pytest.raises(ExportError, match="deleteLearners does more than read"):
        asyncio.run(ordered(emulator, tmp_path, forged))
    assert emulator.journal.requests() == 0


# --- more than once ----------------------------------------------------------------------------------------------


def test_a_shard_two_workers_run_at_once_is_in_the_output_once(tmp_path):
    async def twice(ao, dispatch, order):
        reports = await asyncio.gather(fill(order, opened(ao)), fill(order, opened(ao)))
        assert reports[0].private != reports[1].private
        await dispatch.take(order, reports[1])

    manifest = asyncio.run(ordered(Emulator(learners=30, courses=1), tmp_path, twice))
    assert manifest.rows == len(rows_of(tmp_path, "learners", LearnersJob().table)) == 30
    assert [path.name for path in (tmp_path / "learners").iterdir()] == ["000001.jsonl"]
    assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []


def test_a_report_that_comes_twice_changes_nothing_that_is_committed(tmp_path):
    async def twice(ao, dispatch, order):
        reports = [await fill(order, opened(ao)), await fill(order, opened(ao))]
        await dispatch.take(order, reports[0])
        committed = killing.contents(tmp_path)
        await dispatch.take(order, reports[1])
        assert killing.contents(tmp_path) == committed
        assert isinstance(dispatch.fatal, FileExistsError)

    manifest = asyncio.run(ordered(Emulator(learners=30, courses=1), tmp_path, twice))
    assert manifest.rows == 30


@pytest.mark.parametrize("pages", [0, 1])
def test_a_worker_that_was_lost_sight_of_can_write_nothing_once_the_export_is_over(pages, tmp_path):
    emulator = Emulator(learners=250, courses=1)

    class Slow(Wilful):
        """Stops behind so many pages until the export is over."""

        async def send(self, request):
            sent = len([body for body in self.bodies if "learnersProgress" in body])
            if "learnersProgress" in request.body.decode() and sent == pages:
                stopped.set()
                await over.wait()
            return await super().send(request)

    async def main():
        nonlocal over, stopped
        over, stopped = asyncio.Event(), asyncio.Event()
        async with session(Slow(emulator), max_concurrency=1) as lost:

            async def two(ao, dispatch, order):
                nonlocal late
                late = asyncio.ensure_future(fill(order, opened(lost)))
                await stopped.wait()
                await dispatch.take(order, await fill(order, opened(ao)))

            manifest = await ordered(emulator, tmp_path, two, progress())
            committed = killing.contents(tmp_path)
            over.set()
            report = await late
            assert killing.contents(tmp_path) == committed
            return manifest, report

    over = stopped = late = None
    manifest, report = asyncio.run(main())
    assert manifest.rows == 250
    assert report.is_final
    assert "cannot write" in str(report.error)
    assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []


def test_a_report_that_tells_nothing_is_a_missing_shard(tmp_path):
    async def silent(ao, dispatch, order):
        await dispatch.take(order, Report())

    with pytest.raises(ExportError, match="a worker told nothing"):
        asyncio.run(ordered(Emulator(learners=5, courses=1), tmp_path, silent))


def test_a_session_that_was_closed_sends_the_shard_to_another_worker(tmp_path):
    async def closing(ao, dispatch, order):
        async with session(emulator) as gone:
            pass
        await gone.aclose()
        with pytest.raises(ClientClosedError):
            await fill(order, opened(gone))
        await dispatch.take(order, await fill(order, opened(ao)))

    emulator = Emulator(learners=5, courses=1)
    assert asyncio.run(ordered(emulator, tmp_path, closing)).rows == 5


# --- on the cluster ----------------------------------------------------------------------------------------------


def test_few_shards_are_handed_out_at_once_and_read_no_sooner(tmp_path):
    emulator = Emulator(learners=5, courses=60)
    outstanding = most = 0

    def count(event):
        nonlocal outstanding, most
        outstanding += isinstance(event, Started)
        outstanding -= isinstance(event, Committed)
        most = max(most, outstanding)

    async def main():
        async with on_dask(emulator) as executor, session(emulator) as ao:
            few = DaskExecutor(executor._client, in_flight=5)
            manifest = await export(ao, [progress()], tmp_path, executor=few, progress=count)
            scheduler = executor._client.cluster.scheduler
            await until(lambda: not scheduler.tasks)  # it hears of it a moment later
            assert executor._client.futures == {}
            return manifest

    assert len(asyncio.run(main()).shards) == 60
    assert most == 5


def test_each_worker_opens_one_session_with_the_settings_of_the_executor_and_closes_it(tmp_path):
    emulator = Emulator(learners=40, courses=6)
    made = []

    def from_env(**settings):
        made.append((session(emulator, **settings), settings))
        return made[-1][0]

    async def main():
        with patch.object(Session, "from_env", from_env):
            async with cluster() as client, session(emulator) as ao:
                executor = DaskExecutor(client, rate=Rate(1000, per=1.0))
                await export(ao, [progress()], tmp_path, executor=executor, concurrency=3)
                assert [list(worker.plugins) for worker in client.cluster.workers.values()] == [["shuffle"]] * 2
                assert [settings for _, settings in made] == [{"rate": Rate(1000, per=1.0), "max_concurrency": 3}] * 2
                for used, _ in made:
                    with pytest.raises(ClientClosedError):
                        await used.courses()

    asyncio.run(main())


def test_workers_with_a_redis_share_one_token(redis, tmp_path, monkeypatch):
    emulator = Emulator(learners=40, courses=6)
    shared = {"AOCLIENT_REDIS_URL": redis.url}
    assert from_environment(emulator, tmp_path / "a", [progress()], monkeypatch).rows == 240
    assert emulator.journal.requests(TOKEN_PATH) == 3  # of this process, which has no Redis, and of each worker
    assert from_environment(emulator, tmp_path / "b", [progress()], monkeypatch, of_workers=shared).rows == 240
    assert emulator.journal.requests(TOKEN_PATH) == 3 + 2


def test_a_worker_that_is_retired_gives_its_shards_to_the_others(tmp_path):
    emulator = Emulator(learners=300, courses=8)
    retiring = []

    async def main():
        async with on_dask(emulator) as executor, session(emulator) as ao:
            client = executor._client

            def retire(event):
                if isinstance(event, Committed) and not retiring:
                    address = next(iter(client.cluster.scheduler.workers))
                    retiring.append(asyncio.ensure_future(client.retire_workers([address])))

            manifest = await export(ao, [progress()], tmp_path, executor=executor, progress=retire)
            await retiring[0]
            return manifest

    assert asyncio.run(main()).rows == 2400
    run_on("local", emulator, [progress()], tmp_path / "whole")
    assert killing.contents(tmp_path) == killing.contents(tmp_path / "whole")


def test_a_client_that_is_not_asynchronous_serves_from_another_thread(tmp_path):
    emulator = Emulator(learners=120, courses=3)

    def from_env(**settings):
        return session(emulator, **settings)

    async def main(client):
        async with session(emulator) as ao:
            return await export(ao, [progress(), LearnersJob()], tmp_path, executor=DaskExecutor(client))

    given = {"n_workers": 1, "threads_per_worker": 2, "host": "127.0.0.1", "protocol": "tcp://"}
    with (
        patch.object(Session, "from_env", from_env),
        distributed.LocalCluster(processes=False, dashboard_address="127.0.0.1:0", **given) as local,
        distributed.Client(local) as client,
    ):
        assert asyncio.run(main(client)).rows == 480


@frozen(kw_only=True)
class Broken(JsonLines):
    """Raises what no format may raise."""

    def writer(self, file, table):
        raise TypeError("a defect of somebody else's")


def test_workers_that_do_not_close_their_sessions_hold_the_end_up_no_longer_than_said(tmp_path, monkeypatch):
    asked = []

    async def never(run):
        asked.append(run)
        await asyncio.Event().wait()

    monkeypatch.setattr(dask, "_GOODBYE", 0.01)
    monkeypatch.setattr(dask._Run, "_close_sessions", never)
    emulator = Emulator(learners=5, courses=1)
    assert run_on("dask", emulator, [TeamsJob()], tmp_path).rows == 4
    assert len(asked) == 1


def test_what_goes_wrong_on_a_worker_comes_back_as_an_error_of_ours(tmp_path):
    emulator = Emulator(learners=5, courses=2)
    events = []
    with pytest.raises(ExportError) as caught:
        run_on("dask", emulator, [progress()], tmp_path, format=Broken(), progress=events.append)
    errors = list(caught.value.missing.values())
    assert [type(error) for error in errors] == [ExportError] * 2
    assert "TypeError: a defect of somebody else's" in str(errors[0])
    assert {event.error for event in events if isinstance(event, FailedShard)} == set(errors)
    assert list((tmp_path / ".aoclient" / "tmp").iterdir()) == []


def test_a_cluster_that_goes_away_ends_the_export(tmp_path):
    emulator = Emulator(learners=40, courses=30)

    async def main():
        async with on_dask(emulator) as executor, session(emulator) as ao:
            closing = []

            def close(event):
                if isinstance(event, Committed) and not closing:
                    closing.append(asyncio.ensure_future(executor._client.close()))

            small = DaskExecutor(executor._client, in_flight=2)
            with pytest.raises(ExportError) as caught:
                await export(ao, [progress()], tmp_path, executor=small, progress=close)
            return caught.value

    error = asyncio.run(main())
    kept = read_manifest(tmp_path)
    assert kept.shards
    assert len(kept.shards) + len(error.missing) == 30
    assert {type(each) for each in error.missing.values()} == {ExportError}
    assert run_on("local", emulator, [progress()], tmp_path).rows == 1200


# --- what is not in the graph ------------------------------------------------------------------------------------


def seen_by(scheduler):
    """Give the texts of all the scheduler holds: tasks as they were sent, keys, plugins, events, extensions."""
    for key, task in scheduler.tasks.items():
        yield f"task {key}", pickle.dumps(task.run_spec).decode("latin-1")
        yield f"state of {key}", repr({name: getattr(task, name, None) for name in task.__slots__})
    yield "plugins", repr((scheduler.plugins, scheduler.worker_plugins))
    yield "events", repr(scheduler.get_events())


def test_the_secret_is_in_no_task_no_state_of_the_scheduler_and_no_log(tmp_path, monkeypatch):
    emulator = Emulator(learners=120, courses=3, client_secret="canary-of-a-secret")
    texts, sent = [], []
    submit = distributed.Client.submit

    def submitted(client, *args, **kwargs):
        sent.append(distributed.protocol.pickle.dumps((args, kwargs)).decode("latin-1"))
        return submit(client, *args, **kwargs)

    class Looking(DaskExecutor):
        async def run(self, work):
            tell = work.tell

            def look(event):
                texts.extend(seen_by(self._client.cluster.scheduler))
                tell(event)

            work.tell = look
            return await super().run(work)

    with listening() as heard, monkeypatch.context() as patched:
        patched.setattr(distributed.Client, "submit", submitted)
        from_environment(emulator, tmp_path, [progress(), TeamsJob()], monkeypatch, executor=Looking)
        logs = [("a log", text) for text in heard]
    secrets = ["canary", *emulator.tokens._expiries]
    assert len(secrets) == 4  # a token of this process and of each worker
    assert sightings([*texts, *(("what is submitted", text) for text in sent), *logs], secrets) == []
    course = emulator.world.catalogue.courses[0].id
    assert len(sent) == 4
    assert any(course in text for text in sent)
    assert any(course in text for where, text in texts if where.startswith("task"))
    assert any("aoclient-export" in text for _, text in logs)


def test_without_distributed_the_command_that_installs_it_is_named():
    code = "import sys; sys.modules['distributed'] = None; import aoclient.contrib.dask"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: distributed is not installed: pip install 'aoclient[dask]'" in ended.stderr
