"""A report is drawn by `bench run` if anything of it may have changed, and only then."""

import pytest

from tests.support.command_line import call

pytestmark = pytest.mark.slow


def test_a_report_is_drawn_once(toy_values, tmp_path, monkeypatch, capsys):
    import tomli_w

    monkeypatch.chdir(tmp_path)
    values = toy_values | {"seeds": [1], "tuning": {}}

    def run(**changes) -> tuple[bool, str]:
        """Whether the page was written, and the closing table."""
        (tmp_path / "toy.toml").write_text(tomli_w.dumps(values | changes))
        before = page.stat().st_mtime_ns if page.exists() else 0
        code, output, told = call(capsys, "run", "toy.toml", "--no-mlflow")
        assert code == 0, told
        drawn = page.stat().st_mtime_ns != before
        assert ("the report is drawn already" in told) is not drawn
        return drawn, output

    page = tmp_path / "results" / "toy" / "report" / "index.html"
    drawn, table = run()
    assert drawn
    assert "margin-mse" in table
    assert run() == (False, table)
    assert run(title="Another title")[0]
    assert run()[0]
    code, _, told = call(capsys, "report", "results/toy", "--arms", "margin-mse")
    assert code == 0, told
    assert run() == (True, table)  # the whole one again
    page.unlink()
    assert run() == (True, table)
    assert run() == (False, table)
