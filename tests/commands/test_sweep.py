"""``bench sweep`` and ``bench train``: the studies that their command lines stand for."""

import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import load_results as load
from bench import losses
from bench.commands import sweep, train
from bench.commands._compose import SharedOptions, read_budget
from bench.errors import InputError
from bench.spaces import Float
from bench.study.arms import resolve_arms
from bench.study.file import load_study
from tests.support.command_line import call


def shared(**changes) -> SharedOptions:
    given = {
        "collection": "pydocs", "budget": "4000", "teacher": "bi-encoder",
        "student": "pretrained", "sampler": "uniform",
    }  # fmt: skip
    return SharedOptions(**{**given, **changes})


def swept(loss: str, *options: str, others=(), seeds="1,2,3", baseline=None, **changes):
    return sweep.design(loss, options, others, seeds, baseline, shared(**changes))


def names(study) -> list[str]:
    return [arm.name for arm in resolve_arms(study)]


def test_a_grid_is_an_arm_a_value():
    study = swept("static-margin", "margin=0.1:1.0:0.1")
    assert names(study) == [
        "margin=0.1", "margin=0.2", "margin=0.3", "margin=0.4", "margin=0.5",
        "margin=0.6", "margin=0.7", "margin=0.8", "margin=0.9", "margin=1.0",
    ]  # fmt: skip
    assert [arm.loss for arm in study.arms][2:5] == [
        "static-margin(margin=0.3)",
        "static-margin(margin=0.4)",
        "static-margin(margin=0.5)",  # the default too is written down
    ]
    assert (study.name, study.baseline) == ("sweep-static-margin-margin", "margin=0.1")
    assert study.title == "How sensitive is static-margin to margin?"
    assert (study.seeds, study.tuning.trials) == ([1, 2, 3], 0)
    assert study.budget.examples == 4000


@settings(max_examples=40, deadline=None)
@given(
    low=st.integers(0, 1000),
    width=st.integers(0, 900),
    step=st.integers(5, 700),
    digits=st.integers(3, 6),
)
def test_any_grid_has_the_values_of_the_space(low, width, step, digits):
    """Of the same three numbers a tuned arm's grid is made."""
    low, high, step = (round(n / 10**digits, digits) for n in (low, low + width, step))
    wanted = Float(low, high, step=step).grid()
    arms = resolve_arms(swept("static-margin", f"margin={low!r}:{high!r}:{step!r}"))
    assert [arm.loss.margin for arm in arms] == wanted
    assert wanted[0] == low
    assert wanted[-1] <= high
    assert [float(arm.name.removeprefix("margin=")) for arm in arms] == wanted


def test_whole_numbers_stay_whole():
    arms = resolve_arms(swept("curriculum-rank", "top=2:6:2"))
    assert [(arm.name, arm.loss.top) for arm in arms] == [("top=2", 2), ("top=4", 4), ("top=6", 6)]


def test_options_are_crossed_the_first_slowest():
    study = swept("static-margin", "margin=0.3,0.5", "error=l1,l2", "in_batch=true")
    assert names(study) == [
        "margin=0.3, error=l1",
        "margin=0.3, error=l2",
        "margin=0.5, error=l1",
        "margin=0.5, error=l2",
    ]
    assert all(arm.loss.in_batch for arm in resolve_arms(study))
    assert study.name == "sweep-static-margin-margin-error-in_batch"
    assert study.title == "How sensitive is static-margin to margin and error?"


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("error=l1", ["error=l1"]),
        ('error="l1","soft"', ["error=l1", "error=soft"]),
        ('error="l1",soft', ["error=l1", "error=soft"]),
        (" error = l1 , soft ", ["error=l1", "error=soft"]),
        ("in_batch=false,true", ["in_batch=false", "in_batch=true"]),
        ("margin=1,0.250", ["margin=1", "margin=0.25"]),
        ("margin=0.3:0.3:0.1", ["margin=0.3"]),
    ],
)
def test_values_are_written_as_in_toml_or_as_plain_words(option, wanted):
    assert names(swept("static-margin", option)) == wanted


def test_what_the_loss_was_given_stays():
    study = swept("static-margin(in_batch=true, margin=0.9)", "margin=0.1,0.2")
    assert [arm.loss for arm in study.arms] == [
        "static-margin(in_batch=true, margin=0.1)",
        "static-margin(in_batch=true, margin=0.2)",
    ]
    assert study.name == "sweep-static-margin-in_batch-true-margin-0.9-margin"


