# SPDX-License-Identifier: MIT
"""Mutants that decode files wrongly, in the order of SPEC.md."""

from __future__ import annotations

from mutants.mutant import Mutant


def m(name: str, wrong: str, groups: str, *edits: str, slow: bool = False) -> Mutant:
    """Return a mutant. `edits`: old text, new text, old, new …"""
    pairs = tuple(zip(edits[::2], edits[1::2], strict=True))
    return Mutant(name, wrong, tuple(groups.split()), pairs, timeout=3.0 if slow else 20.0, slow=slow)


HEADER = (
    m("magic-half", "only the first byte of the magic is checked", "header", 'data[:2] != b"\\xf5\\x9e"', 'data[:1] != b"\\xf5"'),
    m("any-version", "every version is read as version 1", "header", "if version != 1:", "if False:"),
    m("reserved-bit", "the reserved bit is not checked", "header", "if reserved != 0:", "if False:"),
    m("check-code-1", "check_code 1 counts as no check", "header", "CHECK_BYTES = {0: 0,", "CHECK_BYTES = {0: 0, 1: 0,"),
    m("size-form", "sizes that have a class are accepted in explicit form", "header", "if (width, height) in dims.values():", "if False:"),
    m("class-swapped", "width and height of a class are exchanged", "header", "width, height = dims[dim_class]", "height, width = dims[dim_class]"),
    m("width-bias", "1 is not added to the width", "header", "width = reader.varint() + 1", "width = max(reader.varint(), 1)"),
    m("varint-bias", "longer varints have no bias, so that a number has two forms", "header", "n = ((n + 1) << 7)", "n = (n << 7)"),
    m("varint-long", "the fourth byte of a varint may have bit 7 set", "header", "if byte & 0x80:\n            fail", "if False:\n            fail"),
    m("base-254", "base_profile has no upper bound", "header", "if base_profile > 253:", "if False:"),
    m("base-as-row", "base rows are accepted without an explicit model", "header", "if is_base(binding):", "if False:"),
    m("hash-code", "hash_code has no upper bound", "header", "if hash_code > 3:", "if hash_code > 255:"),
    m("hash-code-masked", "hash_code is reduced to two bits", "header", "hash_code = reader.u(8)", "hash_code = reader.u(8) & 3"),
    m("extended-profile", "extended profiles are read in the wrong byte order", "registries",
      "profile = 256 + reader.u(16)", "profile = 256 + (reader.u(8) | reader.u(8) << 8)"),
    m("empty-201", "an empty file counts as truncated", "header", 'if data[:2] != b"\\xf5\\x9e":', 'if data and data[:2] != b"\\xf5\\x9e":'),
)  # fmt: skip

