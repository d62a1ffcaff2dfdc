// SPDX-License-Identifier: MIT
// Maps in a kernel's memory, channel by channel. A plane has a column of zeros before each row, which also ends the row
// before, and a row of zeros above and below: a convolution then reads its neighbours at fixed distances. Behind the last
// row there is room for the sites by which the kernel rounds up.

const TILE = 8; // sites that the kernel computes at once
export const CHANNELS = 4; // output channels that it computes at once

/** The layout of maps of h rows of w sites. */
export class Layout {
  constructor(h, w) {
    Object.assign(this, { h, w });
    this.row = w + 1;
    /** The site before the first one of row 0, where a convolution begins; it ends after `count` sites. */
    this.first = this.row;
    this.count = TILE * Math.ceil((h * this.row) / TILE);
    /** Numbers of a plane. */
    this.plane = 4 * Math.ceil((this.first + this.count + this.row + 2) / 4);
  }

  /** Where row r begins within its plane. */
  at(r) {
    return (r + 1) * this.row + 1;
  }

  /** Numbers of a map of so many channels, which the kernel rounds up. */
  size(channels) {
    return CHANNELS * Math.ceil(channels / CHANNELS) * this.plane;
  }

  /** Zero all that is not a site of a map at `at`. */
  clear(data, at, channels) {
    for (let i = 0, plane = at; i < channels; i++, plane += this.plane) {
      data.fill(0, plane, plane + this.row + 1);
      for (let r = 1; r < this.h; r++) data[plane + (r + 1) * this.row] = 0;
      data.fill(0, plane + (this.h + 1) * this.row, plane + this.plane);
    }
  }
}

/** Write the map at `from`, of `channels` in the layout `source`, as torch.nn.PixelShuffle does; `target` at `to`. */
export function shuffle(data, from, source, to, target, channels, factor) {
  const outputs = channels / factor ** 2;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < factor; i++) {
      for (let j = 0; j < factor; j++) {
        const plane = from + ((o * factor + i) * factor + j) * source.plane;
        for (let r = 0; r < source.h; r++) {
          let write = to + o * target.plane + target.at(factor * r + i) + j;
          const read = plane + source.at(r);
          for (let c = 0; c < source.w; c++, write += factor) data[write] = data[read + c];
        }
      }
    }
  }
}
