"""What a study file may say, and how it is told what it may not."""

import pytest
import tomli_w

from bench.errors import InputError
from bench.study.arms import grid, resolve_arms
from bench.study.file import load_study
from bench.study.schema import Budget, parse_study

SUM = 'sum(parts=["infonce", "adaptive-margin"])'


def parsed(values: dict, **changes):
    return parse_study({**values, **changes}, "file.toml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"examples": 0}}, "budget.examples: .*greater than 0"),
        ({"budget": {"examples": -3}}, "budget.examples: .*got -3"),
        ({"budget": {"exampels": 3}}, "budget.exampels: .*did you mean 'examples'"),
        ({"budget": {}}, "exactly one of examples, steps, seconds"),
        ({"budget": {"examples": 3, "steps": 3}}, "exactly one"),
        ({"seeds": []}, "seeds: "),
        ({"seeds": [1, 1]}, "every seed once"),
        ({"seeds": [1_000_000]}, "seeds.0: "),
        ({"primary": "AP"}, "primary 'AP' is not among the measures"),
        ({"test": ["dev"]}, "'dev' is not a test part"),
        ({"test": ["train"]}, "'train' is not a test part"),
        ({"tuning": {"trials": -1}}, "tuning.trials"),
        ({"tuning": {"split": "test"}}, "tuning.split: there is no such key"),
        ({"tuning": {"space": {"batch": [1]}}}, "tuning.space"),
        ({"evaluation": {"points": [0.5, 0.4, 1.0]}}, "evaluation.points"),
        ({"arms": []}, r"needs \[\[arms\]\] or a \[cross\]"),
        ({"trainng": {}}, "trainng: there is no such key, did you mean 'training'"),
        ({"training": {"schedule": "cosin"}}, "training.schedule"),
        ({"name": "../up"}, "name: "),
        (
            {"test_collections": {"test-x": "pydocs"}},
            "'test-x' is a name of the collection's parts",
        ),
        ({"test_collections": {"dev": "pydocs"}}, "'dev' is a name of the collection's parts"),
        ({"arms": [{"loss": "infonce", "training": {"batch": 3}}]}, "arms.0.training"),
        ({"arms": [{"lss": "infonce"}]}, "arms.0.lss: .*did you mean 'loss'"),
        ({"arms": [3]}, "arms.0: must be a table"),
        ({"seeds": [True]}, "seeds.0: .*got True"),
        ({"seeds": ["1"]}, "seeds.0: .*got '1'"),
        ({"seeds": [-1]}, "seeds.0: .*got -1"),
        ({"test": ["test", "test"]}, "test: every part once"),
        ({"tuning": {"seed": -5}}, "tuning.seed: .*got -5"),
        ({"budget": {"examples": 10**30}}, "budget.examples: "),
        ({"budget": {"seconds": float("inf")}}, "budget.seconds: .*finite number .got inf"),
        ({"training": {"learning_rate": float("inf")}}, "training.learning_rate: .*got inf"),
        ({"training": {"learning_rate": True}}, "training.learning_rate: .*got True"),
        ({"evaluation": {"points": []}}, "evaluation.points: .*at least 1"),
        ({"evaluation": {"points": [0.5, float("nan")]}}, "evaluation.points.1: .*got nan"),
        ({"comparison": {"quality": float("nan")}}, "comparison.quality: .*got nan"),
    ],
)
def test_a_bad_study_names_the_key(toy_values, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        parsed(toy_values, **changes)
    assert str(caught.value).startswith("file.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ([0.1, 0.1], "every choice once; 0.1 is there again"),
        ([1, 1.0], "every choice once"),
        ([], "choices are a list of one value or more"),
        ([[0.1, 0.2]], r"a choice is a number, text or true/false, not \[0.1, 0.2\]"),
        ([0.1, float("nan")], ".*finite number .got nan"),
        (0.1, "a space is a list of values, or a table of low and high"),
        ({"low": 0.2, "high": 0.1}, r"low \(0.2\) is above high \(0.1\)"),
        ({"low": 0.1, "high": float("inf")}, "high: .*got inf"),
        ({"low": True, "high": 2.0}, "low: .*got True"),
        ({"low": 0.1, "hgih": 0.2}, "hgih: there is no such key"),
        ({"low": 0.1}, "high: Field required"),
    ],
)
def test_a_bad_space_names_the_key(toy_values, space, message):
    arms = [{"loss": "static-margin", "space": {"margin": space}}]
    with pytest.raises(InputError, match=rf"file.toml: arms\.0\.space\.margin[.:] ?{message}"):
        parsed(toy_values, arms=arms)
    with pytest.raises(InputError, match=rf"tuning\.space\.warmup[.:] ?{message}"):
        parsed(toy_values, tuning={"trials": 1, "space": {"warmup": space}})