SECTIONS = (
    m("order-ignored", "sections may be in any order", "sections",
      "if before and order(type_) <= order(before[-1].type):", "if type_ in [one.type for one in before]:"),
    m("duplicates", "a type may occur twice", "sections", "order(type_) <= order(", "order(type_) < order("),
    m("order-by-type", "sections are ordered by type byte, ancillary before critical", "sections",
      "return (1, type_) if type_ >= 0x80 else (2, type_)", "return 1, type_"),
    m("critical-dropped", "unknown critical sections are skipped", "sections",
      "if type_ >= 0x80 and not 0x81 <= type_ <= 0x87:", "if False:",
      "if type_ >= 0x80 and type_ & 0x3F not in", "if 0x81 <= type_ <= 0x87 and type_ & 0x3F not in",
      "if not part.critical:", "if not 0x81 <= part.type <= 0x87:"),
    m("ancillary-refused", "unknown ancillary sections are rejected", "sections",
      "if type_ >= 0x80 and not 0x81 <= type_ <= 0x87:", "if type_ not in {1, 2, 4, 0x43, *range(0x81, 0x88)}:"),
    m("ancillary-unchecked", "checks of unknown ancillary sections are not verified", "sections",
      "if part.check != wanted:", "if part.check != wanted and (part.critical or part.type in {1, 2, 4, 0x43}):"),
    m("kind-of-profile", "kinds that the profile does not allow are accepted", "sections",
      'if type_ >= 0x80 and type_ & 0x3F not in head.binding["kinds"]:', "if False:"),
    m("compact-in-sections", "a lone compact kind may be in sectioned form", "sections", "if head.count == 1 and type_ ==", "if False and type_ =="),
    m("trailing", "bytes after the last section are accepted", "sections", "if reader.position != len(data):", "if False:"),
    m("cut-refused", "a file that ends between sections is rejected", "sections", "if result and reader.position == len(data):", "if False:"),
    m("cut-unsaid", "a file that ends between sections is reported as complete", "sections", "return result, False", "return result, True"),
    m("cut-inside", "a truncated last section is accepted", "sections",
      "    body = reader.bytes(length)", "    body = reader.bytes(min(length, len(reader.data) - reader.position) if before else length)"),
    m("keys-unordered", "keys may be in any order", "sections", " or key <= last_key", ""),
    m("keys-twice", "a key may occur twice", "sections", " or key <= last_key", " or key < last_key"),
    m("key-65", "keys may have 65 bytes", "sections", "if not 1 <= len(key) <= 64", "if not 1 <= len(key) <= 65"),
    m("entries-1025", "1025 entries are accepted", "sections", "if len(entries) == 1024:", "if len(entries) == 1025:"),
    m("key-value-latin", "key-value texts need not be UTF-8", "sections",
      'entries.append((key.decode("utf-8"), value.decode("utf-8")))', 'entries.append((key.decode("latin-1"), value.decode("latin-1")))'),
    m("hints-free", "values of hints have any form", "sections", "HINT_FORMS if type_ == HINTS else {}", "{}"),
    m("hints-prefix", "only the beginning of a hint's value is checked", "sections", "re.fullmatch(form,", "re.match(form,"),
    m("hints-everywhere", "provenance and metadata must have the forms of hints", "sections", "HINT_FORMS if type_ == HINTS else {}", "HINT_FORMS"),
)  # fmt: skip

CHECKS = (
    m("check-ignored", "the check is not verified", "sections header", "if part.check != wanted:", "if False:"),
    m("check-first-byte", "only the first byte of a check is compared", "sections header", "if part.check != wanted:", "if part.check[:1] != wanted[:1]:"),
    m("check-first-two", "only two bytes of a check of four are compared", "header sections", "if part.check != wanted:", "if part.check[:2] != wanted[:2]:"),
    m("check-of-body", "the check covers the body instead of the symbols", "header", "bytes([part.type]) + part.symbols", "bytes([part.type]) + part.body"),
    m("check-without-type", "the check does not cover the section's type", "header", "head.h + bytes([part.type]) + part.symbols", "head.h + part.symbols"),
    m("check-compact-0", "the type of a compact body is 0 in the check", "header", "head.h + bytes([part.type]) +", "head.h + bytes([part.type if head.sectioned else 0]) +"),
    m("check-sectioned", "the bit `sectioned` is not cleared in H", "sections", "h[2] &= 0b11111101", "pass"),
    m("key-of-base", "the key of an explicit model has the model of its base", "header", 'binding["model"] = model_digest', "pass"),
    m("key-of-hash", "the key of an explicit model has the hash in the header instead of the digest", "header",
      'binding["model"] = model_digest', 'binding["model"] = head.model_hash.hex()'),
    m("unchecked-is-ok", "a check that cannot be verified is reported as ok", "header sections", 'return "unchecked"', 'return "ok"'),
    m("check-early", "checks are verified before later payloads are decoded", "sections",
      '        part.report["sha256"]', '        judge_check(part, head, digest)\n        part.report["sha256"]'),
)  # fmt: skip

