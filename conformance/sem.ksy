# SPDX-License-Identifier: CC0-1.0
meta:
  id: sem
  title: Semantic image, format version 1
  file-extension: sem
  license: CC0-1.0
  ks-version: '0.11'
  endian: be
  bit-endian: be
doc: |
  The container of a `.sem` file: header, sections, key-value texts. Payload bodies are plain bytes here, since a grammar
  cannot describe a range coder and its models.

  The grammar enforces SEM-R-003, 010 to 014, 016 to 018, 046, 048, 053, the length of keys of SEM-R-049, and that entries
  are complete (SEM-R-050). Everything else is left to the application: sizes that have a dim class, profiles, order and
  kinds of sections, order of keys, UTF-8, hints, checks, limits, and the error codes of SPEC §17.
doc-ref: SPEC.md, version 1, document revision 2
seq:
  - id: header
    type: header
  - id: body
    size-eos: true
    if: not header.sectioned
    doc: The payload of a compact file, of the profile's compact kind; it ends at the end of the file (SPEC §3).
  - id: sections
    type: section
    repeat: until
    repeat-until: sections.size == header.num_sections or _io.eof
    if: header.sectioned
    doc: |
      At least one (SEM-R-046). A file that ends between two sections is incomplete, which is not an error
      (SEM-R-047).
  - id: file_end
    size: 0
    valid:
      expr: _io.eof
    doc: No bytes follow the last section (SEM-R-048).
instances:
  is_complete:
    value: not header.sectioned or sections.size == header.num_sections
    doc: False for a file that ends between two sections (SEM-R-047).