def test_a_whole_number_may_be_written_as_a_power(toy_values):
    assert parsed(toy_values, budget={"examples": 4e5}).budget == Budget(examples=400_000)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [1.0, float("inf")]])
def test_an_entry_s_options_are_finite(toy_values, value):
    arms = [{"loss": {"name": "infonce", "temperature": value}}]
    with pytest.raises(InputError, match="infonce: temperature: must be finite"):
        resolve_arms(parsed(toy_values, arms=arms))
    with pytest.raises(InputError, match="infonce: temperature: must be finite"):
        resolve_arms(parsed(toy_values, arms=[{"loss": "infonce(temperature=-inf)"}]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"examples": 16}}, "16 examples are less than a step between 3 evaluation"),
        ({"budget": {"steps": 2}}, "2 steps are less than a step between 3 evaluation points"),
        ({"baseline": "margin-msa"}, "no arm is named 'margin-msa', did you mean 'margin-mse'"),
        ({"arms": [{"loss": "margin-mse"}]}, "margin-mse needs scores from a teacher, and none"),
        (
            {"arms": [{"loss": "infonce", "teacher": "bi-encoder"}], "baseline": "infonce"},
            "uses nothing of its teacher",
        ),
        (
            {"arms": [{"loss": "infonce"}, {"loss": "infonce"}], "baseline": "infonce"},
            "2 arms have that name",
        ),
        (
            {"arms": [{"loss": "triplet", "space": {"margn": [0.1]}}], "baseline": "triplet"},
            "arm 'triplet': space loss.margn: triplet: no option is named 'margn', did you mean",
        ),
        (
            {"arms": [{"loss": SUM, "space": {"infonc.temperature": [0.1]}}], "baseline": SUM},
            "'infonc.temperature' names no part's option, did you mean 'infonce'",
        ),
        (
            {"arms": [{"loss": "embed-distill"}], "baseline": "embed-distill"},
            "needs document embeddings, query embeddings, scores from a teacher, and none gives no",
        ),
        (
            {
                "arms": [{"loss": 'sum(parts=["margin-mse"])', "name": "sum"}],
                "baseline": "sum",
            },
            "sum needs scores from a teacher, and none gives nothing",
        ),
        (
            {
                "arms": [{"loss": SUM, "student": 'pretrained(similarity="dot")'}],
                "baseline": SUM,
            },
            "adaptive-margin: it is defined on cosine similarities and the student's is 'dot'",
        ),
        (
            {
                "arms": [{"loss": "infonce", "space": {"temperature": [0.0]}}],
                "baseline": "infonce",
            },
            "space loss.temperature: .*greater than 0",
        ),
        (
            {"tuning": {"trials": 3, "sampler": "grid", "space": {"warmup": [0.0, 0.1]}}},
            "its grid has 2 points",
        ),
        (
            {
                "tuning": {
                    "trials": 2,
                    "sampler": "grid",
                    "space": {"warmup": {"low": 0, "high": 1}},
                }
            },
            "warmup",
        ),
    ],
)
def test_an_arm_that_cannot_work_is_refused(toy_values, changes, message):
    with pytest.raises(InputError, match=message):
        resolve_arms(parsed(toy_values, **changes))