def test_parts_of_a_sum_have_dotted_names():
    study = swept("embed-distill", "list-kl.temperature=0.02,0.05", "embedding-match.weight=1,5")
    assert names(study) == [
        "list-kl.temperature=0.02, embedding-match.weight=1",
        "list-kl.temperature=0.02, embedding-match.weight=5",
        "list-kl.temperature=0.05, embedding-match.weight=1",
        "list-kl.temperature=0.05, embedding-match.weight=5",
    ]
    for arm, (temperature, weight) in zip(
        resolve_arms(study), [(0.02, 1), (0.02, 5), (0.05, 1), (0.05, 5)], strict=True
    ):
        assert arm.loss.members["list-kl"][1].temperature == temperature
        assert arm.loss.members["embedding-match"][0] == weight
        assert arm.teacher.name == "bi-encoder"
    assert study.name == "sweep-embed-distill-list-kl.temperature-embedding-match.weight"


def test_even_a_default_of_a_part_is_written_down():
    study = swept("embed-distill", "list-kl.temperature=0.05,0.1", "list-kl.direction=forward")
    assert study.arms[0].loss == (
        'embed-distill(parts=["infonce", "list-kl(temperature=0.05, direction=\\"forward\\")", '
        '"embedding-match"], weights=[1.0, 1.0, 1.0])'
    )
    inner = "sum(parts=['infonce', 'triplet'])"
    study = swept(f'sum(parts=["leaf", "{inner}"])', "sum.infonce.temperature=0.05,0.1")
    assert "infonce(temperature=0.05)" in study.arms[0].loss
    found = [arm.loss.members["sum"][1].members["infonce"][1] for arm in resolve_arms(study)]
    assert [loss.temperature for loss in found] == [0.05, 0.1]


def test_a_sums_own_options():
    study = swept("sum", 'parts=["infonce"],["infonce","adaptive-margin"]')
    assert [len(arm.loss.members) for arm in resolve_arms(study)] == [1, 2]
    assert {arm.teacher.name for arm in resolve_arms(study)} == {"none"}


@pytest.mark.parametrize("name", losses.registry.names())
def test_a_loss_has_a_teacher_only_if_it_needs_one(name):
    loss = 'sum(parts=["infonce"])' if name == "sum" else name
    (arm,) = resolve_arms(train.design(loss, 1, shared()))
    assert arm.teacher.name == ("bi-encoder" if arm.loss.needs() else "none")


def test_other_losses_are_arms_as_they_are():
    study = swept(
        "list-kl",
        "temperature=0.02,0.05",
        others=["adaptive-margin", "infonce(temperature=0.1)", "margin-mse"],
        teacher="cross-encoder(max_length=48)",
        baseline="margin-mse",
    )
    found = {arm.name: (str(arm.loss), str(arm.teacher)) for arm in resolve_arms(study)}
    teacher = "cross-encoder(max_length=48)"
    assert [found[f"temperature={value}"][1] for value in (0.02, 0.05)] == [teacher, teacher]
    assert found["adaptive-margin"] == ("adaptive-margin", "none")
    assert found["infonce(temperature=0.1)"] == ("infonce(temperature=0.1)", "none")
    assert found["margin-mse"] == ("margin-mse", teacher)
    assert study.baseline == "margin-mse"


def test_student_and_sampler_are_every_arms():
    study = swept(
        "triplet", "margin=0.1,0.2", student="truncated(layers=3)", sampler="mined(last=5)"
    )
    assert {(str(arm.student), str(arm.sampler)) for arm in resolve_arms(study)} == {
        ("truncated(layers=3)", "mined(last=5)")
    }


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("4000", {"examples": 4000}),
        ("200steps", {"steps": 200}),
        ("200 steps", {"steps": 200}),
        ("600s", {"seconds": 600}),
        ("10min", {"seconds": 600}),
        ("2h", {"seconds": 7200}),
        ("1.5h", {"seconds": 5400}),
        ("2e13flops", {"flops": 2e13}),
    ],
)
def test_budgets(text, budget):
    assert read_budget(text) == budget
    assert swept("triplet", "margin=0.1", budget=text).budget.amount == next(iter(budget.values()))


@pytest.mark.parametrize(
    "text", ["", "x", "-5", "4e3", "10m", "2 hours", "1.5", "1.5steps", "s", "1:00", "4000examples"]
)
def test_what_is_no_budget(text):
    with pytest.raises(InputError, match=r"--budget .*: must be a number of examples \(4000\), of"):
        read_budget(text)


def test_settings_replace_what_the_study_says():
    study = swept(
        "static-margin",
        "margin=0.3,0.5",
        settings=["training.learning_rate=3e-4", "name=mine", "arms.1.sampler=mined", "title=Any"],
    )
    assert (study.name, study.title, study.training.learning_rate) == ("mine", "Any", 3e-4)
    assert [str(arm.sampler) for arm in resolve_arms(study)] == ["uniform", "mined"]