CODER = (
    m("tail-free", "the form of a stream's tail is not checked", "elic clip", "if canonical != coder.body:", "if False:"),
    m("tail-floor", "finish rounds down", "clip pq", "-(-low // 2**24)", "low // 2**24"),
    m("tail-zeros", "finish keeps zeros at the end", "clip pq vq", '.to_bytes(length, "big").rstrip(b"\\0")', '.to_bytes(length, "big")'),
    m("tail-no-carry", "finish never carries", "clip pq vq elic", "elif low + range_ > 2**32:", "elif False:"),
    m("padding-ff", "bytes after the body are read as FF", "clip pq", "if self.position < len(self.body) else 0", "if self.position < len(self.body) else 255"),
    m("no-padding", "reading past the body is an error", "clip pq",
      "next_byte = self.body[self.position] if self.position < len(self.body) else 0",
      'next_byte = self.body[self.position] if self.position < len(self.body) else fail(401, "end", self.here)'),
    m("no-padding-at-start", "a body of fewer than four bytes is an error", "clip pq",
      '"big")\n        self.range = 2**32 - 1', '"big") if len(body) >= 4 else fail(401, "short", offset)\n        self.range = 2**32 - 1'),
    m("start-ff", "a body of FF FF FF FF is accepted", "clip elic", "if self.code >= self.range:", "if False:"),
    m("symbol-search", "the symbol search rounds differently", "elic clip",
      "((self.code + 1) * total - 1) // self.range", "self.code * total // self.range"),
    m("range-first", "the range is divided before it is multiplied", "elic clip",
      "a = self.range * cumulative[symbol] // total", "a = self.range // total * cumulative[symbol]",
      "b = self.range * cumulative[symbol + 1] // total", "b = self.range // total * cumulative[symbol + 1]"),
    m("renormalise-late", "one more byte is read at a range of 2^24", "elic clip caption", "while self.range < 2**24:", "while self.range <= 2**24:"),
    m("range-32", "the range begins at 2^32", "elic clip", "self.range = 2**32 - 1\n", "self.range = 2**32\n"),
    m("escape-sign", "the sides of an escape are swapped", "elic sketch", "if side == 0 else", "if side == 1 else"),
    m("escape-15", "the prefix of an escape ends after 15 ones", "elic sketch", "while q < 16 and", "while q < 15 and"),
    m("escape-offset", "escapes above the table are 1 too high", "elic sketch", "value = self.offset + n + e if", "value = self.offset + n + 1 + e if"),
    m("escape-range", "symbols outside of 16 bits are accepted", "elic sketch", "if not -32767 <= value <= 32767:", "if False:"),
)  # fmt: skip

NETWORKS = (
    m("sums-float32", "sums are rounded to binary32", "elic sketch models",
      "b + sum(map(operator.mul, row, patch)) for", 'int(struct.unpack("f", struct.pack("f", b + sum(map(operator.mul, row, patch))))[0]) for'),
    m("sums-32-bit", "sums wrap around at 32 bits", "elic sketch header",
      "b + sum(map(operator.mul, row, patch)) for", "(b + sum(map(operator.mul, row, patch)) + 2**31) % 2**32 - 2**31 for"),
    m("products-float32", "products with a multiplier are rounded to binary32", "elic sketch",
      "clamp((x * m + a) >> s,", 'clamp(int(struct.unpack("f", struct.pack("f", x * m + a))[0]) >> s,'),
    m("products-32-bit", "products with a multiplier wrap around at 32 bits", "elic sketch", "clamp((x * m + a) >> s,", "clamp(((x * m + a + 2**31) % 2**32 - 2**31) >> s,"),
    m("half-to-even", "a requantisation rounds halves to even", "elic sketch", "clamp((x * m + a) >> s,", "clamp(round((x * m + a - 2 ** (s - 1)) / 2**s),"),
    m("towards-zero", "a requantisation truncates towards zero", "elic sketch", "clamp((x * m + a) >> s,", "clamp(int((x * m + a) / 2**s),"),
    m("no-addend", "the addend of a requantisation is ignored", "elic sketch", "if self.a is None else pick(self.a, rho, o)", "if True else 0"),
    m("rate-0", "the parameters of rate 0 are used for all rates", "elic", "(rho if rates > 1 else 0)", "0"),
    m("no-clamp", "the bounds of a requantisation are ignored", "elic sketch", "clamp((x * m + a) >> s, self.lo, self.hi)", "clamp((x * m + a) >> s, -32768, 32767)"),
    m("outside-nearest", "arrays are padded with their nearest values", "elic sketch",
      "patch += x.at.get((r, c), outside)", "patch += x.at.get((clamp(r, 0, x.rows - 1), clamp(c, 0, x.columns - 1)), outside)"),
    m("deconv-turned", "the kernels of deconvolutions are mirrored", "elic sketch",
      "(pair * self.n + u) * self.n + v]", "(pair * self.n + u) * self.n + (self.n - 1 - v if self.transposed else v)]"),
    m("deconv-axes", "the channel axes of deconvolutions are swapped", "elic sketch",
      "pair = i * self.outputs + o if self.transposed else", "pair = (i * self.outputs + o if self.inputs != self.outputs else o * self.inputs + i) if self.transposed else"),
    m("kernel-transposed", "rows and columns of kernels are swapped", "elic sketch", "(pair * self.n + u) * self.n + v]", "(pair * self.n + v) * self.n + u]"),
    m("relu-none", "relu does nothing", "elic sketch", "[max(v, 0) for v in vector]", "list(vector)"),
    m("ladder-above", "a value on a threshold is above it", "sketch elic", "sum(t < x for t in thresholds)", "sum(t <= x for t in thresholds)"),
)  # fmt: skip

