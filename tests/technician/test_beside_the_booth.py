"""`booth status` and `booth devices` in a technician's shell, beside a booth that systemd runs or will run."""

import asyncio
import json
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.cli import main
from edge.instance import alone
from tests.technician.test_absent import booth, without_devices


async def said(*arguments: str) -> tuple[int | None, str, str]:
    """Exit status and what it prints, without systemd's environment."""
    process = await booth(*arguments)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def service(config: Path, runtime: Path):
    """The booth as systemd starts it, until its first report lies in the runtime folder; which goes with it."""
    runtime.mkdir()  # noqa: ASYNC240 -- a moment
    process = await booth("run", "--config", str(config), RUNTIME_DIRECTORY=str(runtime))
    try:
        async with asyncio.timeout(90):
            while not (runtime / "health.json").exists():  # another process's file tells nobody
                assert process.returncode is None, (await process.communicate())[1].decode()
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()
        shutil.rmtree(runtime)


def test_a_technicians_shell_finds_the_report_of_a_booth_under_systemd(tmp_path: Path) -> None:
    config = without_devices(tmp_path / "i")

    async def story() -> None:
        for start in ("first", "second"):  # what was left behind by the first must not hide the second's
            async with service(config, tmp_path / "run"):
                status, out, err = await said("status", "--json", "--config", str(config))
                assert status == 0, (start, err)
                assert json.loads(out)["gate_pen_ok"] in (False, None), start
                _, out, err = await said("devices", "--json", "--config", str(config))
                assert not err, (start, err)
                assert {each["device"] for each in json.loads(out)["configured"]} >= {"pen", "camera", "printer"}
                assert "the running booth's report" in out
            status, out, err = await said("status", "--config", str(config))
            assert (status, out) == (1, "") and "no report" in err, start

    asyncio.run(story())


def test_a_booth_that_has_not_reported_yet_is_not_taken_for_a_crash(configuration: Path, capsys) -> None:
    with alone(configuration.parent / "state"):
        assert main(["devices", "--json", "--config", str(configuration)]) == 1
    told = capsys.readouterr()
    assert "has not reported yet" in told.err and len(told.err.splitlines()) == 1
    assert json.loads(told.out)["configured"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file that is not its folder's owner's")
def test_roots_command_before_the_first_start_leaves_no_lock_that_keeps_the_booth_out(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with alone(tmp_path):
        pass
    assert (tmp_path / "booth.lock").stat().st_uid == 65534
