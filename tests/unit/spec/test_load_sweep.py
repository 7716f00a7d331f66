from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.errors import SpecError
from prefixbench.spec.load import Overrides, list_presets, load_sweep, parse_custom_prefix, split_names
from prefixbench.spec.margins import parse_smallest_effects
from prefixbench.spec.visible import show_whitespace


def test_every_preset_is_a_valid_sweep() -> None:
    for name in list_presets():
        spec = load_sweep(None, name, Overrides())
        assert spec.name == name
        assert str(spec.conditions[0]) == "none"
        assert spec.description


def test_names_are_split_outside_parentheses() -> None:
    assert split_names("STSBenchmark, MTEB(eng, v2) ,SciFact") == ("STSBenchmark", "MTEB(eng, v2)", "SciFact")


def test_subsets_of_one_task_are_gathered() -> None:
    spec = load_sweep(None, None, Overrides(models=("a/b",), tasks=("X:en", "Y", "X:de", "X:en")))
    assert [(task.name, task.subsets) for task in spec.tasks] == [("X", ("en", "de")), ("Y", ())]


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('models = ["a/b"]\ntasks = ["X"]\nseed = 1\n[encoder]\ndtype = "bfloat16"\nbatch_tokens = 512\n')
    spec = load_sweep(path, None, Overrides(encoder={"dtype": "float32"}, seed=2, conditions=("correct",)))
    assert (spec.name, spec.seed, spec.encoder.dtype, spec.encoder.batch_tokens) == ("mine", 2, "float32", 512)
    assert [str(condition) for condition in spec.conditions] == ["none", "correct"]


def load_effects(text: str, asked: dict[str, float] | float | None, tmp_path: Path) -> dict[str, float]:
    path = tmp_path / "mine.toml"
    path.write_text(f'models = ["a/b"]\ntasks = ["X"]\n{text}\n')
    return load_sweep(path, None, Overrides(smallest_effect=asked)).smallest_effect


def test_the_margin_is_declared_for_all_metrics_or_by_metric(tmp_path: Path) -> None:
    table = "[smallest_effect]\ndefault = 1\nndcg_at_10 = 0.5"
    assert load_effects("", None, tmp_path) == {}
    assert load_effects("smallest_effect = 0.3", None, tmp_path) == {"default": 0.3}
    assert load_effects(table, None, tmp_path) == {"default": 1, "ndcg_at_10": 0.5}
    assert load_effects(table, {"ndcg_at_10": 0.2, "ap": 2}, tmp_path) == {"default": 1, "ndcg_at_10": 0.2, "ap": 2}
    assert load_effects(table, 0.1, tmp_path) == {"default": 0.1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('smallest_effect = "1"', "smallest_effect: must be points, or a table of points by metric, as in ndcg_at_10"),
        ("smallest_effect = true", "smallest_effect: must be points, or a table of points by metric, as in ndcg_at_10"),
        ("smallest_effect = -1", "smallest_effect.default: must be greater than or equal to 0 (given: -1)."),
        ("smallest_effect = nan", "smallest_effect.default: must be a finite number (given: nan)."),
        ("[smallest_effect]\nap = '1'", "smallest_effect.ap: must be a number (given: '1')."),
        ("[smallest_effect]\nap = 101", "smallest_effect.ap: must be less than or equal to 100 (given: 101)."),
    ],
)
def test_a_margin_that_is_none_is_one_sentence(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_effects(text, None, tmp_path)
    (fault,) = caught.value.faults
    assert fault.startswith(f"{tmp_path / 'mine.toml'}: sweep.{told}")


def test_margins_on_the_command_line_are_read_and_every_fault_told() -> None:
    assert parse_smallest_effects(["0.3", "ndcg_at_10=0.5"]) == {"default": 0.3, "ndcg_at_10": 0.5}
    with pytest.raises(SpecError) as caught:
        parse_smallest_effects(["x=", "nan", "ap=-1", "f1=1", "f1=2"])
    assert caught.value.faults == (
        "--smallest-effect 'x=': must be POINTS or METRIC=POINTS, as in 0.5 or ndcg_at_10=0.5.",
        "--smallest-effect: nan is no difference; give points from 0 to 100, as in 0.5.",
        "--smallest-effect: -1 is no difference; give points from 0 to 100, as in 0.5.",
        "--smallest-effect 'f1=2': f1 is given twice.",
    )


def test_a_custom_prefix_is_also_a_condition() -> None:
    spec = load_sweep(
        None, None, Overrides(models=("a/b",), tasks=("X",), prefixes=('mine:query="find, now:\\n",document="d: "',))
    )
    assert spec.custom["mine"].query == "find, now:\n"
    assert [str(condition) for condition in spec.conditions] == ["none", "custom:mine"]


def test_custom_prefixes_keep_commas_quotes_and_spaces() -> None:
    assert parse_custom_prefix(r'x:document="say \"a\", b: "') == ("x", {"document": 'say "a", b: '})
    for bad in ("x", "x:query=a", 'x:query="a"document="b"', 'x:text="a"', ':query="a"', 'x:query="a",query="b"'):
        with pytest.raises(SpecError, match="expected NAME:query="):
            parse_custom_prefix(bad)


def test_what_the_shell_took_away_is_shown_with_the_quoting_that_works() -> None:
    with pytest.raises(SpecError) as raised:
        parse_custom_prefix("mine:query=search: ,document=")
    assert str(raised.value) == (
        '--prefix \'mine:query=search: ,document=\': expected NAME:query="…",document="…"; the shell takes quotation '
        'marks away unless the whole stands in single ones: --prefix \'mine:query="search: ",document=""\''
    )


def test_one_name_for_two_prefixes_is_refused() -> None:
    with pytest.raises(SpecError) as raised:
        load_sweep(None, None, Overrides(("a/b",), ("X",), prefixes=('p:query="a"', 'p:query="b"')))
    assert str(raised.value) == (
        "--prefix 'p:query=\"b\"': there is already one called 'p'; give each a name of its own."
    )


def test_a_task_named_whole_and_in_part_is_run_whole() -> None:
    for tasks in (("STS22", "STS22:en"), ("STS22:en", "STS22")):
        spec = load_sweep(None, None, Overrides(models=("a/b",), tasks=tasks))
        assert [(task.name, task.subsets) for task in spec.tasks] == [("STS22", ())]


def test_a_task_class_is_named_with_a_colon_or_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_tasks.py").write_text("raise RuntimeError('imported')\n")
    for text in ("own_tasks:Mine", "own_tasks.Mine", "own_tasks:Mine:en", "own_tasks.Mine:en"):
        (task,) = load_sweep(None, None, Overrides(models=("a/b",), tasks=(text,))).tasks
        assert (task.name, task.subsets) == ("own_tasks.Mine", ("en",) if text.endswith("en") else ())


def test_a_module_that_a_file_names_needs_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_tasks.py").write_text("")
    path = tmp_path / "mine.toml"
    path.write_text('models = ["a/b"]\ntasks = ["X.v2", "own_tasks:Mine"]\n')
    with pytest.raises(SpecError) as raised:
        load_sweep(path, None, Overrides())
    assert str(raised.value) == (
        f"{path}: sweep.tasks[1].name: 'own_tasks.Mine' is code that runs when the module own_tasks is imported; "
        "allow it with --trust-tasks own_tasks."
    )
    assert len(load_sweep(path, None, Overrides(trusted_tasks=("own_tasks",))).tasks) == 2


def test_three_spellings_of_one_folder_are_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "models" / "final").mkdir(parents=True)
    names = ("models/final", "./models/final", "~/models/final", f"{tmp_path}/models/../models/final")
    spec = load_sweep(None, None, Overrides(models=names, tasks=("X",)))
    assert [model.name for model in spec.models] == ["models/final"]