MODELS = (
    m("bounds-free", "the bounds of a model are not checked", "models", "    judge_bounds(model)\n    return model", "    return model"),
    m("tensor-digest", "digests of tensors are not checked", "models", 'if hashlib.sha256(data[begin:end]).hexdigest() != entry["sha256"]:', "if False:"),
    m("model-of-row", "a model may have other shapes than the row", "models", 'if here | {"m": sum(model.groups)} != parameters:', "if False:"),
    m("model-members", "unknown members of a manifest are accepted", "models", "if set(symbols) != {*members, *identity} or", "if not set(symbols) >= set(members) or"),
    m("model-version", "packages of any version are accepted", "models", 'if not is_integer(version, 1, 2) or (version == 2 and "identity" not in symbols):', "if False:"),
    m("model-truth", "true counts as 1", "models", "return type(x) is int and", "return isinstance(x, int) and"),
    m("model-unused", "unused tensors are accepted", "models", "if self.used != set(self.tensors):", "if False:"),
    m("ladder-order", "the thresholds of a ladder may be in any order", "models", "if list(thresholds) != sorted(set(thresholds)):", "if False:"),
    m("kernel-even", "kernels may be even", "models", " or w.shape[2] % 2 == 0 or", " or"),
    m("usage-sum", "usage tables may have any sum", "models", "(min(tensor.values) < 1 or sum(tensor.values) != 2**16)", "min(tensor.values) < 1"),
    m("z-sums", "tables of z may have any sum", "models", "if min(frequencies) < 1 or sum(frequencies) != 2**16:", "if min(frequencies) < 1:"),
    m("code-word-nan", "code words may be infinite", "models", "if kind == 4 and any(bits >> 23", "if False and any(bits >> 23"),
    m("embedding-unasked", "codebooks are not checked when the embedding is requested", "models", "(part.kind != 4 or run.embedding)", "part.kind != 4"),
    m("first-of-several", "if several models have a hash, the first is used", "header elic", "if len(packages) == 1 else None", "if packages else None"),
)  # fmt: skip

CONSONANT = (
    m("nibbles", "the low half of a byte comes first", "consonant", "for code in (byte // 16, byte % 16)", "for code in (byte % 16, byte // 16)"),
    m("nibble-padding", "a last byte 00 is accepted", "consonant", "if n > 0 and body[-1] == 0:", "if False:"),
    m("nibble-kept", "the padding counts as a space", "consonant", "if n > 0 and body[-1] % 16 == 0:", "if False:"),
    m("capitals", "letters are reported in capitals", "consonant", '"".join(LETTERS[code] for code in codes)', '"".join(LETTERS[code] for code in codes).upper()'),
    m("space-at-end", "a text may end in a space", "consonant", "if codes and c == 0:", "if False:"),
    m("two-letters", "the context has two letters", "consonant", "first = 17 * (256 * a + 16 * b + c)", "first = 17 * (16 * b + c)"),
)  # fmt: skip