def test_an_arm_may_train_otherwise(toy_values):
    arms = [
        {"loss": "infonce", "name": "margin-mse"},
        {"loss": "infonce", "name": "large", "training": {"batch_size": 32}},
    ]
    small, large = resolve_arms(parsed(toy_values, arms=arms, tuning={}))
    assert (small.training.batch_size, large.training.batch_size) == (8, 32)
    assert large.training.learning_rate == small.training.learning_rate
    assert large.training_overrides == {"training.batch_size": 32}
    arms[1]["training"] = {"batch_size": 64}
    with pytest.raises(InputError, match="arm 'large': budget: 96 examples are less than a step"):
        resolve_arms(parsed(toy_values, arms=arms, tuning={}))
    arms[1]["training"] = {"learning_rate": -1.0}
    with pytest.raises(InputError, match="arm 'large': training.learning_rate: .*greater than 0"):
        resolve_arms(parsed(toy_values, arms=arms, tuning={}))
    arms[1]["training"] = {"learning_rate": 1e-3}
    with pytest.raises(InputError, match=r"training.learning_rate is varied by tuning\.space, and"):
        resolve_arms(parsed(toy_values, arms=arms))


def test_only_what_is_under_test_may_be_tuned(toy_values):
    arms = [{"loss": "infonce", "name": "margin-mse"}, {"loss": "adaptive-margin"}]
    tuned, fixed = resolve_arms(parsed(toy_values, arms=arms, tuning={"trials": 3}))
    assert (tuned.trials, list(tuned.space)) == (3, ["loss.temperature"])
    assert (fixed.trials, fixed.space) == (0, {})
    with pytest.raises(InputError, match="3 trials but nothing to vary"):
        resolve_arms(
            parsed(
                toy_values,
                arms=arms[1:],
                baseline="adaptive-margin",
                tuning={"trials": 3},
            )
        )


def test_a_file_extends_others(tmp_path, toy_values):
    import tomli_w

    def write(name: str, values: dict) -> str:
        (tmp_path / name).write_text(tomli_w.dumps(values))
        return str(tmp_path / name)

    write("toy.toml", toy_values)
    write("part.toml", {"seeds": [7], "training": {"batch_size": 16}})
    whole = load_study(
        write(
            "above.toml",
            {
                "extends": ["toy.toml", "part.toml"],
                "title": "Above",
                "budget": {"steps": 9},
                "training": {"warmup": 0.0},
                "evaluation": {"depth": 7},
            },
        )
    )
    assert (whole.name, whole.title, whole.seeds) == ("above", "Above", [7])
    assert whole.budget.unit == "steps"
    assert (whole.training.batch_size, whole.training.warmup) == (16, 0.0)
    assert (whole.evaluation.depth, whole.evaluation.points) == (7, 3)
    assert [arm.loss for arm in whole.arms] == [arm["loss"] for arm in toy_values["arms"]]
    assert "extends" not in whole.to_toml()
    inherited = write("inherits.toml", {"extends": "quickstart", "title": "Mine"})
    assert load_study(inherited).arms == load_study("quickstart").arms
    assert load_study(inherited).name == "inherits"
    with pytest.raises(InputError, match="it extends itself"):
        load_study(write("self.toml", {"extends": "self.toml"}))
    with pytest.raises(InputError, match="'quickstar': no file .* did you mean 'quickstart'"):
        load_study(write("lost.toml", {"extends": "quickstar"}))
    with pytest.raises(InputError, match=r"no such file"):
        load_study(write("lost.toml", {"extends": "nowhere.toml"}))
    with pytest.raises(InputError, match="extends: must be"):
        load_study(write("bad.toml", {"extends": 3}))


def test_cross_and_exclude(toy_values):
    cross = {
        "losses": ["adaptive-margin", "static-margin(margin=0.3)", "margin-mse"],
        "teachers": ["none", "bi-encoder"],
        "samplers": ["uniform", "mined"],
        "exclude": [
            {"loss": "margin-mse", "teacher": "none"},
            {"loss": "adaptive-margin", "teacher": "bi-encoder"},
            {"loss": "static-margin", "teacher": "bi-encoder"},
            {"loss": "static-margin(margin=0.3)", "sampler": "mined"},
        ],
    }
    study = parsed(toy_values, arms=[], cross=cross, baseline="margin-mse + mined")
    assert [arm.name for arm in resolve_arms(study)] == [
        "adaptive-margin + uniform",
        "adaptive-margin + mined",
        "static-margin(margin=0.3)",
        "margin-mse + uniform",
        "margin-mse + mined",
    ]


def test_every_arm_gets_the_nuisance_space_plus_its_own(toy_values):
    arms = {arm.name: set(arm.space) for arm in resolve_arms(parsed(toy_values))}
    assert arms == {
        "adaptive-margin": {"training.learning_rate"},
        "static-margin": {"training.learning_rate", "loss.margin"},
        "margin-mse": {"training.learning_rate"},
    }


