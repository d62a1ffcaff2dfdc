# SPDX-License-Identifier: MIT
"""The style sheet of the report of `semtool bench rate`."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--line:#8883;--soft:#8881;--good:light-dark(#0a7a4b,#4cd39a);--bad:light-dark(#b3261e,#ff9a8f)}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:78rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:3rem 0 .4rem;letter-spacing:-.01em}h3{font-size:1rem;margin:0 0 .5rem;overflow-wrap:anywhere}
p{margin:.2rem 0 1rem;max-width:60rem}.dim{opacity:.68}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.35rem .9rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;font-size:.86rem}thead th{opacity:.75}
th:first-child,td:first-child{text-align:left;padding-left:0}tbody th{text-align:left;padding-left:0}
tr.part th{padding-top:1.2rem;font-size:.95rem}
.wide{overflow-x:auto}
.good{color:var(--good)}.bad{color:var(--bad)}td b{font-size:1.05rem}
td svg{width:120px;height:14px;vertical-align:-2px;margin-left:.6rem}
td .axis{stroke:currentColor;opacity:.4}td .bar{fill:currentColor}
small{font-size:.8rem;color:light-dark(#5f6368,#a8adb3);font-weight:400}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.4rem 0 .6rem;padding:0;list-style:none}
.key{display:inline-block;width:1.1em;height:.28em;border-radius:.2em;vertical-align:.22em;margin-right:.45em}
.key.first{background:currentColor}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1.5rem}
.panels figure{margin:0;border:1px solid var(--line);border-radius:.7rem;padding:1rem}
figcaption{font-weight:600;overflow-wrap:anywhere}
.panels svg{width:100%;height:auto}.panels svg text{fill:currentColor}
.panels svg [stroke="#ddd"]{stroke:var(--line)}
.panels svg [stroke="#000000"]{stroke:currentColor;stroke-width:3}.panels svg g[fill="#000000"]{fill:currentColor}
.picture{border:1px solid var(--line);border-radius:.7rem;padding:1rem;margin:1rem 0}
.crops{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(15.5rem,100%),1fr));gap:1rem}
.crops figure{margin:0}.crops img{display:block;width:100%;border-radius:.35rem;background:var(--soft)}
.crops figcaption{font-weight:400;font-size:.86rem;line-height:1.4;margin-top:.35rem}
.crops .thumb{display:block;width:100%;max-height:14rem;border-radius:.35rem}
details{border-top:1px solid var(--line);padding:.5rem 0}summary{cursor:pointer;font-weight:600}
code{font:13px/1.6 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem;font-size:.9rem}
"""