@pytest.mark.parametrize(
    ("loss", "option"),
    [
        ("static-margin", "error=l1,l2"),
        ("static-margin", "margin=0.5,0.6"),
        ("embed-distill", "list-kl.temperature=0.05,0.1"),  # the first of each is the default
    ],
)
def test_tuning_leaves_the_swept_loss_alone(loss, option):
    """Otherwise an arm named after a value would train with another."""
    rates = "tuning.space={learning_rate = [1e-4, 1e-3]}"
    study = swept(loss, option, others=["triplet"], settings=["tuning.trials=2", rates])
    assert all(set(arm.space) == {"training.learning_rate"} for arm in resolve_arms(study))


def test_a_name_has_only_characters_a_study_may_have():
    parts = ['"infonce(temperature=0.1)"'] * 20
    long = f"sum(parts=[{', '.join(parts)}])"
    for loss in ("static-margin(error='l1')", long):
        assert train.design(loss, 1, shared()).name.startswith(f"train-{loss.split('(')[0]}-")
    assert train.design("infonce", 1, shared()).name == "train-infonce"


def test_train_is_a_study_of_one_run():
    study = train.design("static-margin(margin=0.5)", 7, shared(settings=["measures=['AP']"]))
    assert names(study) == [study.baseline] == ["static-margin"]
    assert study.arms[0].loss == "static-margin(margin=0.5)"
    assert (study.seeds, study.measures, study.tuning.trials) == ([7], ["AP"], 0)


GOOD = ["--collection", "toy", "--budget", "4000", "--no-mlflow"]
MARGIN = ["sweep", "static-margin", *GOOD, "--option"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*MARGIN, "mragin=0.1"], "no option is named 'mragin', did you mean 'margin'"),
        ([*MARGIN, "margin=0.5,3.0"], "arm 'margin=3.0': static-margin: margin: .*got 3.0"),
        ([*MARGIN, "margin=l1"], "arm 'margin=l1': static-margin: margin: .*valid number"),
        ([*MARGIN, "error=l1,l3"], "arm 'error=l3': static-margin: error: "),
        ([*MARGIN, "margin=2020-01-01"], "'2020-01-01' is not an option's value"),
        ([*MARGIN, "margin=inf"], "'inf' is not an option's value"),
        ([*MARGIN, "margin=nan,0.1"], "'nan' is not an option's value"),
        ([*MARGIN, "error=l1,,l2"], "'' is not an option's value"),
        ([*MARGIN, "margin=0.3,0.30"], "0.3 is given twice"),
        ([*MARGIN, "margin=0.3", "--option", "margin=0.4"], "margin is given twice"),
        ([*MARGIN, "margin"], "must be name=low:high:step, name=value,value,… or name=value"),
        ([*MARGIN, "margin="], "must be name="),
        ([*MARGIN, "=0.3"], "must be name="),
        ([*MARGIN, "margin=0.1:1.0:0"], "step: .*greater than 0"),
        ([*MARGIN, "margin=0.1:1.0:-0.1"], "step: .*greater than 0"),
        ([*MARGIN, "margin=1.0:0.1:0.1"], r"low \(1.0\) is above high \(0.1\)"),
        ([*MARGIN, "margin=0.1:1.0"], "a grid is low:high:step, three numbers"),
        ([*MARGIN, "margin=0.1:1.0:x"], "a grid is low:high:step, three numbers"),
        ([*MARGIN, "margin=0.1:inf:0.1"], "a grid is low:high:step, three numbers"),
        ([*MARGIN, "margin=0:2:0.01"], "sweep: 201 arms; at most 200 are run"),
        ([*MARGIN, "margin=0:2:1e-300"], "arms; at most 200 are run"),
        ([*MARGIN, "margin=0.01:1:0.01", "--option", "error=l1,l2,soft"], "300 arms"),
        ([*MARGIN, "margin=0.01:2:0.01", "--with", "infonce"], "201 arms"),
        ([*MARGIN, "margin=0.3", "--with", "infonc"], "did you mean 'infonce'"),
        ([*MARGIN, "margin=0.3", "--with", "infonce", "--with", "infonce"], "2 arms have that"),
        ([*MARGIN, "margin=0.3", "--baseline", "margin=0.4"], "did you mean 'margin=0.3'"),
        ([*MARGIN, "margin=0.3", "--seeds", "1,x"], "--seeds '1,x': must be whole numbers"),
        ([*MARGIN, "margin=0.3", "--seeds", "1,1"], "every seed once"),
        ([*MARGIN, "margin=0.3", "--budget", "10m"], "--budget '10m': must be a number of"),
        ([*MARGIN, "margin=0.3", "--budget", "0"], "budget.examples: .*greater than 0"),
        ([*MARGIN, "margin=0.3", "--collection", "tyo"], "collection 'tyo': no folder here"),
        ([*MARGIN, "margin=0.3", "--set", "trainng.clip=0"], "did you mean 'training'"),
        ([*MARGIN, "margin=0.3", "--student", "truncted"], "did you mean 'truncated'"),
        ([*MARGIN, "margin=0.3", "--save-study", "toy"], "--save-study toy: there is something"),
        (
            ["sweep", "static-margn", *GOOD, "--option", "margin=0.3"],
            "no entry is named 'static-margn', did you mean 'static-margin'",
        ),
        (
            ["sweep", "embed-distill", *GOOD, "--option", "lst-kl.temperature=0.1"],
            "'lst-kl.temperature' names no part's option, did you mean 'list-kl'",
        ),
        (
            ["sweep", "list-kl", *GOOD, "--option", "temperature=0.1", "--teacher", "none"],
            "arm 'temperature=0.1': list-kl needs scores from a teacher, and none gives nothing",
        ),
        (["train", "infonc", *GOOD], "no entry is named 'infonc', did you mean 'infonce'"),
        (["train", "infonce", *GOOD, "--budget", "10m"], "--budget '10m': must be a number of"),
        (["train", "infonce", *GOOD, "--collection", "tyo"], "collection 'tyo': no folder here"),
        (["train", "infonce", *GOOD, "--seed", "-1"], "seeds.0: .*got -1"),
    ],
)
def test_bad_input_is_one_line_and_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    (tmp_path / "toy").mkdir()
    monkeypatch.chdir(tmp_path)
    code, _, told = call(capsys, *arguments)
    assert code == 2
    assert told.startswith("bench: ")
    assert told.strip().count("\n") == 0
    assert re.search(message, told), told
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_what_cannot_be_run_is_not_saved(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(capsys, *MARGIN, "margin=9", "--save-study", "mine.toml")[0] == 2
    assert call(capsys, *MARGIN, "margin=0.3", "--save-study", "mine.toml")[0] == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "missing", [["sweep", "triplet", *GOOD], ["sweep"], ["train", "triplet", "--budget", "32"]]
)
def test_wrong_usage_is_code_2(missing, capsys):
    assert call(capsys, *missing)[0] == 2


