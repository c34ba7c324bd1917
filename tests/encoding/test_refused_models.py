"""Models that cannot be what is asked of them: one line, and nothing is written."""

import json
import shutil

import pytest
import tomli_w
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel, DPRConfig, DPRQuestionEncoder

from bench import students, teachers
from bench.encoding.models import BUNDLED, load_tokenizer
from bench.errors import InputError
from bench.execution.model_checks import check_models, check_weights
from bench.study.arms import resolve_arms
from bench.study.schema import parse_study
from tests.encoding.folders import change, describe, write_dense, write_json, write_plain
from tests.support.command_line import call
from tests.support.students import write
from tests.support.studies import study_values

BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT |= {"intermediate_size": 64, "max_position_embeddings": 64}
DENSE = ("Transformer", "Pooling", "Dense")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model with which nothing is wrong."""
    folder = write_plain(tmp_path_factory.mktemp("refused") / "whole", BertModel, **BERT)
    return describe(folder)


def rename(folder, name) -> None:
    """Write the weights by other names; those that have none are left out."""
    file = folder / "model.safetensors"
    weights = {name(key): value for key, value in load_file(file).items() if name(key)}
    save_file(weights, file, metadata={"format": "pt"})


def behind_a_wrapper(folder):
    rename(folder, lambda key: f"encoder_q.{key}")


def behind_our_own(folder):
    """As a checkpoint of a run keeps them."""
    rename(folder, lambda key: f"query_encoder.transformer.{key}")


def without_a_layer(folder):
    rename(folder, lambda key: "" if ".layer.1." in key else key)


def of_another_width(folder):
    change(folder / "config.json", intermediate_size=48)


def without_tokenizer(folder):
    for file in [*folder.glob("tokenizer*"), *folder.glob("vocab*"), *folder.glob("special*")]:
        file.unlink()


def with_a_broken_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")


def with_code_of_its_own(folder):
    change(
        folder / "config.json",
        model_type="my_bert",
        auto_map={"AutoConfig": "configuration_my.MyConfig", "AutoModel": "modeling_my.MyModel"},
    )


def with_a_module_of_its_own(folder):
    listed = json.loads((folder / "modules.json").read_text())
    listed[1]["type"] = "custom_pooling.MyPooling"
    (folder / "modules.json").write_text(json.dumps(listed))


def of_no_known_type(folder):
    change(folder / "config.json", model_type="berd")


def pickled(folder):
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def with_a_pickled_dense(folder):
    describe(write_dense(folder), kinds=DENSE)
    (folder / "2_Dense" / "model.safetensors").unlink()
    torch.save({}, folder / "2_Dense" / "pytorch_model.bin")


def without_its_dense(folder):
    describe(folder, kinds=DENSE)


def with_a_dense_that_does_not_fit(folder):
    describe(write_dense(folder, width=48), kinds=DENSE)


def without_its_body(folder):
    describe(folder, body="0_Transformer")


def without_modules(folder):
    (folder / "modules.json").write_text("{}")


def an_adapter(folder):
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")


def without_a_shard(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    write_json(folder / "model.safetensors.index.json", {"weight_map": shards})


def a_dpr(folder):
    tokenizer = load_tokenizer(BUNDLED)
    config = DPRConfig(vocab_size=len(tokenizer), **BERT)
    DPRQuestionEncoder(config).save_pretrained(folder)


WRONG = {
    without_tokenizer: "has no tokenizer; copy tokenizer.json and tokenizer_config.json there",
    with_code_of_its_own: "needs its own code, which is not run here",
    with_a_module_of_its_own: "needs its own code (the module custom_pooling.MyPooling), which is",
    of_no_known_type: "its config.json: ",
    pickled: "has no weights in safetensors, only pytorch_model.bin; convert it once",
    with_a_pickled_dense: "2_Dense has no weights in safetensors, only pytorch_model.bin; convert",
    without_its_dense: "its modules.json names a Dense, and there is no ",
    without_its_body: "its modules.json names a Transformer, and there is no ",
    without_modules: "its modules.json is no list of modules",
    an_adapter: " is an adapter; merge it with its model",
    without_a_shard: "1 of its files are missing: model-00002-of-00002.safetensors, …",
    behind_a_wrapper: "37 of its weights are not in its files: embeddings.word_embeddings.weight, "
    "embeddings.position_embeddings.weight, embeddings.token_type_embeddings.weight, …; in "
    "model.safetensors they are named encoder_q.…: save that encoder by itself, without",
    behind_our_own: "in model.safetensors they are named query_encoder.transformer.…: save that",
    without_a_layer: "16 of its weights are not in its files: "
    "encoder.layer.1.attention.self.query.weight, ",
    of_another_width: "6 of its weights have another shape than its config.json says, the first ",
    with_a_broken_tokenizer: "its tokenizer cannot be loaded: ",
    with_a_dense_that_does_not_fit: "its linear layer takes vectors 48 wide, and these are 32",
    a_dpr: "dpr gives no states of tokens, which are pooled",
}


@pytest.fixture
def model(request, whole, tmp_path):
    """(a folder with which something is wrong, what is to be said)."""
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    request.param(folder)
    return folder, WRONG[request.param]


def every(faults):
    return pytest.mark.parametrize(
        "model", list(faults), indirect=True, ids=[fault.__name__ for fault in faults]
    )


def says(told: str, message: str) -> None:
    """One line, of the model, with no traceback."""
    (line,) = [line for line in told.splitlines() if line.startswith("bench: ")]
    assert message in line
    assert told.rstrip().endswith(line)
    assert "Traceback" not in told


def run(capsys, values: dict, tmp_path, command: str = "run"):
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(values))
    more = () if command == "plan" else ("--no-mlflow",)
    return call(
        capsys, command, str(tmp_path / "toy.toml"), "--out", str(tmp_path / "out"),
        "--artifacts", str(tmp_path / "artifacts"), *more,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("kind", ["student", "teacher"])
@every(WRONG)
def test_a_study_of_it_is_refused(
    model, kind, command, tiny_model, collection_folder, tmp_path, capsys
):
    folder, message = model
    values = study_values(collection_folder, tiny_model)
    if kind == "student":
        values["defaults"]["student"] = {"name": "pretrained", "model": str(folder)}
    else:
        values["arms"][2]["teacher"] = {"name": "bi-encoder", "model": str(folder)}
    code, _, told = run(capsys, values, tmp_path, command)
    assert code == 2
    says(told, message)
    assert not (tmp_path / "out").exists()


@every(WRONG)
def test_such_a_folder_is_not_measured(model, collection_folder, tmp_path, capsys):
    folder, message = model
    for student in (str(folder), write("pretrained", model=folder)):
        code, out, told = call(
            capsys, "evaluate", student, "--collection", str(collection_folder),
            "--artifacts", str(tmp_path / "artifacts"), "--run", str(tmp_path / "run.gz"), "--json",
        )  # fmt: skip
        assert (code, out) == (2, "")
        says(told, message)
        assert not (tmp_path / "run.gz").exists()


# -- what says which model it is, and where ------------------------------------------------------


def broken(whole, tmp_path, fault):
    shutil.copytree(whole, tmp_path / "model")
    fault(tmp_path / "model")
    return tmp_path / "model"


MADE_OF = {
    "untied": lambda model, tiny: write(
        "untied", queries=write("pretrained", model=tiny), documents=write("static", model=model)
    ),
    "asymmetric": lambda model, tiny: write(
        "asymmetric",
        queries=write("pretrained", model=tiny),
        teacher=write("bi-encoder", model=model),
    ),
    "projected": lambda model, tiny: write("projected", student=write("pretrained", model=model)),
    "projected towards": lambda model, tiny: write(
        "projected",
        student=write("pretrained", model=tiny),
        width=32,
        start="least-squares",
        teacher=write("bi-encoder", model=model),
    ),
    "narrow": lambda model, tiny: write("narrow", model=model),
}


@pytest.mark.parametrize("name", MADE_OF)
def test_students_made_of_others_look_at_every_model(name, whole, tiny_model, tmp_path):
    made = students.create(MADE_OF[name](broken(whole, tmp_path, without_a_layer), tiny_model))
    made.check()
    with pytest.raises(InputError, match="16 of its weights are not in its files"):
        made.check_weights()
    without_tokenizer(tmp_path / "model")
    with pytest.raises(InputError, match="has no tokenizer"):
        made.check()


@pytest.mark.parametrize(
    "name", ["cross-encoder", "late-interaction", "dual-pooled-cross-encoder", "ensemble"]
)
def test_teachers_of_every_kind_look_at_their_models(name, whole, tmp_path):
    model = broken(whole, tmp_path, without_a_layer)
    if name == "ensemble":
        inner = write("cross-encoder", model=model)
        teacher = teachers.create("ensemble", teachers=[inner, "bi-encoder"])
    else:
        teacher = teachers.create(name, model=str(model))
    teacher.check()
    with pytest.raises(InputError, match="16 of its weights are not in its files"):
        teacher.check_weights()
    without_tokenizer(model)
    with pytest.raises(InputError, match="has no tokenizer"):
        teacher.check()


@pytest.mark.parametrize("command", ["plan", "run"])
def test_more_layers_than_there_are(command, tiny_model, collection_folder, tmp_path, capsys):
    values = study_values(collection_folder, tiny_model)
    values["arms"][1]["student"] = f"truncated(layers=99, model='{tiny_model}')"
    code, _, told = run(capsys, values, tmp_path, command)
    assert code == 2
    says(told, "arm 'static-margin': layers: 99 of an encoder that has 2")
    assert not (tmp_path / "out").exists()


def test_weights_are_looked_at_without_drawing_from_a_seed(tiny_model, collection_folder):
    arms = resolve_arms(parse_study(study_values(collection_folder, tiny_model), "toy"))
    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    check_models(arms)
    check_weights(arms)
    assert torch.equal(torch.rand(1), wanted)