types:
  header:
    doc: SPEC §4.
    seq:
      - id: magic
        contents: [0xf5, 0x9e]
        doc: SEM-R-010.
      - id: version
        type: b3
        valid: 1
        doc: 0 was the draft (SPEC §16). Any other version is unsupported, not invalid (SEM-R-011).
      - id: check_code
        type: b3
        enum: check_code
        valid:
          any-of: [check_code::none, check_code::bits_16, check_code::bits_32]
        doc: SEM-R-012.
      - id: sectioned
        type: b1
      - id: reserved
        type: b1
        valid: false
        doc: SEM-R-013.
      - id: profile
        type: u1
        doc: A row of the registry (SPEC §5); 254 and 255 announce one of the two fields that follow.
      - id: extended_profile
        type: u2
        if: profile == 254
      - id: explicit_model
        type: explicit_model
        if: profile == 255
      - id: dim_class
        type: u1
        valid:
          max: 156
        doc: 0, or a size of Appendix A (SEM-R-018).
      - id: width_minus_1
        type: varint
        if: dim_class == 0
      - id: height_minus_1
        type: varint
        if: dim_class == 0
      - id: check
        size: check_size
        if: not sectioned
        doc: Check of a compact file (SPEC §7).
      - id: count_minus_1
        type: varint
        if: sectioned
    instances:
      check_size:
        value: 'check_code == check_code::none ? 0 : check_code == check_code::bits_16 ? 2 : 4'
        doc: Bytes of each check.
      row:
        value: 'profile == 254 ? 256 + extended_profile : profile == 255 ? explicit_model.base_profile : profile'
        doc: The id of the registry row; for an explicit model, of its base row.
      dims:
        type: dims
      width:
        value: 'dim_class == 0 ? width_minus_1.value + 1 : dims.widths[dim_class - 1]'
        doc: In pixels.
      height:
        value: 'dim_class == 0 ? height_minus_1.value + 1 : dims.heights[dim_class - 1]'
        doc: In pixels.
      num_sections:
        value: 'sectioned ? count_minus_1.value + 1 : 1'
    enums:
      check_code:
        0: none
        3: bits_16
        5: bits_32
  explicit_model:
    doc: A base row, with the model whose digest begins with `model_hash` in place of its own (SPEC §4, §12).
    seq:
      - id: base_profile
        type: u1
        valid:
          max: 253
        doc: SEM-R-017.
      - id: hash_code
        type: u1
        valid:
          max: 3
        doc: 0 to 3 for 4, 8, 16 or 32 bytes (SEM-R-016).
      - id: model_hash
        size: 4 << hash_code
  section:
    doc: SPEC §6.
    seq:
      - id: section_type
        type: u1
        enum: section_type
        doc: The first byte; its bit fields are instances below.
      - id: len_body
        type: varint
      - id: body
        size: len_body.value
        type:
          switch-on: section_type
          cases:
            section_type::provenance: key_value_text
            section_type::hints: key_value_text
            section_type::metadata: key_value_text
      - id: check
        size: _root.header.check_size
        doc: Over the symbols of the section (SPEC §7).
    instances:
      critical:
        value: (section_type.to_i & 0x80) != 0
        doc: Set for payloads. An unknown critical type is unsupported (SEM-R-043); other unknown types are skipped (SEM-R-044).
      safe_to_copy:
        value: (section_type.to_i & 0x40) != 0
        doc: Whether an editor that does not know the section may keep it after changing another section (SEM-R-051).
      number:
        value: section_type.to_i & 0x3f
        doc: The payload kind, for a critical section.
  key_value_text:
    doc: Keys ascend strictly by their bytes (SEM-R-049).
    seq:
      - id: entries
        type: entry
        repeat: eos
      - id: text_end
        size: 0
        valid:
          expr: entries.size <= 1024
        doc: SEM-R-053.
  entry:
    seq:
      - id: len_key
        type: varint
      - id: key
        size: len_key.value
        type: str
        encoding: UTF-8
        valid:
          expr: len_key.value >= 1 and len_key.value <= 64
        doc: SEM-R-049.
      - id: len_value
        type: varint
      - id: value
        size: len_value.value
        type: str
        encoding: UTF-8
  varint:
    doc: One to four bytes, each but the last with bit 7 set. Bijective, so every value has one form (SPEC §2).
    seq:
      - id: first
        type: u1
      - id: second
        type: u1
        if: first >= 128
      - id: third
        type: u1
        if: first >= 128 and second >= 128
      - id: fourth
        type: u1
        valid:
          max: 127
        if: first >= 128 and second >= 128 and third >= 128
        doc: SEM-R-003.
    instances:
      value_1:
        value: first % 128
      value_2:
        value: (value_1 + 1) * 128 + second % 128
      value_3:
        value: (value_2 + 1) * 128 + third % 128
      value_4:
        value: (value_3 + 1) * 128 + fourth
      value:
        value: 'first < 128 ? value_1 : second < 128 ? value_2 : third < 128 ? value_3 : value_4'
  dims:
    doc: The sizes of Appendix A, class 1 first; generated from `dims.json` by `python -m tools.spec.ksy`.
    instances:
      # begin dims
      widths:
        value: |
          [16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 320, 336, 384, 448, 512, 576, 640, 768, 896, 1024, 1080, 1152, 1280, 1536, 2048, 4096,
           176, 144, 320, 180, 320, 240, 352, 288, 512, 256, 500, 333, 500, 375, 512, 384, 640, 360, 640, 426, 640, 427, 640, 480, 720, 480,
           768, 512, 854, 480, 720, 576, 800, 600, 960, 540, 1024, 512, 1024, 576, 960, 640, 960, 720, 1024, 682, 1024, 683, 1200, 630, 1080, 720,
           1024, 768, 1080, 810, 1152, 768, 1280, 720, 1200, 800, 1536, 640, 1216, 832, 1280, 800, 1152, 896, 1344, 768, 1280, 853, 1280, 960, 1280, 1024,
           1600, 900, 1440, 1080, 1536, 1024, 1600, 1067, 1620, 1080, 1600, 1200, 1920, 1080, 2048, 1024, 1800, 1200, 1920, 1200, 2048, 1152, 1920, 1280, 1920, 1440,
           2048, 1365, 2048, 1366, 2048, 1536, 2560, 1440, 2560, 1600, 2560, 1707, 3000, 2000, 3840, 2160, 4000, 3000, 4032, 3024, 4608, 3456, 5184, 3456, 6000, 4000]
      heights:
        value: |
          [16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 320, 336, 384, 448, 512, 576, 640, 768, 896, 1024, 1080, 1152, 1280, 1536, 2048, 4096,
           144, 176, 180, 320, 240, 320, 288, 352, 256, 512, 333, 500, 375, 500, 384, 512, 360, 640, 426, 640, 427, 640, 480, 640, 480, 720,
           512, 768, 480, 854, 576, 720, 600, 800, 540, 960, 512, 1024, 576, 1024, 640, 960, 720, 960, 682, 1024, 683, 1024, 630, 1200, 720, 1080,
           768, 1024, 810, 1080, 768, 1152, 720, 1280, 800, 1200, 640, 1536, 832, 1216, 800, 1280, 896, 1152, 768, 1344, 853, 1280, 960, 1280, 1024, 1280,
           900, 1600, 1080, 1440, 1024, 1536, 1067, 1600, 1080, 1620, 1200, 1600, 1080, 1920, 1024, 2048, 1200, 1800, 1200, 1920, 1152, 2048, 1280, 1920, 1440, 1920,
           1365, 2048, 1366, 2048, 1536, 2048, 1440, 2560, 1600, 2560, 1707, 2560, 2000, 3000, 2160, 3840, 3000, 4000, 3024, 4032, 3456, 4608, 3456, 5184, 4000, 6000]
      # end dims
enums:
  section_type:
    0x01: provenance
    0x02: hints
    0x04: thumbnail
    0x43: metadata
    0x81: consonant
    0x82: caption
    0x83: clip
    0x84: pq
    0x85: vq
    0x86: sketch
    0x87: elic
