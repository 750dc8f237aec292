"""A store that is away while studies are logged: for a moment, for a while, for good."""

import signal
import time

import pytest

from archipelago.errors import ArchipelagoError
from tests.machine import free_port
from tests.tracking.servers import PASSWORD, until
from tests.tracking.study import STORE, log, make_runs
from tests.tracking.writers import held, write_at_once

pytestmark = pytest.mark.slow


def some_runs(postgres, database, slug):
    """Whether a study is being logged: some of its runs are there, some are not."""

    def answer():
        connection = postgres.connect(database.rpartition("/")[2])
        cursor = connection.cursor()
        cursor.execute("select count(distinct run_uuid) from tags where key = 'study' and value = %s", [slug])
        (number,) = cursor.fetchone()
        connection.close()
        return number >= 3

    return answer


def test_a_server_killed_while_two_log_a_study_loses_and_doubles_nothing(postgres, server, alone, tmp_path):
    def meanwhile():
        until(some_runs(postgres, server.database, "killed"), server.process)
        server.kill()
        server.start()

    roots = [tmp_path / "one", tmp_path / "two"]
    write_at_once([(root, "killed", server.uri) for root in roots], meanwhile=meanwhile)
    assert held(server.database, [server.artifacts])["<slug>/desk of killed"] == alone


def test_a_server_that_stops_answering_while_two_log_a_study_loses_and_doubles_nothing(
    postgres, server, alone, tmp_path
):
    """What was asked for is done late, after its writer has lost patience and asked again."""

    def meanwhile():
        until(some_runs(postgres, server.database, "stopped"), server.process)
        for _ in range(3):
            server.send(signal.SIGSTOP)
            time.sleep(3)
            server.send(signal.SIGCONT)
            time.sleep(1)

    roots = [tmp_path / "one", tmp_path / "two"]
    impatient = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
    write_at_once([(root, "stopped", server.uri) for root in roots], meanwhile=meanwhile, environment=impatient)
    assert held(server.database, [server.artifacts])["<slug>/desk of stopped"] == alone


@pytest.mark.parametrize("through", ["server", "nothing"])
def test_a_database_killed_while_two_log_a_study_loses_and_doubles_nothing(
    postgres, server, database, alone, tmp_path, through
):
    roots = [tmp_path / "one", tmp_path / "two"]
    if through == "server":
        uri, database, artifacts = server.uri, server.database, [server.artifacts]
    else:
        uri, artifacts = database, [root / STORE / "artifacts" for root in roots]

    def meanwhile():
        until(some_runs(postgres, database, "crashed"), postgres.process)
        postgres.kill()
        time.sleep(3)
        postgres.start()

    write_at_once([(root, "crashed", uri) for root in roots], meanwhile=meanwhile)
    assert held(database, artifacts)["<slug>/desk of crashed"] == alone


def test_a_sweep_waits_once_for_a_server_that_is_down_and_says_what_to_do(tmp_path):
    runs, nobody = make_runs(tmp_path), f"http://somebody:{PASSWORD}@127.0.0.1:{free_port()}"

    def seconds(sweep):
        start = time.monotonic()
        with pytest.raises(ArchipelagoError) as raised:
            log(tmp_path, runs, nobody, wait=3.0, sweep=sweep)
        assert str(raised.value).startswith("study fedspeed: key tracking.uri: the tracking store http://127.0.0.1:")
        assert "Start the server" in str(raised.value)
        assert PASSWORD not in str(raised.value)
        return time.monotonic() - start

    seconds("warm-up")
    assert seconds("first") >= 3
    assert seconds("first") < 2
    assert seconds("second") >= 3
    assert log(tmp_path, runs, sweep="second").logged == 7


def test_a_refusal_is_not_waited_for_and_shows_no_password(postgres, tmp_path):
    runs = make_runs(tmp_path)
    for uri in (postgres.uri("postgres", password="wr0ng"), postgres.uri("nowhere")):
        start = time.monotonic()
        with pytest.raises(ArchipelagoError, match=r"key tracking\.uri: .*FATAL") as raised:
            log(tmp_path, runs, f"{uri}?application_name=a&password=wr0ng" if "wr0ng" in uri else uri, wait=90.0)
        assert time.monotonic() - start < 30
        assert "wr0ng" not in str(raised.value)
        assert PASSWORD not in str(raised.value)
