# SPDX-License-Identifier: MIT
"""The parts of the demonstration with real models that need neither them nor a network."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import public_hed
import tiny_models
from safetensors.torch import load_file

from refcodec.consonant_text.restore import restore
from refcodec.foundation import hed, hed_layouts
from refcodec.foundation.language_model import LanguageModel
from refcodec.foundation.resolve import Models
from tools.demo_real import convert, models, words

pytestmark = pytest.mark.models


@pytest.fixture
def language(tmp_path: Path) -> LanguageModel:
    return LanguageModel.load(tiny_models.language_model(tmp_path / "language"), Models.of(device="cpu"))


def test_the_weights_of_keras_become_those_of_pytorch_hed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions are transposed, and the file imports to the tensors of the original."""
    published = public_hed.state()
    stored = {}
    for name, path in convert.hed_names().items():
        stored[f"{path}/vars/0"] = published[f"{name}.weight"].numpy().transpose(2, 3, 1, 0)
        stored[f"{path}/vars/1"] = published[f"{name}.bias"].numpy()

    class File(dict[str, Any]):
        def __init__(self, *_: Any) -> None:
            super().__init__(stored)

        def __enter__(self) -> File:
            return self

        def __exit__(self, *_: Any) -> None:
            pass

    monkeypatch.setitem(sys.modules, "h5py", types.SimpleNamespace(File=File))  # type: ignore[arg-type]
    convert.hed(tmp_path / "hed.h5", tmp_path / "hed.safetensors")
    tensors = load_file(tmp_path / "hed.safetensors")
    assert {name: tuple(t.shape) for name, t in tensors.items()} == hed_layouts.layout()
    expected = hed.convert(published)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in hed.convert(tensors).items())
    assert {path.split("/")[0] for path in convert.hed_names().values()} == {
        "fuse", *(f"dsn{b}" for b in range(1, 6)), *(f"block{b}" for b in range(1, 6)),
    }  # fmt: skip


def test_other_weights_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file, _ in models.WEIGHTS.values():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"something else")
    monkeypatch.setattr(models, "run", lambda *_: pytest.fail("nothing is installed where the files are there"))
    with pytest.raises(SystemExit, match="has the SHA-256"):
        models.install(tmp_path)


def test_what_a_model_does_with_a_text(language: LanguageModel) -> None:
    """An answer of noise leaves the dictionary's words; a choice is one of the candidates of each word."""
    one = words.restored("a red cup of coffee on a wooden table", language)
    assert (one.consonants, one.file_bytes, one.dictionary) == ("rd cp f cff n vdn tbl", 14, one.text)
    assert len(one.answer.split()) == 7
    by_rules = restore(one.consonants)
    candidates = [{word.text, *(text for text, _ in word.alternatives)} for word in by_rules.words]
    assert all(word in known for word, known in zip(one.choice.split(), candidates, strict=True))


def test_a_choice_follows_the_likelihood(language: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    by_rules = restore("rd cp")
    word = by_rules.words[-1]
    other = word.alternatives[0][0]
    monkeypatch.setattr(words, "log_likelihoods", lambda sentences, _: [1e3 * s.endswith(other) for s in sentences])
    assert words.chosen(by_rules, language).split()[-1] == other != word.text
    monkeypatch.setattr(words, "log_likelihoods", lambda sentences, _: [0.0] * len(sentences))
    assert words.chosen(by_rules, language) == by_rules.text


def test_log_likelihoods_do_not_depend_on_padding(language: LanguageModel) -> None:
    together = words.log_likelihoods(["a red cup", "a red cup of coffee on the table"], language)
    alone = [words.log_likelihoods([s], language)[0] for s in ("a red cup", "a red cup of coffee on the table")]
    assert np.allclose(together, alone, atol=1e-4)
    assert max(together) < 0


@pytest.mark.parametrize(
    ("text", "count"),
    [("a red cup of tea", 3), ("red cup of coffee", 4), ("red", 1), ("", 0), ("a blue cup of coffee", 3)],
)
def test_words_that_are_right(text: str, count: int) -> None:
    assert words.right(text, "a red cup of coffee") == count