def test_a_fixed_option_is_not_varied(toy_values):
    arm = {"loss": "static-margin(margin=0.3)"}
    study = parsed(toy_values, arms=[arm], baseline="static-margin(margin=0.3)")
    assert set(resolve_arms(study)[0].space) == {"training.learning_rate"}


def test_a_sum_varies_its_weights_and_its_parts_options(toy_values):
    loss = 'embed-distill(parts=["infonce(temperature=0.1)", "list-kl", "embedding-match"])'
    study = parsed(toy_values, arms=[{"loss": loss, "teacher": "bi-encoder"}], baseline=loss)
    (arm,) = resolve_arms(study)
    assert list(arm.space) == [
        "training.learning_rate",
        "loss.list-kl.weight",
        "loss.list-kl.temperature",
        "loss.list-kl.teacher_temperature",
        "loss.embedding-match.weight",
    ]
    chosen = arm.choose({"loss.list-kl.weight": 0.5, "loss.list-kl.temperature": 0.02})
    assert str(chosen.loss) == (
        'embed-distill(parts=["infonce(temperature=0.1)", "list-kl(temperature=0.02)", '
        '"embedding-match"], weights=[1.0, 0.5, 1.0])'
    )
    fixed = parsed(
        toy_values,
        arms=[{"loss": "embed-distill(weights=[1, 1, 5])", "teacher": "bi-encoder", "name": "a"}],
        baseline="a",
    )
    assert not any("weight" in key for key in resolve_arms(fixed)[0].space)


def test_a_grid_has_every_point_once(toy_values):
    tuning = {"trials": 4, "sampler": "grid", "space": {"learning_rate": [1e-4, 1e-3]}}
    arm = {"loss": "static-margin", "space": {"margin": {"low": 0.1, "high": 0.3, "step": 0.1}}}
    study = parsed(toy_values, tuning=tuning, arms=[arm], baseline="static-margin")
    points = grid(resolve_arms(study)[0])
    assert [(p["training.learning_rate"], p["loss.margin"]) for p in points] == [
        (rate, margin) for rate in (1e-4, 1e-3) for margin in (0.1, 0.2, 0.3)
    ]


def test_settings_replace_keys(tmp_path, toy_values):
    path = tmp_path / "toy.toml"
    path.write_text(tomli_w.dumps(toy_values))
    study = load_study(
        str(path), ["budget.examples=32", "title=plain words", "arms.0.loss=infonce", "seeds=[7]"]
    )
    assert (study.budget.examples, study.title, study.seeds) == (32, "plain words", [7])
    assert study.arms[0].loss == "infonce"
    for setting, message in (
        ("budget", "key.path=value"),
        ("arms.9.loss=x", "no place"),
        ("budget.exampels=3", "did you mean 'examples'"),
        ("budget.examples=no", "valid integer"),
    ):
        with pytest.raises(InputError, match=message):
            load_study(str(path), [setting])


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no file and no predefined study, did you mean 'quickst"):
        load_study("quickstrat")
    with pytest.raises(InputError, match="there is no such file"):
        load_study(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("title = \n")
    with pytest.raises(InputError, match="not TOML"):
        load_study(str(broken))
    broken.write_bytes(b"title = '\xff'\n")
    with pytest.raises(InputError, match="cannot be read"):
        load_study(str(broken))
    broken.write_text(f"seeds = {'[' * 9999}")
    with pytest.raises(InputError, match="not TOML"):
        load_study(str(broken))
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out: a folder; a study is a TOML file$"):
        load_study(str(tmp_path / "out"))
    (tmp_path / "out" / "study.toml").touch()
    with pytest.raises(InputError, match="a TOML file, perhaps .*out/study.toml$"):
        load_study(str(tmp_path / "out"))


def test_a_file_of_another_system_is_read(tmp_path, toy_values):
    path = tmp_path / "toy.toml"
    path.write_text(tomli_w.dumps(toy_values))
    written = load_study(str(path))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_study(str(path)) == written


def test_a_written_study_reads_back(tmp_path, toy_values):
    study = parsed(toy_values)
    study.write(tmp_path / "study.toml")
    assert load_study(str(tmp_path / "study.toml")) == study
