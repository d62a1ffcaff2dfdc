# SPDX-License-Identifier: MIT
"""Pillow's image of a `.sem` file: opened from its header and sections, decoded when its pixels are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from PIL import Image, ImageFile, UnidentifiedImageError

from refcodec import spec
from refcodec.container.limits import level_bounds
from refcodec.errors import Code, SemError
from refcodec.file_input import contents
from refcodec.pillow import decoding
from refcodec.pillow.file_info import FileInfo, file_info

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess

FORMAT: Final = "SEM"
_CLOSED: Final = "Operation on closed image"  # as Pillow has it


class SemImageFile(ImageFile.ImageFile):
    """An image that `PIL.Image.open` returns for a `.sem` file, in mode RGB.

    decode_options: arguments of `refcodec.decode`, used when the pixels are loaded; those of `configure` at first.
    """

    format = FORMAT
    format_description = "Semantic image"
    decode_options: dict[str, Any]

    def _open(self) -> None:
        assert self.fp is not None
        self.decode_options = decoding.options_of_process()
        level = self.decode_options.get("level", 1)
        self._data: bytes | None = self.fp.read(len(spec.MAGIC))
        if self._data != spec.MAGIC:
            raise SyntaxError("not a .sem file")
        try:
            self._data += contents(cast(BinaryIO, self.fp), level_bounds(level).file_bytes)
            self._file = file_info(self._data, level, self.decode_options.get("environment"))
        except SemError as error:
            raise _open_error(error) from error
        self._mode, self._size = "RGB", self._file.size
        self.info.update(self._file.info)
        self.tile = [ImageFile._Tile("sem", (0, 0, *self.size), 0, self.mode)]

    def load(self) -> PixelAccess | None:
        """Decode the file, once. Raises OSError, with the code of SPEC §17 in its text, if that fails."""
        if self.tile:
            data = None if self.fp is None else self._data
            if data is not None:
                self._become(*decoding.decoded(data, self.decode_options), self._file)
            elif self.tile:  # not loaded by another thread in between
                raise ValueError(_CLOSED)
        return Image.Image.load(self)

    def _become(self, picture: Image.Image, verified: bool, file: FileInfo) -> None:
        """Take the pixels and the note of a decoded picture."""
        self.im, self._mode, self._size = picture.im, picture.mode, picture.size
        self.info.update(picture.info)
        if verified and file.verifiable and self.info["check"] == "unchecked":
            self.info["check"] = "ok"
        self.tile, self.readonly = [], 0  # before the file goes
        stream, self.fp, self._data = self.fp, None, None
        if stream is not None and self._exclusive_fp and self._close_exclusive_fp_after_loading:
            stream.close()

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the picture beside the size of the file, or the reason why there is none."""
        from refcodec.notebook import image_html

        return image_html(self)

    def load_seek(self, pos: int) -> None:
        """Do nothing. That it exists keeps `ImageFile.Parser` from looking for a decoder of single blocks."""

    def verify(self) -> None:
        """Decode the symbols and verify the check; no picture is reconstructed, and the file is closed.

        Raises SyntaxError for an invalid file, OSError for one that cannot be verified here, such as without its model.
        """
        data, self._data = self._data, None
        try:
            if data is not None:
                decoding.verify(data, self.decode_options)
        finally:
            super().verify()

    def close(self) -> None:
        """Close the file and release the pixels."""
        self._data = None
        super().close()


def _open_error(error: SemError) -> Exception:
    """Return the exception of `Image.open` for a file with the magic of the format."""
    if error.code == Code.NOT_A_SEM_FILE:
        return SyntaxError(str(error))
    return OSError(str(error)) if error.family in ("io", "limit") else UnidentifiedImageError(str(error))