@pytest.mark.parametrize("name", ["./x", "/a/b", "~/x", "../nowhere", "~nobody-here/x"])
def test_a_path_that_is_no_folder_says_so(name: str) -> None:
    if name.startswith("~n"):
        name = "~/nobody-here/x"
    with pytest.raises(SpecError) as raised:
        load_sweep(None, None, Overrides(models=(name,), tasks=("X",)))
    assert str(raised.value) == f"sweep.models[0].name: {name!r} is no folder."


def test_one_model_under_two_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('tasks = ["X"]\nmodels = ["a/b", "a/b", {name = "a/b", max_seq_length = 64}]\n')
    with pytest.raises(SpecError) as raised:
        load_sweep(path, None, Overrides())
    assert str(raised.value) == (
        f"{path}: sweep.models[2]: 'a/b' is already models[0], with another max_seq_length; their results could not be "
        "told apart, so give each a sweep of its own."
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            'conditions = "placebo"',
            'sweep.conditions: must be a list of conditions, as in ["none", "correct"] (given: \'placebo\').',
        ),
        ("conditions = 7", 'sweep.conditions: must be a list of conditions, as in ["none", "correct"] (given: 7).'),
        ("seed = true", "sweep.seed: must be a whole number (given: true)."),
        ('limit = "20"', "sweep.limit: must be a whole number (given: '20')."),
        ("limit = 3", "sweep.limit: must be greater than or equal to 10 (given: 3)."),
        ("encoder = 3", "sweep.encoder: must be a table (given: 3)."),
        ('encoder = {dtype = "fp32"}', "sweep.encoder.dtype: unknown dtype 'fp32'; did you mean float32?"),
        (
            "encoder = {sise = 3}",
            "sweep.encoder.sise: unknown field 'sise'; "
            "valid choices: batch_tokens, device, dtype, engine, max_seq_length.",
        ),
        ("custom = {a = {query = 7}}", "sweep.custom.a.query: must be a string (given: 7)."),
        ("sed = 3", "sweep.sed: unknown field 'sed'; did you mean seed?"),
    ],
)
def test_a_wrong_type_is_one_sentence(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'models = ["a/b"]\ntasks = ["X"]\n{line}\n')
    with pytest.raises(SpecError) as raised:
        load_sweep(path, None, Overrides())
    assert str(raised.value) == f"{path}: {fault}"


@pytest.mark.parametrize("revision", ["../../x", "/etc", "a b", ""])
def test_a_revision_is_no_path(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'tasks = ["X"]\nmodels = [{{name = "a/b", revision = "{revision}"}}]\n')
    with pytest.raises(SpecError) as raised:
        load_sweep(path, None, Overrides())
    assert str(raised.value) == (
        f"{path}: sweep.models[0].revision: must be a commit, branch or tag (given: {revision!r})."
    )


def test_trusted_code_is_named_model_by_model() -> None:
    spec = load_sweep(None, None, Overrides(models=("a/b", "c/d"), tasks=("X",), trusted=("c/d",)))
    assert [model.trust_remote_code for model in spec.models] == [False, True]


def test_whitespace_is_shown() -> None:
    assert show_whitespace("a: \n\t") == "a:·⏎⇥"
    assert show_whitespace("") == "∅"
