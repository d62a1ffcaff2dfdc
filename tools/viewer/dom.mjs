// SPDX-License-Identifier: MIT
// Elements. Text of a file reaches the page as text nodes and attributes only.

const SPACES = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g;
const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** The text with control characters and marks of direction spelled out, so that it cannot pass for the page's own. */
export const plain = (text) => String(text).replace(SPACES, escaped);

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