CAPTION = (
    m("caption-trimmed", "spaces around captions are stripped", "caption", 'text = octets.decode("utf-8")', 'text = octets.decode("utf-8").strip()'),
    m("caption-nfc", "captions are normalised", "caption",
      'text = octets.decode("utf-8")', 'text = importlib.import_module("unicodedata").normalize("NFC", octets.decode("utf-8"))'),
    m("caption-newlines", "line ends are normalised", "caption", 'text = octets.decode("utf-8")', 'text = octets.decode("utf-8").replace("\\r\\n", "\\n")'),
    m("caption-replaced", "invalid UTF-8 is replaced", "caption", 'text = octets.decode("utf-8")', 'text = octets.decode("utf-8", "replace")'),
    m("caption-characters", "the shape counts characters", "caption", '"shape": [[len(octets)]], "value": text', '"shape": [[len(text)]], "value": text'),
    m("caption-reserved", "reserved first bytes are raw texts", "caption", 'if first > b"\\xfa":', 'if first > b"\\xff":',
      '{0xF8: "raw", 0xF9: "zlib", 0xFA: "zstd"}[first[0]]', '{0xF8: "raw", 0xF9: "zlib", 0xFA: "zstd"}.get(first[0], "raw")'),
    m("caption-modes", "modes that the row does not have are accepted", "caption", 'if mode not in parameters["modes"]:', "if False:"),
    m("caption-other-pieces", "any style and pieces are accepted", "caption", "if (style, pieces) != split(text) or", "if False and"),
    m("caption-no-exclusion", "symbols are not excluded after an escape", "caption", "        out = node\n", "        out = None\n"),
    m("caption-depth", "pieces are predicted from two, not three", "caption", "code(coder, tables.of_pieces, history, 3)", "code(coder, tables.of_pieces, history, 2)"),
    m("caption-case", "capitals at the beginning are not restored", "caption", "text = text[:1].upper() + text[1:]", "pass"),
    m("caption-stop", "the full stop at the end is not restored", "caption", 'return text + b"." * stop', "return text"),
    m("zlib-behind", "bytes after a zlib stream are ignored", "caption", "            if inflate.eof:  # SEM-R-176", "            if False:"),
    m("zlib-cut", "a zlib stream may be truncated", "caption", "    if not inflate.eof:  # SEM-R-176", "    if False:"),
    m("token-count", "the number of tokens is read with equal probabilities", "caption", "TOKEN_COUNT = cumulative_of(76 if n == 16 else 1 for n in range(76))", "TOKEN_COUNT = uniform(76)"),
)  # fmt: skip

CODES = (
    m("clip-no-prior", "the model's prior is not used", "clip", "        if sign is not None:  # SEM-R-190", "        if False:"),
    m("clip-prior-turned", "the prior is of negative numbers", "clip", "cumulative_of([2**16 - sign[i], sign[i]])", "cumulative_of([sign[i], 2**16 - sign[i]])"),
    m("codes-little", "S has codes of two bytes in the wrong order", "clip pq vq", 'code.to_bytes(size, "big")', 'code.to_bytes(size, "little")'),
    m("vq-no-usage", "the model's usage is not used", "vq", "table = uniform(v) if usage is None else cumulative_of(usage)", "table = uniform(v)"),
    m("vq-columns", "indices are in column order", "vq",
      "return [[coder.decode(table) for _ in range(w)] for _ in range(h)]",
      "columns = [[coder.decode(table) for _ in range(h)] for _ in range(w)]\n    return [[columns[c][r] for c in range(w)] for r in range(h)]"),
    m("vq-turned", "rows and columns are swapped", "vq", "for _ in range(w)] for _ in range(h)]", "for _ in range(h)] for _ in range(w)]"),
    m("vq-floor", "an incomplete row of patches is dropped", "vq", "return -(-head.height // stride)", "return head.height // stride or 1"),
)  # fmt: skip

