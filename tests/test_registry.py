"""Names, options, listings and plug-ins."""

import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import collections, generators, losses, samplers, students, teachers
from bench.errors import InputError
from bench.registry import format_entry, parse_entry

REGISTRIES = [losses, teachers, students, samplers, generators, collections]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("static-margn", "did you mean 'static-margin'"),
        ("static-margin(marign=0.3)", "did you mean 'margin'"),
        ('static-margin(margin="x")', "valid number"),
        ("static-margin(margin=true)", "valid number"),
        ("static-margin(margin=-1)", "greater than or equal to 0"),
        ('static-margin(error="l3")', "'l2', 'l1' or 'soft'"),
        ("static-margin(margin=)", "not readable"),
        ("static margin", "not of the form"),
        ("infonce(temperature=nan)", "infonce"),
        ("", "not of the form"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(written, message):
    with pytest.raises(InputError, match=message) as caught:
        losses.create(written)
    assert "\n" not in str(caught.value)


def test_options_by_string_table_and_keyword_are_one():
    wanted = losses.create("static-margin", margin=0.3, in_batch=True)
    assert losses.create("static-margin(margin=0.3, in_batch=true)") == wanted
    assert losses.create({"name": "static-margin", "margin": 0.3, "in_batch": True}) == wanted
    assert str(wanted) == "static-margin(margin=0.3, in_batch=true)"


def test_a_date_is_no_option():
    with pytest.raises(InputError, match="static-margin: "):
        losses.create("static-margin(margin=2020-01-01)")


def test_numbers_are_canonical():
    assert str(losses.create("static-margin", margin=0.1 + 0.2)) == "static-margin(margin=0.3)"


values = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.12g}")),
    st.text(st.characters(codec="utf-8", exclude_characters="\x7f", min_codepoint=32)),
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), values, max_size=4))
def test_any_options_round_trip(options):
    assert parse_entry(format_entry("some-name", options)) == ("some-name", options)


@pytest.mark.parametrize("package", REGISTRIES)
def test_every_entry_says_what_it_is(package):
    for entry in package.registry.describe():
        assert len(entry["summary"]) > 10
        assert entry["version"] >= 1


def test_nothing_heavy_is_imported_to_list_and_create():
    code = """
        import sys, bench
        from bench import collections, generators, losses, samplers, students, teachers
        for package in (collections, generators, losses, samplers, students, teachers):
            package.registry.describe()
        bench.losses.create("adaptive-margin"), bench.Signals
        from bench.study.file import load_study
        from bench.study.arms import resolve_arms
        resolve_arms(load_study("quickstart"))
        heavy = {"torch", "transformers", "mlflow", "optuna", "ir_datasets"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_a_plug_in_is_found(tmp_path):
    """A package with an entry point, as pip would install it."""
    (tmp_path / "toy_losses.py").write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass
            from bench import losses
            from bench.losses import Loss

            @losses.register("toy", version=3)
            @dataclass(frozen=True)
            class Toy(Loss):
                '''The mean of nothing.'''
                weight: float = 2.0

                def __call__(self, student, teacher):
                    return self.weight * student.scores().mean()
            """
        )
    )
    about = tmp_path / "toy_losses-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-losses\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[bench.losses]\ntoy = toy_losses\n")
    code = (
        "from bench import losses; loss = losses.create('toy(weight=0.5)');"
        "print(loss, loss.specification)"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == (
        "toy(weight=0.5) {'name': 'toy', 'version': 3, 'options': {'weight': 0.5}}"
    )


def test_a_broken_plug_in_is_named(tmp_path):
    (tmp_path / "broken_losses.py").write_text("import nothing_of_that_name\n")
    about = tmp_path / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[bench.losses]\nx = broken_losses\n")
    code = "from bench import losses; losses.registry.names()"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the plug-in 'broken_losses' of broken cannot be imported" in result.stderr
