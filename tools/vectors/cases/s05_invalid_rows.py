# SPDX-License-Identifier: MIT
"""SPEC §5: rows that a decoder must reject, each with a valid file; and rows that lack a table the file does not need."""

from __future__ import annotations

from typing import Final

from tools.vectors.case_types.registry_row import (
    ChangedRow,
    InvalidRow,
    Row,
    change_all,
    drop_binding,
    row,
    set_binding,
    set_parameters,
)

FOLDER: Final = "registries"
ABSENT: Final = "0d" * 32  # the digest of a table that is not available
NET, VQ, CLIP, PQ, CODED, CAPTION = (
    "micro", "vq-tiny-unchecked", "clip-tiny-unchecked", "pq-tiny-unchecked", "consonant-coded-unchecked", "caption-raw-unchecked",
)  # fmt: skip


def _second_model(new: Row) -> None:
    new["binding"]["kinds"] = [2, 5, 6]
    new["binding"]["parameters"]["6"] = row(205)["binding"]["parameters"]["6"]


def _two_models_and_none(new: Row) -> None:
    new["binding"] |= {"kinds": [2, 3, 5], "model": None}
    new["binding"]["parameters"]["3"] = {"d": 8, "b": 2, "prior": True}


INVALID: Final = (
    InvalidRow("binding-member-unknown", NET, 32, "a member `gamma`", set_binding("2.2", "gamma")),
    InvalidRow("binding-member-missing", NET, 32, "no member `colour`", drop_binding("colour")),
    InvalidRow("binding-of-explicit-model", "hash-4", 32, "the same of a base row", drop_binding("colour")),
    InvalidRow("binding-id", VQ, 32, "another id than that of the row", set_binding(205, "id")),
    InvalidRow("binding-method-0", VQ, 32, "a method that there is not", set_binding(0, "method")),
    InvalidRow("binding-method-6", VQ, 32, "the next one", set_binding(6, "method")),
    InvalidRow("binding-method-as-text", VQ, 32, "the method by its name", set_binding("perco", "method")),
    InvalidRow("binding-colour", NET, 32, "a colour space that there is not", set_binding("srgb16", "colour")),
    InvalidRow("binding-fit-rule", NET, 32, "a rule that there is not", set_binding({"rule": "crop"}, "fit")),
    InvalidRow("binding-fit-member", NET, 32, "a member more in `fit`", set_binding("left", "fit", "align")),
    InvalidRow("binding-fit-extend", NET, 32, "an extension that there is not",
        set_binding("mirror", "fit", "extend")),
    InvalidRow("binding-fit-of-none", CLIP, 32, "a multiple where nothing is extended",
        set_binding(16, "fit", "multiple")),
    InvalidRow("binding-kind-8", CLIP, 32, "a kind that there is not",
        change_all(set_binding([3, 8], "kinds"), set_binding({}, "parameters", "8"))),
    *(
        InvalidRow(f"binding-kind-{kind}", CLIP, 32, "a kind of the range for drafts",
            change_all(set_binding([3, kind], "kinds"), set_binding({}, "parameters", str(kind))))
        for kind in (48, 49, 50, 62)
    ),
    InvalidRow("binding-kinds-descending", VQ, 32, "kinds in another order", set_binding([5, 2], "kinds")),
    InvalidRow("binding-kind-twice", VQ, 32, "a kind twice", set_binding([2, 5, 5], "kinds")),
    InvalidRow("binding-compact", VQ, 32, "a compact kind that is none of its kinds", set_binding(4, "compact")),
    InvalidRow("binding-model-63-digits", NET, 32, "a digest of 63 digits", set_binding("5" * 63, "model")),
    InvalidRow("binding-model-in-capitals", NET, 32, "a digest in capitals", set_binding("AB" * 32, "model")),
    InvalidRow("parameters-member-unknown", VQ, 32, "a member more in the parameters of a kind",
        set_binding(6, "parameters", "5", "words")),
    InvalidRow("parameters-member-missing", VQ, 32, "one less", drop_binding("parameters", "5", "usage")),
    InvalidRow("parameters-of-other-kind", VQ, 32,
        "an unknown mode in the parameters of a kind that the file has not",
        set_binding(["static", "raw", "lzma"], "parameters", "2", "modes")),
    InvalidRow("parameters-modes-order", CAPTION, 32, "modes in another order",
        set_binding(["raw", "static"], "parameters", "2", "modes")),
    InvalidRow("parameters-modes-none", CAPTION, 32, "no mode at all", set_binding([], "parameters", "2", "modes")),
    InvalidRow("parameters-vocabulary-0", CAPTION, 32, "no ids at all",
        set_binding(0, "parameters", "2", "vocabulary")),
    InvalidRow("parameters-static-null", CAPTION, 32, "null in place of a digest",
        set_binding(None, "parameters", "2", "static")),
    InvalidRow("parameters-b-17", CLIP, 32, "codes of 17 bits", set_binding(17, "parameters", "3", "b")),
    InvalidRow("parameters-d-0", CLIP, 32, "no dimension", set_binding(0, "parameters", "3", "d")),
    InvalidRow("parameters-d-65537", CLIP, 32, "65537 dimensions", set_binding(65_537, "parameters", "3", "d")),
    InvalidRow("parameters-prior-1", CLIP, 32, "1 in place of true", set_binding(1, "parameters", "3", "prior")),
    InvalidRow("parameters-m-65537", PQ, 32, "65537 parts", set_binding(65_537, "parameters", "4", "m")),
    InvalidRow("parameters-v-65537", PQ, 32, "65537 code words", set_binding(65_537, "parameters", "4", "v")),
    InvalidRow("parameters-stride-7", VQ, 32, "a stride below 8", set_binding(7, "parameters", "5", "stride")),
    InvalidRow("parameters-stride-1025", VQ, 32, "a stride above 1024",
        set_binding(1025, "parameters", "5", "stride")),
    InvalidRow("parameters-code", CODED, 32, "a code that there is not",
        set_binding("huffman", "parameters", "1", "code")),
    InvalidRow("parameters-table-of-fixed", "consonant-fixed-unchecked", 32, "a table where none is used",
        set_binding(ABSENT, "parameters", "1", "table")),
    InvalidRow("parameters-sum-of-groups", NET, 32, "groups that do not sum to `m`",
        set_parameters(7, groups=[2, 2, 3])),
    InvalidRow("parameters-groups-17", NET, 32, "17 groups", set_parameters(7, groups=[1] * 17, m=17)),
    InvalidRow("parameters-rates-65", NET, 32, "65 rates", set_parameters(7, rates=65)),
    InvalidRow("parameters-parity-2", NET, 32, "a parity of 2", set_parameters(7, parity=2)),
    InvalidRow("parameters-m-1025", NET, 32, "1025 channels", set_parameters(7, m=1025, groups=[1025])),
    InvalidRow("parameters-of-no-kind", NET, 33, "parameters of a kind that is none of its kinds",
        set_binding({"code": "fixed"}, "parameters", "1")),
    InvalidRow("parameters-missing", VQ, 33, "a kind without parameters", drop_binding("parameters", "2")),
    InvalidRow("two-kinds-use-the-model", VQ, 33, "two kinds that use the model", _second_model),
    InvalidRow("model-of-nothing", "clip-unchecked", 33, "a model where no kind uses one",
        set_binding(ABSENT, "model")),
    InvalidRow("table-nowhere", CODED, 163, "a table of consonants that nobody has",
        set_binding(ABSENT, "parameters", "1", "table"), 801, "S"),
    InvalidRow("static-nowhere", "caption-static-cat", 174, "tables of captions that nobody has",
        set_binding(ABSENT, "parameters", "2", "static"), 801, "S"),
    InvalidRow("dictionary-nowhere", "caption-zstd-unchecked", 174, "a dictionary that nobody has",
        set_binding(ABSENT, "parameters", "2", "dictionary"), 801, "S"),
    InvalidRow("too-many-symbols", "limit-pixels", 141, "more than 2^26 symbols: 1024 channels",
        set_parameters(7, m=1024, groups=[1024], hyper=1), 605),
    InvalidRow("binding-null", "vq-tiny-unchecked", 32, "no binding", lambda new: new.update(binding=None)),
    InvalidRow("binding-method-as-truth", "micro", 32, "true in place of method 1", set_binding(True, "method")),
    InvalidRow("binding-compact-as-truth", "consonant-fixed-unchecked", 32, "true in place of kind 1",
        set_binding(True, "compact")),
    InvalidRow("binding-fit-multiple-0", "micro", 32, "multiples of 0", set_binding(0, "fit", "multiple")),
    InvalidRow("binding-kinds-as-number", "vq-tiny-unchecked", 32, "a number in place of the list of kinds",
        set_binding(5, "kinds")),
    InvalidRow("binding-kinds-mixed", "vq-tiny-unchecked", 32, "kinds as a number and as a text",
        set_binding([2, "5"], "kinds")),
    InvalidRow("parameters-as-list", "vq-tiny-unchecked", 32, "parameters in a list", set_binding([], "parameters")),
    InvalidRow("parameters-of-kind-8", "vq-tiny-unchecked", 32, "parameters of a kind that there is not",
        set_binding({}, "parameters", "8")),
    InvalidRow("parameters-of-kind-as-list", "clip-tiny-unchecked", 32, "names in place of the parameters of a kind",
        set_binding(["b", "d", "prior"], "parameters", "3")),
    InvalidRow("parameters-parity-false", "micro", 32, "false in place of parity 0",
        set_binding(False, "parameters", "7", "parity")),
    InvalidRow("parameters-static-no-digest", "caption-raw-unchecked", 32, "a text that is no digest",
        set_binding("caption.bin", "parameters", "2", "static")),
    InvalidRow("parameters-table-no-digest", "consonant-coded-unchecked", 32, "the same of a table",
        set_binding("consonant.bin", "parameters", "1", "table")),
    InvalidRow("parameters-member-of-coded", "consonant-coded-unchecked", 32, "a member more of consonants",
        set_binding(1, "parameters", "1", "words")),
    InvalidRow("parameters-member-of-captions", "caption-raw-unchecked", 32, "a member more of captions",
        set_binding(1, "parameters", "2", "words")),
    InvalidRow("parameters-modes-as-number", "caption-raw-unchecked", 32, "a number in place of the list of modes",
        set_binding(3, "parameters", "2", "modes")),
    InvalidRow("parameters-dictionary-no-digest", "caption-raw-unchecked", 32, "the same of a dictionary",
        set_binding("caption.zdict", "parameters", "2", "dictionary")),
    InvalidRow("parameters-tokenizer-no-digest", "caption-raw-unchecked", 32, "the same of a tokenizer",
        set_binding("clip", "parameters", "2", "tokenizer")),
    InvalidRow("parameters-member-of-clip", "clip-tiny-unchecked", 32, "a member more of CLIP bits",
        set_binding(1, "parameters", "3", "words")),
    InvalidRow("parameters-member-of-pq", "pq-tiny-unchecked", 32, "a member more of PQ codes",
        set_binding(1, "parameters", "4", "words")),
    InvalidRow("parameters-member-of-latents", "micro", 32, "a member more of latents",
        set_binding(1, "parameters", "7", "words")),
    InvalidRow("parameters-codebooks-1", "pq-tiny-unchecked", 32, "1 in place of true",
        set_binding(1, "parameters", "4", "codebooks")),
    InvalidRow("parameters-usage-1", "vq-tiny-unchecked", 32, "1 in place of true",
        set_binding(1, "parameters", "5", "usage")),
    InvalidRow("parameters-v-65537-of-indices", "vq-tiny-unchecked", 32, "65537 code words",
        set_binding(65_537, "parameters", "5", "v")),
    InvalidRow("parameters-groups-as-number", "micro", 32, "a number in place of the list of groups",
        set_binding(8, "parameters", "7", "groups")),
    InvalidRow("binding-fit-multiple-65537", "micro", 32, "multiples of 65537",
        set_binding(65_537, "fit", "multiple")),
    InvalidRow("parameters-vocabulary-65537", "caption-raw-unchecked", 32, "65537 ids",
        set_binding(65_537, "parameters", "2", "vocabulary")),
    InvalidRow("parameters-b-0", "clip-tiny-unchecked", 32, "codes of no bits",
        set_binding(0, "parameters", "3", "b")),
    InvalidRow("parameters-m-0-of-codes", "pq-tiny-unchecked", 32, "no parts", set_binding(0, "parameters", "4", "m")),
    InvalidRow("parameters-v-0-of-codes", "pq-tiny-unchecked", 32, "no code words",
        set_binding(0, "parameters", "4", "v")),
    InvalidRow("parameters-v-0-of-indices", "vq-tiny-unchecked", 32, "no code words",
        set_binding(0, "parameters", "5", "v")),
    InvalidRow("parameters-hyper-0", "micro", 32, "no channels of z", set_binding(0, "parameters", "7", "hyper")),
    InvalidRow("parameters-rates-0", "micro", 32, "no rates", set_binding(0, "parameters", "7", "rates")),
    InvalidRow("parameters-parity-minus-1", "micro", 32, "a parity of -1",
        set_binding(-1, "parameters", "7", "parity")),
    InvalidRow("too-many-symbols-by-1", "limit-pixels", 141, "2^26 symbols and one",
        set_parameters(7, m=511, groups=[511], hyper=16), 605),
    InvalidRow("two-kinds-use-no-model", "vq-tiny-unchecked", 33, "two kinds that use a model, and none",
        _two_models_and_none),
)  # fmt: skip

NO_STATIC: Final = set_binding(ABSENT, "parameters", "2", "static")
NO_DICTIONARY: Final = set_binding(ABSENT, "parameters", "2", "dictionary")
CHANGED: Final = (
    ChangedRow("raw-without-tables", CAPTION, 174, "no table of the row is at hand, and raw needs none",
        change_all(NO_STATIC, NO_DICTIONARY)),
    ChangedRow("tokens-without-tables", "caption-tokens-16-unchecked", 174, "nor do ids",
        change_all(NO_STATIC, NO_DICTIONARY)),
    ChangedRow("static-without-dictionary", "caption-static-cat", 174, "static needs no dictionary", NO_DICTIONARY),
    ChangedRow("zstd-without-static", "caption-zstd-unchecked", 174, "zstd needs no more than it", NO_STATIC),
)  # fmt: skip

CASES: Final = (*INVALID, *CHANGED)
