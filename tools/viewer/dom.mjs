// SPDX-License-Identifier: MIT
// Elements. Text of a file reaches the page as text nodes and attributes only.

// controls, marks of direction and what else is invisible, without the joiners of emoji and of Persian; halves of characters
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const hex = (character, digits) => character.codePointAt(0).toString(16).padStart(digits, "0");
const escaped = (character) => (character.length > 1 ? `\\u{${hex(character, 1)}}` : `\\u${hex(character, 4)}`);

/** The text with control characters and marks of direction spelled out, so that it cannot pass for the page's own. */
export const plain = (text) => String(text).replace(UNSEEN, escaped);

/** An element with attributes and children; an attribute that is null or false is left out, true stands without value. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A list of terms and descriptions: [term, text or dd element] each. */
export function facts(pairs, className = "facts") {
  return el("dl", { class: className }, pairs.flatMap(([term, what]) => [el("dt", {}, term), what.tagName === "DD" ? what : el("dd", {}, what)]));
}

/** 12,345; of numbers below 10 that are no integers as many digits as matter. */
export const number = (x, digits = 0) => x.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;