@pytest.fixture(scope="module")
def tiny(collection_folder, tiny_model) -> list[str]:
    """What makes a run take a moment."""
    return [
        "--collection", str(collection_folder), "--budget", "32", "--no-mlflow",
        "--student", f'pretrained(model="{tiny_model}", max_length=32)',
        "--set", "training.batch_size=8", "--set", "evaluation={points = 1}",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_sweep_and_its_saved_study_are_the_same_study(tmp_path, monkeypatch, capsys, tiny):
    monkeypatch.chdir(tmp_path)
    asked = ["sweep", "static-margin", "--option", "margin=0.3,0.5", "--seeds", "1", *tiny]
    asked += ["--out", "results/mine", "--save-study", "mine.toml"]
    code, table, told = call(capsys, *asked)
    assert code == 0, told
    assert "4 runs done now, 0 were there before" in told  # two arms, two references
    results = load("results/mine")
    final = results.summary.query("role == 'final'")
    assert list(final["arm"]) == ["margin=0.3", "margin=0.5"]
    assert list(final["loss"]) == ["static-margin(margin=0.3)", "static-margin"]
    assert (final["status"] == "done").all()
    assert (tmp_path / "results" / "mine" / "report" / "index.html").is_file()
    assert load_study("mine.toml") == results.study

    code, again, told = call(capsys, "run", "mine.toml", "--out", "results/mine", "--no-mlflow")
    assert code == 0
    assert "0 runs done now, 4 were there before" in told
    assert again == table
    assert "margin=0.5" in table

    code, _, told = call(capsys, *asked)
    assert code == 2
    assert "go on with `bench run mine.toml`" in told


@pytest.mark.slow
def test_train_says_where_the_student_is(tmp_path, monkeypatch, capsys, tiny):
    monkeypatch.chdir(tmp_path)
    asked = ["train", "adaptive-margin", "--seed", "3", *tiny]
    code, table, told = call(capsys, *asked)
    assert code == 0, told
    results = load("results/train-adaptive-margin")
    (run,) = results.summary.query("role == 'final'").itertuples()
    assert run.seed == 3
    student = f"results/train-adaptive-margin/runs/{run.run}/student"
    assert told.splitlines()[-1] == f"student: {student}"
    assert (tmp_path / student).is_dir()
    (row,) = [line for line in table.splitlines() if line.startswith(" adaptive-margin ")]
    assert f"{results.summary.set_index('run').loc[run.run, 'nDCG@10']:.3f}" in row

    shutil.rmtree(student)  # as where keep_students is false
    code, again, told = call(capsys, *asked)
    assert (code, again) == (0, table)
    assert "student: " not in told