LATENTS = (
    m("z-by-site", "z is read site by site", "elic",
      "    for channel in range(model.hyper):\n        for site in z.sites():", "    for site in z.sites():\n        for channel in range(model.hyper):"),
    m("parity", "the other half of the sites comes first", "elic", "== model.parity) == (p == 0)", "== model.parity) == (p == 1)"),
    m("parity-0", "parity is always 0", "elic sketch", "% 2 == model.parity)", "% 2 == 0)"),
    m("groups-turned", "earlier groups are concatenated in the wrong order", "elic",
      "for g in context_groups(model.context, k)]", "for g in context_groups(model.context, k)[::-1]]"),
    m("context-all", "the context always includes all groups", "elic", 'if context == "all" else', "if context else"),
    m("mean-dropped", "means are not added", "elic", "y_hat = 64 * s + mean", "y_hat = 64 * s"),
    m("mean-sign", "means are subtracted", "elic", "y_hat = 64 * s + mean", "y_hat = 64 * s - mean"),
    m("halves", "means come before scales in every model", "elic", 'halves if model.order == "means-scales" else halves[::-1]', "halves"),
    m("table-next", "table numbers are one too high", "elic", "gaussian[j].decode(coder)", "gaussian[min(j + 1, 63)].decode(coder)"),
    m("table-0", "table 0 is read from the stream", "elic sketch", "s = 0 if j == 0 else gaussian[j]", "s = gaussian[j]"),
    m("y-range", "latents outside of 16 bits are clamped", "elic", "if not -32768 <= y_hat <= 32767:", "y_hat = clamp(y_hat, -32768, 32767)\n                    if False:"),
    m("anchors", "heads of anchors are not used", "sketch elic", "anchors = p == 0 and model.anchor_heads is not None", "anchors = False"),
    m("y-input-0", "the scales of group 0 are used for all groups", "elic", "y_parameters[first : first + channels])", "y_parameters[:channels])"),
    m("latents-little", "S has latents in the wrong byte order", "elic", 'struct.pack(f">{len(values)}h"', 'struct.pack(f"<{len(values)}h"'),
    m("latents-by-site", "S has latents site by site", "elic",
      "values = [*self.z.raster(self.z.sites()), *self.y.raster(self.y.sites())]",
      "values = [v for part in (self.z, self.y) for site in part.sites() for v in part.at[site]]"),
    m("rate-unsaid", "S has no rate", "elic", 'self.rho.to_bytes(1, "big") + struct', 'b"" + struct'),
    m("latents-height", "latents have the height of their width", "elic header", "4 * -(-head.height // 64), 4 * -(-head.width // 64)", "4 * -(-head.width // 64), 4 * -(-head.width // 64)"),
)  # fmt: skip

LIMITS = (
    m("no-limits", "nothing is limited", "header caption",
      'LEVEL_1 = {"side": 16384, "pixels": 2**25, "sections": 16, "text": 65536, "symbols": 2**26, "file": 2**26}',
      'LEVEL_1 = dict.fromkeys(["side", "pixels", "sections", "text", "symbols", "file"], 2**40)', slow=True),
    m("no-pixel-limit", "the number of pixels is not limited", "header", 'if head.width * head.height > LEVEL_1["pixels"]:', "if False:", slow=True),
    m("side-16383", "16384 pixels are too many", "header", '"side": 16384', '"side": 16383'),
    m("sections-15", "16 sections are too many", "sections", '"sections": 16', '"sections": 15'),
    m("text-65535", "65536 octets of text are too many", "caption consonant sections", '"text": 65536', '"text": 65535'),
    m("limit-after-length", "the presence of a body is checked before its limit", "sections caption",
      "    judge_body_limits(type_, length, head, start + 1)", "    if length <= len(reader.data) - reader.position:\n        judge_body_limits(type_, length, head, start + 1)"),
    m("limits-last", "limits are checked after the sections", "header sections",
      "    judge_header_limits(data, head)\n    parts, complete = sections(data, head)", "    parts, complete = sections(data, head)\n    judge_header_limits(data, head)"),
)  # fmt: skip

EDITS = (
    *HEADER, *SECTIONS, *CHECKS, *CODER, *NETWORKS, *MODELS, *CONSONANT, *CAPTION, *CODES, *LATENTS, *LIMITS,
)  # fmt: skip
