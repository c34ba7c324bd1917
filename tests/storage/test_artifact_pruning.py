"""``bench artifacts --prune`` takes nothing from a study, wherever it is and however far."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bench.execution.coordinator import Coordinator
from bench.execution.worker import Worker
from bench.storage.artifacts import Artifacts, BuildReport
from bench.storage.claims import Claims, usage
from bench.study.schema import parse_study
from tests.support.command_line import call


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "results" / "artifacts"


@pytest.fixture
def study(toy_values):
    arms = [{"loss": "adaptive-margin", "name": "only"}]
    return parse_study(
        {**toy_values, "arms": arms, "baseline": "only", "seeds": [1], "tuning": {}}, "toy"
    )


def kinds(root: Path) -> set[str]:
    return {path.parent.parent.name for path in root.glob("*/*/artifact.json")}


def prune(capsys, root: Path, code: int = 0) -> str:
    found, out, told = call(capsys, "artifacts", "--root", str(root), "--prune")
    assert found == code, told
    return out + told


def test_what_a_study_elsewhere_uses_is_kept_while_it_is_there(study, root, tmp_path, capsys):
    out = tmp_path / "elsewhere" / "out"
    Coordinator(study, out, root, None).run()
    assert {"tokens", "untrained-ranking"} <= kinds(root)
    told = prune(capsys, root)
    assert str(out) in told
    assert "tokens" in kinds(root)
    assert "untrained-ranking" not in kinds(root)  # on nobody's bill
    # Out of reach, as on a disk that is not mounted.
    out.parent.rename(tmp_path / "unmounted")
    assert call(capsys, "artifacts", "--root", str(root))[0] == 0
    assert f"{out} is out of reach" in prune(capsys, root, code=1)
    assert "tokens" in kinds(root)
    # Deleted.
    (tmp_path / "unmounted").rename(out.parent)
    shutil.rmtree(out)
    prune(capsys, root)
    assert kinds(root) == {"collection"}
    out.parent.rmdir()
    prune(capsys, root)  # nothing is remembered of it


def test_what_is_moved_together_stays_together(study, root, tmp_path, capsys):
    Coordinator(study, tmp_path / "results" / "deep" / "out", root, None).run()
    (tmp_path / "results").rename(tmp_path / "moved")
    prune(capsys, tmp_path / "moved" / "artifacts")
    assert "tokens" in kinds(tmp_path / "moved" / "artifacts")


def test_what_is_made_before_any_ledger_says_so_is_kept(study, root, tmp_path, capsys, monkeypatch):
    """The study is pruned beside at every step, from a process of its own, and killed at last."""

    class Killed(BaseException):
        pass

    real = Worker.execute

    def execute(self, task):
        real(self, task)
        command = [sys.executable, "-m", "bench", "artifacts", "--root", str(root), "--prune"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "\ndeleted" not in f"\n{done.stdout}"
        if task.job.role == "final":
            raise Killed

    with monkeypatch.context() as context, pytest.raises(Killed):
        context.setattr(Worker, "execute", execute)
        Coordinator(study, tmp_path / "out", root, None).run()
    before = kinds(root)
    assert "untrained-ranking" in before
    assert "deleted" not in prune(capsys, root).replace("0 deleted", "")
    assert kinds(root) == before
    Coordinator(study, tmp_path / "out", root, None).run()
    prune(capsys, root)
    assert "untrained-ranking" not in kinds(root)
    assert "tokens" in kinds(root)


MAKER = """
    import sys
    from pathlib import Path
    from bench.storage.artifacts import Artifacts, BuildReport
    def make(folder):
        (folder / "a").touch()
        print("making", flush=True)
        sys.stdin.readline()
        (folder / "b").touch()
        return BuildReport()
    Artifacts(Path(sys.argv[1])).get("things", {}, make)
"""


def test_what_is_being_made_is_left_alone_and_what_a_kill_left_is_not(root, capsys):
    command = [sys.executable, "-c", textwrap.dedent(MAKER), str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout.readline() == "making\n"
        told = prune(capsys, root)
        assert "left alone: things " in told
        assert "0 deleted" in told
        maker.communicate("go on\n")
    assert maker.returncode == 0
    assert kinds(root) == {"things"}
    assert "deleted things " in prune(capsys, root)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout.readline() == "making\n"
        maker.kill()
    assert "deleted what a stopped process left of things " in prune(capsys, root)
    assert not list(root.glob("*/.*.work"))


def test_what_a_stopped_study_has_begun_is_kept(root, tmp_path, capsys):
    from bench.storage.artifacts import SHARDS

    study = tmp_path / "study"
    study.mkdir()
    artifacts = Artifacts(root)
    artifacts.claims = Claims(root, study)

    def stopped(folder: Path) -> BuildReport:
        (folder / SHARDS).write_text("{}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        artifacts.get("scores", {}, stopped)
    prune(capsys, root)
    assert list(root.glob("scores/.*.work"))
    artifacts.claims.drop()
    prune(capsys, root)
    assert not list(root.glob("scores/.*.work"))


def test_processes_of_one_study_claim_together(root, tmp_path, capsys):
    several = [Artifacts(root) for _ in range(3)]
    for artifacts in several:
        artifacts.claims = Claims(root, tmp_path)
    for kind, artifacts in zip(("one", "two", "three"), several, strict=True):
        artifacts.get(kind, {}, lambda folder: BuildReport())
    prune(capsys, root)
    assert kinds(root) == {"one", "two", "three"}
    several[1].claims.drop()
    prune(capsys, root)
    assert not kinds(root)


def test_a_damaged_ledger_deletes_nothing(root, tmp_path, capsys):
    Artifacts(root).get("things", {}, lambda folder: BuildReport())
    ledger = tmp_path / "results" / "one" / "ledger.csv"
    ledger.parent.mkdir()
    ledger.write_bytes(b"\xff\xfe\x00")
    assert f"{ledger} cannot be read" in prune(capsys, root, code=1)
    assert kinds(root) == {"things"}


def test_a_damaged_account_deletes_nothing(root, tmp_path, capsys):
    artifacts = Artifacts(root)
    artifacts.claims = Claims(root, tmp_path)
    artifacts.get("things", {}, lambda folder: BuildReport())
    (path,) = (root / ".studies").glob("*.json")
    path.write_text("{")
    assert len(usage(root).unknown) == 1
    assert f"{path} is damaged" in prune(capsys, root, code=1)
    assert kinds(root) == {"things"}
    artifacts.claims = Claims(root, tmp_path)  # of the same study: it is mended
    artifacts.get("things", {}, lambda folder: BuildReport())
    prune(capsys, root)
    assert kinds(root) == {"things"}


def test_others_artifacts_that_may_only_be_read_are_used_all_the_same(
    root, tmp_path, capsys, monkeypatch
):
    Artifacts(root).get("things", {}, lambda folder: BuildReport())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bench.storage.claims.write_json", refuse)
    artifacts = Artifacts(root)
    artifacts.claims = Claims(root, tmp_path)
    assert artifacts.get("things", {}, lambda folder: BuildReport()).bills[0].reused
    artifacts.claims.drop()
    told = capsys.readouterr().err
    assert told.count("who prunes it is not told what this study uses") == 1
